/*
id = "work-not-started"
number = "R01"
title.sv = "Arbetet inte påbörjat inom fyra månader"
title.en = "Work not started within four months"
finding.sv = "Ingen lön är deklarerad för månaderna från tillståndets första dag till och med {silent_until}, och ingen uppgift om påbörjad anställning har kommit in. Arbetet skulle ha påbörjats senast {start_by}. Omständighet att utreda."
finding.en = "No salary has been declared for the months from the permit's first day up to {silent_until}, and no notice of a started employment has been received. Work was to begin no later than {start_by}. A circumstance to look into."
permit_classes = ["WORK_EMP"]
legal_basis = ["UtlL 7 kap. 7 e § 1 st. 2 p.", "UtlL 7 kap. 7 e § 3 st.", "UF 6 kap. 6 a §"]
legal_gate = "request"
severity = "medium"
owner = "national-control"
readings = [
    "Looked at for first grants only: an extension under which nothing is declared is R02's.",
    "A fact counts against the permit; what the renewal's decision could weigh is settled by it.",
]

[[counter_evidence]]
sv = "Underrättelse från arbetsgivaren om att anställningen har börjat (tar bort indikationen)"
en = "Notice from the employer that the employment has started (removes the indication)"
[[counter_evidence]]
sv = "Lön som deklarerats sent eller för månaden efter fristen (tar bort eller avslutar indikationen)"
en = "Salary declared late, or for the month after the time limit (removes or ends the indication)"
[[counter_evidence]]
sv = "En ursäktad månad, till exempel sjukdom eller föräldraledighet (räknas som anställning: tar bort eller avslutar indikationen)"
en = "An excused month, such as sickness or parental leave (counts as employment: removes or ends the indication)"
[[counter_evidence]]
sv = "Tillståndskortet utfärdat mer än två månader efter första giltighetsdagen (högst svag)"
en = "Permit card issued more than two months after the first day of validity (weak at most)"
column = "card_issued_on"
[[counter_evidence]]
sv = "Arbetsgivarens deklarationer ofullständiga någon av månaderna (högst svag)"
en = "The employer's declarations incomplete for any of the months (weak at most)"
column = "months_incomplete"
[[counter_evidence]]
sv = "Arbetsgivaren i konkurs före fristens slut (tar bort indikationen)"
en = "Employer bankrupt before the time limit (removes the indication)"
[[counter_evidence]]
sv = "Utstationerad och avlönad från utlandet, utan svensk arbetsgivardeklaration"
en = "Posted and paid from abroad, without a Swedish employer declaration"
checked = false
[[counter_evidence]]
sv = "Ännu inte inrest; hinder för resan"
en = "Not yet arrived; obstacles to the journey"
checked = false
[[counter_evidence]]
sv = "Lön utbetald men redovisad på annan identitet"
en = "Salary paid but declared under another identity"
checked = false

[params.months]
default = 4
doc.sv = "månader från första giltighetsdagen inom vilka arbetet ska ha börjat"
doc.en = "months from the first day of validity within which work must begin"
source = "UtlL 7 kap. 7 e § 1 st. 2 p."
[params.card_months]
default = 2
doc.sv = "ett tillståndskort som utfärdats mer än så många månader efter första dagen sänker styrkan"
doc.en = "a permit card issued more than so many months after the first day lowers the severity"
source.sv = "eget antagande"
source.en = "own default"
[params.complete_pct]
default = 95
doc.sv = "en arbetsgivares månad är komplett när deklarationerna omfattar denna andel av den vanliga personalen"
doc.en = "an employer's month is complete when its declarations cover this share of the usual staff"
source.sv = "eget antagande"
source.en = "own default"
*/
WITH newcomer AS (   -- first work permits; of one that ends before the time limit nothing is said any more
    SELECT person_id, permit_id, record, first_known_time, valid_from, card_issued_on, add_months(valid_from, $months) AS start_by
    FROM permit_spells
    WHERE permit_class = 'WORK_EMP' AND coalesce(first_grant, true)
),
employer AS (   -- what explains an allowed employer's silence
    SELECT pe.permit_id, min(e.bankrupt_on) AS bankrupt_on, count(m.month) AS months_incomplete, records_of(pe.record) AS records
    FROM permit_employers pe
    LEFT JOIN employers e ON e.employer_id = pe.employer_id
    LEFT JOIN employer_months m ON m.employer_id = pe.employer_id AND m.reported_pct < $complete_pct
         AND m.month >= month_of(pe.from_on) AND m.month <= add_months(pe.from_on, $months + 1)
    GROUP BY pe.permit_id
),
taken_back AS (   -- pay, excuses and notices of a start that were there before: from when until when
    SELECT n.permit_id, e.from_at, e.until_at
    FROM newcomer n
    JOIN earlier_pay e ON e.person_id = n.person_id AND e.month >= month_of(n.valid_from) AND e.month <= add_months(n.start_by, 1)
         AND e.whole AND (e.gross_sek > 0 OR e.excused)
    UNION ALL
    SELECT n.permit_id, e.from_at, e.until_at
    FROM newcomer n
    JOIN earlier_notices e ON e.person_id = n.person_id AND e.about = 'employment' AND e.kind = 'employment_start'
         AND e.event_on >= n.valid_from - 31 AND e.event_on <= n.start_by
),
known AS (   -- those that were there by the decision of each carrier
    SELECT t.permit_id, c.carrier_id, max(t.until_at) AS until_at
    FROM taken_back t
    JOIN carriers c ON c.permit_id = t.permit_id AND CAST(t.from_at AS DATE) <= c.settled_on
    GROUP BY t.permit_id, c.carrier_id
),
due AS (   -- one deadline for each tier: weak when the limit's month is complete, strong a month later (pay in arrears)
    SELECT n.*, tier.severity, add_months(month_of(n.start_by), tier.extra_months) AS last_month,
           CASE WHEN n.card_issued_on > add_months(n.valid_from, $card_months) THEN 'weak' ELSE tier.severity END AS highest
    FROM (VALUES ('weak', 0), ('strong', 1)) AS tier(severity, extra_months)
    CROSS JOIN newcomer n
)
SELECT d.person_id, c.carrier_id AS permit_id,   -- each first permit is an alert of its own, also where one permit carries several
       CASE c.carrier_id WHEN d.permit_id THEN 'not-started' ELSE concat('not-started:', d.permit_id) END AS alert_key, d.valid_from AS anchor_at,
       greatest(agi_complete(d.last_month), d.first_known_time, c.from_at) AS alert_at, agi_complete(d.last_month) AS due_at,
       min(CASE WHEN s.gross_sek > 0 THEN s.known_at WHEN s.excused = 1 THEN greatest(s.excused_at, CAST(s.month AS TIMESTAMP)) END) AS cleared_at,
       CASE WHEN x.months_incomplete > 0 THEN 'weak' ELSE d.highest END AS severity,
       d.valid_from, d.start_by, add_months(d.last_month, 1) - 1 AS silent_until, d.card_issued_on,
       coalesce(x.months_incomplete, 0) AS months_incomplete,
       records(d.record, c.record, x.records, min(s.first_record), max(s.last_record)) AS records
FROM due d
JOIN carriers c ON c.permit_id = d.permit_id
LEFT JOIN known k ON k.permit_id = d.permit_id AND k.carrier_id = c.carrier_id
LEFT JOIN employer x ON x.permit_id = d.permit_id
LEFT JOIN salary_months s ON s.person_id = d.person_id AND s.month >= month_of(d.valid_from) AND s.month <= add_months(d.start_by, 1)
WHERE (c.settled_on IS NULL OR CAST(greatest(agi_complete(d.last_month), CASE WHEN NOT c.is_own THEN d.first_known_time END, k.until_at) AS DATE) > c.settled_on)
  AND (x.bankrupt_on IS NULL OR x.bankrupt_on >= d.start_by)
  AND NOT EXISTS (SELECT 1 FROM notices t
                  WHERE t.person_id = d.person_id AND t.kind = 'employment_start'
                    AND t.event_on >= d.valid_from - 31 AND t.event_on <= d.start_by)
GROUP BY d.person_id, d.permit_id, c.carrier_id, c.record, c.from_at, d.record, d.first_known_time, d.valid_from, d.card_issued_on, d.start_by, d.last_month, d.highest,
         x.months_incomplete, x.records
HAVING coalesce(sum(CASE WHEN s.month <= d.last_month THEN s.gross_sek + s.excused END), 0) <= 0   -- an excused month is one of employment
