/*
id = "study-low-progress"
number = "R12"
title.sv = "Otillräckliga studieresultat"
title.en = "Low study progress"
finding.sv = "För studieåret {year_from} till {year_to} (år {year_no}) har resultat om {credits_tenths of required_tenths} kommit in till och med {evaluated_on}; kravet är {required_tenths}[months_excused: , minskat med {months_excused} tolftedelar för ursäktade månader]. Omständighet att utreda."
finding.en = "For the study year {year_from} to {year_to} (year {year_no}) results of {credits_tenths of required_tenths} have been received up to {evaluated_on}; the requirement is {required_tenths}[months_excused: , less {months_excused} twelfths for excused months]. A circumstance to look into."
permit_classes = ["STUDY_HE"]
legal_basis = ["UtlL 5 b kap. 22 § 2 st.", "UtlL 5 b kap. 18 §"]
legal_gate = "request"
severity = "weak"
owner = "study-control"

[[counter_evidence]]
sv = "Studieuppehåll, anstånd, utbytestermin, doktorandanställning eller examen under året (tar bort indikationen)"
en = "Approved leave, deferral, exchange abroad, doctoral employment or degree in the year (removes the indication)"
[[counter_evidence]]
sv = "Ursäktade månader räknas som om deras del av kravet var uppfylld"
en = "Excused months count as if their share of the requirement were met"
column = "months_excused"
[[counter_evidence]]
sv = "Omtentamen öppen: en studieperiod som slutar sent på året eller efter det flyttar bedömningen"
en = "Re-examination open: a study period that ends late in the year or after it moves the evaluation"
column = "evaluated_on"
[[counter_evidence]]
sv = "Resultat som rapporterats sent (tar bort, sänker eller avslutar indikationen)"
en = "Results reported late (remove, lower or end the indication)"
column = "credits_tenths"
[[counter_evidence]]
sv = "Känt när tillståndet förlängdes: redan prövat (räknas inte på förlängningen)"
en = "Known when the permit was extended: already weighed (does not count on the extension)"
[[counter_evidence]]
sv = "Tillgodoräknande under prövning"
en = "A credit transfer under consideration"
checked = false
[[counter_evidence]]
sv = "Kursens resultat ännu inte attesterade, inte heller för kurskamraterna"
en = "The course's results not yet attested, for the other students either"
checked = false
[[counter_evidence]]
sv = "Sjukdom eller annat hinder som inte gett någon uppgift om ursäktad månad"
en = "Illness or another hindrance that no source has reported as an excused month"
checked = false

[params.wait_days]
default = 60
doc.sv = "dagar från studieårets slut till bedömningen"
doc.en = "days from the end of the study year to the evaluation"
source.sv = "eget antagande"
source.en = "own default"
[params.retake_days]
default = 90
doc.sv = "dagar från studieårets slut till bedömningen när en omtentamen kan vara öppen"
doc.en = "days from the end of the study year to the evaluation while a re-examination may be open"
source.sv = "eget antagande"
source.en = "own default"
[params.recent_days]
default = 30
doc.sv = "en studieperiod som slutar högst så många dagar före årets slut kan ha en omtentamen öppen"
doc.en = "a study period that ends at most so many days before the end of the year may have a re-examination open"
source.sv = "eget antagande"
source.en = "own default"
[params.medium_pct]
default = 50
doc.sv = "resultat under denna andel av kravet gör indikationen medel"
doc.en = "credits below this share of the requirement are medium"
source.sv = "eget antagande"
source.en = "own default"
*/
WITH study AS (   -- study permits with the first day of the unbroken row that they belong to, and its last
    SELECT p.person_id, p.permit_id, p.record, p.first_known_time, p.valid_from,
           coalesce(p.held_since, min(p.valid_from) OVER (PARTITION BY p.person_id, p.right_id)) AS started_on,
           max(coalesce(p.held_until, DATE '2199-12-31')) OVER (PARTITION BY p.person_id, p.right_id) AS last_on
    FROM rights p
    WHERE p.permit_class = 'STUDY_HE'
),
year AS (   -- their study years, each under the permit that is in force when it is evaluated
    SELECT s.*, k.year_no, k.requirement,
           add_months(s.started_on, 12 * (k.year_no - 1)) AS from_on, add_months(s.started_on, 12 * k.year_no) AS to_on
    FROM (VALUES (1, 'study_credits_tenths_year_1'), (2, 'study_credits_tenths_year_2'), (3, 'study_credits_tenths_year_3'),
                 (4, 'study_credits_tenths_year_3'), (5, 'study_credits_tenths_year_3'), (6, 'study_credits_tenths_year_3'))
         AS k(year_no, requirement)
    CROSS JOIN study s
    WHERE add_months(s.started_on, 12 * k.year_no) <= s.last_on + 1   -- of a year that was cut short nothing is asked
),
due AS (   -- with the requirement in force at the end of the year, and the day of evaluation
    SELECT y.person_id, y.permit_id, y.record, y.first_known_time, y.valid_from, y.year_no, l.value AS required, y.from_on, y.to_on,
           y.to_on + CASE WHEN count(r.record) > 0 THEN $retake_days ELSE $wait_days END AS due_on
    FROM year y
    JOIN parameters l ON l.name = y.requirement AND y.to_on >= l.valid_from AND (l.valid_to IS NULL OR y.to_on < l.valid_to)
    LEFT JOIN study_registrations r ON r.person_id = y.person_id AND r.until_on >= y.to_on - $recent_days AND r.until_on <= y.to_on + $wait_days
    GROUP BY y.person_id, y.permit_id, y.record, y.first_known_time, y.valid_from, y.year_no, l.value, y.from_on, y.to_on
),
excused AS (
    SELECT d.permit_id, d.year_no, count(*) AS months
    FROM due d
    JOIN excused_months x ON x.person_id = d.person_id AND x.month >= month_of(d.from_on) AND x.month < d.to_on
    GROUP BY d.permit_id, d.year_no
),
result AS (   -- results dated up to the evaluation, in the order in which they became known
    SELECT d.permit_id, d.year_no, s.record, s.first_known_time,
           sum(s.credits_tenths) OVER (PARTITION BY d.permit_id, d.year_no ORDER BY s.first_known_time, s.record
                                       ROWS UNBOUNDED PRECEDING) AS so_far
    FROM due d
    JOIN studies s ON s.person_id = d.person_id AND s.kind = 'result' AND s.event_on >= d.from_on AND s.event_on <= d.due_on
),
result_before AS (   -- the most that each result counted for on the day on which a carrier was decided, before it was corrected or annulled, until when
    SELECT d.permit_id, c.carrier_id, d.year_no, e.record_key, max(e.credits_tenths) AS tenths, max(e.until_at) AS until_at
    FROM due d
    JOIN earlier_studies e ON e.person_id = d.person_id AND e.about = 'result' AND e.event_on >= d.from_on AND e.event_on <= d.due_on
    JOIN carriers c ON c.permit_id = d.permit_id AND CAST(e.from_at AS DATE) <= c.settled_on AND CAST(e.until_at AS DATE) > c.settled_on
    GROUP BY d.permit_id, c.carrier_id, d.year_no, e.record_key
),
better AS (   -- what the year had so, above what it has now
    SELECT b.permit_id, b.carrier_id, b.year_no, sum(b.tenths - coalesce(s.credits_tenths, 0)) AS tenths, max(b.until_at) AS until_at
    FROM result_before b
    JOIN due d ON d.permit_id = b.permit_id AND d.year_no = b.year_no
    LEFT JOIN studies s ON s.person_id = d.person_id AND s.record_key = b.record_key AND s.kind = 'result' AND s.event_on >= d.from_on AND s.event_on <= d.due_on
    WHERE b.tenths > coalesce(s.credits_tenths, 0)
    GROUP BY b.permit_id, b.carrier_id, b.year_no
),
excused_before AS (   -- months and exemptions that were there on that day and were taken back
    SELECT d.permit_id, c.carrier_id, d.year_no, count(DISTINCT e.month) AS months, max(e.until_at) AS until_at
    FROM due d
    JOIN earlier_excuses e ON e.person_id = d.person_id AND e.month >= month_of(d.from_on) AND e.month < d.to_on
    JOIN carriers c ON c.permit_id = d.permit_id AND CAST(e.from_at AS DATE) <= c.settled_on AND CAST(e.until_at AS DATE) > c.settled_on
    GROUP BY d.permit_id, c.carrier_id, d.year_no
),
exempt_before AS (
    SELECT d.permit_id, c.carrier_id, d.year_no, max(e.until_at) AS until_at
    FROM due d
    JOIN earlier_studies e ON e.person_id = d.person_id AND e.about = 'exemption' AND coalesce(e.starts_on, e.event_on) < d.to_on
         AND coalesce(e.ends_on, CASE WHEN e.kind IN ('deferred', 'exchange_out') THEN coalesce(e.starts_on, e.event_on) + 150 ELSE d.from_on END) >= d.from_on
    JOIN carriers c ON c.permit_id = d.permit_id AND CAST(e.from_at AS DATE) <= c.settled_on
    GROUP BY d.permit_id, c.carrier_id, d.year_no
),
wanted AS (   -- one row for each tier: the credits that it asks, less the share of the excused months
    SELECT d.*, tier.severity, coalesce(x.months, 0) AS months_excused, d.required * (12 * tier.pct - 100 * coalesce(x.months, 0)) AS asked_1200ths
    FROM (VALUES ('weak', 100), ('medium', $medium_pct)) AS tier(severity, pct)
    CROSS JOIN due d
    LEFT JOIN excused x ON x.permit_id = d.permit_id AND x.year_no = d.year_no
)
SELECT w.person_id, c.carrier_id AS permit_id, w.from_on AS alert_key, w.to_on AS anchor_at,
       greatest(CAST(w.due_on AS TIMESTAMP), w.first_known_time, c.from_at) AS alert_at, CAST(w.due_on AS TIMESTAMP) AS due_at,
       min(CASE WHEN r.so_far * 1200 >= w.asked_1200ths THEN r.first_known_time END) AS cleared_at, w.severity,
       w.from_on AS year_from, w.to_on - 1 AS year_to, w.year_no, w.due_on AS evaluated_on,
       CAST(coalesce(max(r.so_far), 0) AS BIGINT) AS credits_tenths, w.required AS required_tenths, w.months_excused,
       records(w.record, c.record, records_of(r.record)) AS records
FROM wanted w
JOIN carriers c ON c.permit_id = w.permit_id
LEFT JOIN better b ON b.permit_id = w.permit_id AND b.carrier_id = c.carrier_id AND b.year_no = w.year_no
LEFT JOIN excused_before x ON x.permit_id = w.permit_id AND x.carrier_id = c.carrier_id AND x.year_no = w.year_no
LEFT JOIN exempt_before y ON y.permit_id = w.permit_id AND y.carrier_id = c.carrier_id AND y.year_no = w.year_no
LEFT JOIN result r ON r.permit_id = w.permit_id AND r.year_no = w.year_no
WHERE w.asked_1200ths > 0 AND w.due_on >= w.valid_from   -- evaluated before that, it was a matter of the permit before
  AND NOT EXISTS (SELECT 1 FROM study_exemptions e
                  WHERE e.person_id = w.person_id AND e.from_on < w.to_on AND (e.until_on IS NULL OR e.until_on >= w.from_on))
GROUP BY w.person_id, c.carrier_id, c.is_own, c.record, c.from_at, w.record, w.first_known_time, w.year_no, w.required, w.from_on, w.to_on, w.due_on, w.severity,
         w.months_excused, w.asked_1200ths, c.settled_on, b.tenths, b.until_at, x.months, x.until_at, y.until_at
HAVING c.settled_on IS NULL OR greatest(w.due_on, CASE WHEN NOT c.is_own THEN CAST(w.first_known_time AS DATE) END, CAST(y.until_at AS DATE)) > c.settled_on
    OR (CAST(greatest(b.until_at, x.until_at) AS DATE) > c.settled_on   -- until then it had enough
        AND (coalesce(max(r.so_far), 0) + coalesce(b.tenths, 0)) * 1200 >= w.asked_1200ths - w.required * 100 * coalesce(x.months, 0))
