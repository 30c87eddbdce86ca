/*
id = "study-purpose-drift"
number = "R13"
title.sv = "Annat ändamål än studier"
title.en = "Another purpose than studies"
finding.sv = "Under {term} är lön om minst {share_pct} av försörjningskravet deklarerad för {months_high} månader, medan registreringar om {registered_tenths} och resultat om {credits_tenths} har kommit in. Studerande får arbeta; arbetet ensamt är ingen omständighet. Omständighet att utreda."
finding.en = "In the {term}, salary of at least {share_pct} of the livelihood requirement is declared for {months_high} months, while registrations of {registered_tenths} and results of {credits_tenths} have been received. Students may work; work alone is no circumstance. A circumstance to look into."
permit_classes = ["STUDY_HE"]
legal_basis = ["UtlL 5 b kap. 21 § 4 p."]
# Closed: no provision lets salary declarations be disclosed for the control of study permits (förordning 2001:588 8 a § lists
# other classes). The gate alone keeps the rule from real data; it is live so that made-up data show what it would find.
legal_gate = "closed"
severity = "weak"
owner = "study-control"
readings = [
    "Held against the permit: a renewal settles what was known at its decision. Months of a term, and terms, are counted over the permits to study that continue it; months under a permit of another class are none.",
]

[[counter_evidence]]
sv = "Studerar: registrerad på mer än enstaka kurser, eller resultat under terminen (ingen indikation)"
en = "Studies: registered on more than single courses, or results in the term (no indication)"
column = "registered_tenths"
[[counter_evidence]]
sv = "Doktorandanställning, studieuppehåll, anstånd, utbytestermin eller examen (ingen indikation)"
en = "Doctoral employment, approved leave, deferral, exchange abroad or degree (no indication)"
[[counter_evidence]]
sv = "Arbete mellan terminerna räknas inte"
en = "Work between the terms does not count"
column = "months_high"
[[counter_evidence]]
sv = "Ursäktade månader räknas som månader utan arbete"
en = "Excused months count as months without work"
column = "months_high"
[[counter_evidence]]
sv = "Examensarbete eller praktik hos ett företag"
en = "Degree project or internship at a company"
checked = false
[[counter_evidence]]
sv = "Resultat ännu inte attesterade; registrerad under annat nummer"
en = "Results not yet attested; registered under another number"
checked = false

[params.share_pct]
default = 80
doc.sv = "en månadslön om minst denna andel av försörjningskravet är heltidsarbete"
doc.en = "a month's salary of at least this share of the livelihood requirement is full-time work"
source.sv = "eget antagande"
source.en = "own default"
[params.high_months]
default = 4
max = 5
doc.sv = "så många av terminens fem månader med sådan lön"
doc.en = "so many of the five months of a term with such a salary"
source.sv = "eget antagande"
source.en = "own default"
[params.single_course_tenths]
default = 75
doc.sv = "registreringar om högst, och resultat under, så många högskolepoäng är knappast studier"
doc.en = "registrations of at most, and results of less than, so many credits are no studies to speak of"
source.sv = "eget antagande: en kurs om 7,5 högskolepoäng"
source.en = "own default: one course of 7.5 credits"
[params.overlap_days]
default = 14
doc.sv = "en registrering hör till en termin som den överlappar med minst så många dagar"
doc.en = "a registration belongs to a term that it overlaps by at least these days"
source.sv = "eget antagande"
source.en = "own default"
[params.wait_days]
default = 60
doc.sv = "dagar från terminens slut inom vilka dess resultat inväntas"
doc.en = "days from the end of the term within which its results are awaited"
source.sv = "eget antagande"
source.en = "own default"
*/
WITH pay_before AS (   -- what was declared or excused when a permit was decided, and until when
    SELECT e.person_id, e.month, e.gross_sek, e.excused, e.until_at
    FROM earlier_pay e
    JOIN whole_permits d ON d.person_id = e.person_id AND CAST(e.from_at AS DATE) <= d.decided_on AND d.decided_on < CAST(e.until_at AS DATE)
    WHERE e.whole
),
worked AS (   -- terms with their months of full-time work under the permit and those to study that continue it; a month belongs to the term that holds its first day
    SELECT p.person_id, p.permit_id, p.record, p.first_known_time, t.term, t.starts_on, t.ends_on,
           count(DISTINCT m.month) AS months_high, max(greatest(m.known_at, q.first_known_time)) AS known_at, max(m.known_at) AS paid_at,
           max(e.until_at) AS corrected_at
    FROM rights p
    JOIN rights q ON q.person_id = p.person_id AND q.right_id = p.right_id AND q.valid_from >= p.valid_from AND q.permit_class = 'STUDY_HE'
    JOIN salary_months m ON m.person_id = q.person_id AND m.month >= q.valid_from AND (q.carries_until IS NULL OR m.month <= q.carries_until) AND m.excused = 0
    JOIN terms t ON m.month >= t.starts_on AND m.month <= t.ends_on
    JOIN parameters f ON f.name = 'livelihood_floor_sek' AND m.month >= f.valid_from AND (f.valid_to IS NULL OR m.month < f.valid_to)
    LEFT JOIN pay_before e ON e.person_id = m.person_id AND e.month = m.month AND (e.excused OR e.gross_sek * 100 < f.value * $share_pct)
    WHERE p.permit_class = 'STUDY_HE' AND m.gross_sek * 100 >= f.value * $share_pct
    GROUP BY p.person_id, p.permit_id, p.record, p.first_known_time, t.term, t.starts_on, t.ends_on
    HAVING count(DISTINCT m.month) >= $high_months
),
registered AS (
    SELECT w.permit_id, w.term, sum(r.credits_tenths) AS tenths
    FROM worked w
    JOIN study_registrations r ON r.person_id = w.person_id AND r.from_on <= w.ends_on - $overlap_days AND r.until_on >= w.starts_on + $overlap_days
    GROUP BY w.permit_id, w.term
),
result AS (
    SELECT w.permit_id, w.term, sum(s.credits_tenths) AS tenths
    FROM worked w
    JOIN studies s ON s.person_id = w.person_id AND s.kind = 'result' AND s.event_on >= w.starts_on AND s.event_on <= w.ends_on + $wait_days
    GROUP BY w.permit_id, w.term
),
lost AS (   -- studies of the term that there were when a permit was decided: until when
    SELECT w.permit_id, w.term, max(s.until_at) AS until_at
    FROM worked w
    JOIN earlier_studies s ON s.person_id = w.person_id
         AND ((s.about = 'result' AND s.event_on >= w.starts_on AND s.event_on <= w.ends_on + $wait_days)
              OR (s.about IN ('registration', 'exemption') AND coalesce(s.starts_on, s.event_on) <= w.ends_on
                  AND (s.ends_on IS NULL OR s.ends_on >= w.starts_on)))
    JOIN whole_permits d ON d.person_id = s.person_id AND CAST(s.from_at AS DATE) <= d.decided_on AND d.decided_on < CAST(s.until_at AS DATE)
    LEFT JOIN studies t ON t.person_id = s.person_id AND t.record_key = s.record_key AND t.kind = s.kind AND t.event_on = s.event_on
         AND coalesce(t.credits_tenths, 300) >= coalesce(s.credits_tenths, 300)   -- it says as much now
    WHERE t.record IS NULL
    GROUP BY w.permit_id, w.term
),
studied AS (
    SELECT w.person_id, w.permit_id, w.record, w.term, w.starts_on, w.ends_on, w.months_high,
           coalesce(g.tenths, 0) AS registered_tenths, coalesce(s.tenths, 0) AS credits_tenths,
           greatest(CAST(w.ends_on + $wait_days AS TIMESTAMP), w.known_at, w.first_known_time) AS alert_at,
           greatest(CAST(w.ends_on + $wait_days AS TIMESTAMP), w.paid_at, w.corrected_at, l.until_at) AS stands_since, w.first_known_time AS permit_known_at
    FROM worked w
    LEFT JOIN lost l ON l.permit_id = w.permit_id AND l.term = w.term
    LEFT JOIN registered g ON g.permit_id = w.permit_id AND g.term = w.term
    LEFT JOIN result s ON s.permit_id = w.permit_id AND s.term = w.term
),
drift AS (   -- full-time work and next to no studies, the n-th such term of the permit
    SELECT d.person_id, d.permit_id, d.record, d.term, d.starts_on, d.ends_on, d.months_high, d.registered_tenths,
           d.credits_tenths, d.alert_at, d.stands_since, d.permit_known_at, row_number() OVER (PARTITION BY d.permit_id ORDER BY d.starts_on, d.term, d.ends_on) AS term_no
    FROM studied d
    WHERE d.registered_tenths <= $single_course_tenths AND d.credits_tenths < $single_course_tenths
      AND NOT EXISTS (SELECT 1 FROM study_exemptions e
                      WHERE e.person_id = d.person_id AND e.from_on <= d.ends_on AND (e.until_on IS NULL OR e.until_on >= d.starts_on))
),
told AS (
    SELECT person_id, permit_id, record, term, starts_on, ends_on, months_high, registered_tenths, credits_tenths, term_no, permit_known_at,
           min(starts_on) OVER (PARTITION BY permit_id ORDER BY term_no ROWS UNBOUNDED PRECEDING) AS first_starts_on,
           max(alert_at) OVER (PARTITION BY permit_id ORDER BY term_no ROWS UNBOUNDED PRECEDING) AS known_at,
           max(stands_since) OVER (PARTITION BY permit_id ORDER BY term_no ROWS UNBOUNDED PRECEDING) AS stands_since
    FROM drift
),
step AS (   -- with all that was declared and studied from the first such term on
    SELECT t.person_id, t.permit_id, t.record, t.term, t.starts_on, t.ends_on, t.months_high, t.registered_tenths, t.credits_tenths, t.term_no, t.known_at, t.stands_since, t.permit_known_at,
           records_of(CASE WHEN f.kind = 'salary' AND f.to_month >= t.first_starts_on AND f.to_month <= t.ends_on THEN f.record END) AS pay_records,
           records_of(CASE WHEN CASE z.kind WHEN 'result' THEN z.event_on >= t.first_starts_on AND z.event_on <= t.ends_on + $wait_days
                                       ELSE coalesce(z.starts_on, z.event_on) <= t.ends_on
                                            AND coalesce(z.ends_on, coalesce(z.starts_on, z.event_on) + 150) >= t.first_starts_on END THEN z.record END) AS study_records
    FROM told t
    JOIN pay_records f ON f.person_id = t.person_id
    LEFT JOIN studies z ON z.person_id = t.person_id AND z.kind IN ('registered', 're_registered', 'result')
    GROUP BY t.person_id, t.permit_id, t.record, t.term, t.starts_on, t.ends_on, t.months_high, t.registered_tenths, t.credits_tenths, t.term_no, t.known_at, t.stands_since, t.permit_known_at
)
SELECT s.person_id, c.carrier_id AS permit_id, 'other-purpose' AS alert_key, s.starts_on AS anchor_at, greatest(s.known_at, c.from_at) AS alert_at,
       CAST(s.ends_on + $wait_days AS TIMESTAMP) AS due_at, CASE s.term_no WHEN 1 THEN 'weak' ELSE 'medium' END AS severity,
       s.term, s.term_no, s.months_high, CAST(s.registered_tenths AS BIGINT) AS registered_tenths, CAST(s.credits_tenths AS BIGINT) AS credits_tenths,
       $share_pct AS share_pct, records(s.record, c.record, s.pay_records, s.study_records) AS records
FROM step s
JOIN carriers c ON c.permit_id = s.permit_id AND (c.settled_on IS NULL OR CAST(greatest(s.stands_since, CASE WHEN NOT c.is_own THEN s.permit_known_at END) AS DATE) > c.settled_on)
