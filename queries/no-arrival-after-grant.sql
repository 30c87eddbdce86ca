/*
id = "no-arrival-after-grant"
number = "R14"
title.sv = "Ingen inresa eller etablering efter bifall"
title.en = "No arrival after a granted permit"
finding.sv = "Tillståndet kunde användas från {usable_from}. Inom {months_waited} månader har ingen uppgift om resa, folkbokföring eller tillståndskort kommit in, och ingen om lön eller studier där sådana får läsas. Omständighet att utreda."
finding.en = "The permit could be used from {usable_from}. Within {months_waited} months no journey, registration or permit card has been received, and no salary or study event where these may be read. A circumstance to look into."
permit_classes = ["WORK_EMP", "BLUE_CARD", "ICT", "SELF_EMP", "JOBSEEK_HQ", "RESEARCH", "STUDY_HE", "STUDY_OTHER", "TRAINEE", "VOLUNTEER", "AUPAIR", "POST_STUDY", "FAMILY_SPOUSE", "DEPENDANT"]
legal_basis = ["UtlL 7 kap. 2 §", "UtlL 7 kap. 7 e § 1 st. 2 p.", "UtlL 5 b kap. 21 §"]
legal_gate = "request"
severity = "medium"
owner = "national-control"
readings = [
    "A register post that shows no deregistration shows a registration only with a day of registration: holders of a coordination number have a post too (UF 5 kap. 9 a §), and are not registered.",
]

[[counter_evidence]]
sv = "Resa, folkbokföring eller tillståndskort efter ansökan (tar bort eller avslutar indikationen)"
en = "A journey, registration or permit card after the application (removes or ends the indication)"
[[counter_evidence]]
sv = "Lön, för tillstånd för arbete; studier, för tillstånd för studier (tar bort eller avslutar indikationen)"
en = "Salary, for permits to work; study events, for permits to study (removes or ends the indication)"
[[counter_evidence]]
sv = "Känt när tillståndet förlängdes: redan prövat (räknas inte på förlängningen)"
en = "Known when the permit was extended: already weighed (does not count on the extension)"
[[counter_evidence]]
sv = "Lön eller studier för andra tillstånd: får inte läsas"
en = "Salary or study events for other permits: may not be read"
checked = false
[[counter_evidence]]
sv = "Beslut efter tillståndets första dag: fristen räknas från beslutet"
en = "A decision after the permit's first day: the wait counts from the decision"
column = "usable_from"
[[counter_evidence]]
sv = "Tecken på vistelse i Sverige, även före ansökan"
en = "Signs of a stay in Sweden, before the application too"
column = "last_sign_on"
[[counter_evidence]]
sv = "Folkbokföring är inte att vänta för den som har tillstånd kortare tid än ett år"
en = "Registration is not to be expected of a person with a permit for less than a year"
column = "registration_expected"
[[counter_evidence]]
sv = "Inrest inom Schengen utan att någon antecknat det"
en = "Arrived within Schengen without anybody recording it"
checked = false
[[counter_evidence]]
sv = "Hinder för resan, till exempel sjukdom, utreseförbud eller försenad visering"
en = "Obstacles to the journey, such as illness, an exit ban or a delayed visa"
checked = false
[[counter_evidence]]
sv = "Registrerad under ett annat nummer som ännu inte kopplats"
en = "Registered under another number that is not yet linked"
checked = false

[params.months]
default = 6
doc.sv = "månader från den dag då tillståndet kunde användas"
doc.en = "months from the day on which the permit could be used"
source.sv = "eget antagande"
source.en = "own default"
[params.family_months]
default = 12
doc.sv = "månader från den dagen för make, maka eller sambo till någon i Sverige"
doc.en = "months from that day for the spouse of a person in Sweden"
source.sv = "eget antagande"
source.en = "own default"
*/
WITH newcomer AS (   -- first permits, with the day from which they could be used and the day of the application
    SELECT person_id, permit_id, record, first_known_time, permit_class, valid_from, valid_to,
           greatest(valid_from, decided_on) AS usable_from, coalesce(application_on, decided_on, valid_from) AS applied_on,
           CASE permit_class WHEN 'FAMILY_SPOUSE' THEN $family_months ELSE $months END AS months
    FROM permit_spells
    WHERE first_grant
      AND permit_class IN ('WORK_EMP', 'BLUE_CARD', 'ICT', 'SELF_EMP', 'JOBSEEK_HQ', 'RESEARCH', 'STUDY_HE', 'STUDY_OTHER', 'TRAINEE',
                           'VOLUNTEER', 'AUPAIR', 'POST_STUDY', 'FAMILY_SPOUSE', 'DEPENDANT')
),
sign AS (   -- signs of a stay; salary and studies only for the classes whose permits they may be asked for
    SELECT n.person_id, n.permit_id, s.seen_on, s.known_at
    FROM newcomer n
    JOIN presence s ON s.person_id = n.person_id
    UNION ALL
    SELECT n.person_id, n.permit_id, add_months(a.month, 1) - 1 AS seen_on, a.first_known_time AS known_at
    FROM newcomer n
    JOIN payments a ON a.person_id = n.person_id AND a.kind = 'salary' AND a.amount_sek > 0
         AND n.permit_class IN ('WORK_EMP', 'BLUE_CARD', 'ICT', 'SELF_EMP')
    UNION ALL
    SELECT n.person_id, n.permit_id, e.event_on AS seen_on, e.first_known_time AS known_at
    FROM newcomer n
    JOIN studies e ON e.person_id = n.person_id AND e.kind IN ('registered', 're_registered', 'result', 'doctoral_employment', 'interrupted', 'leave_ended', 'degree')
         AND n.permit_class IN ('STUDY_HE', 'STUDY_OTHER', 'TRAINEE', 'POST_STUDY')
),
arrived AS (   -- when the first sign since the application became known, and the day of the last sign
    SELECT n.permit_id, min(CASE WHEN s.seen_on >= n.applied_on THEN s.known_at END) AS known_at, max(s.seen_on) AS last_sign_on
    FROM newcomer n
    JOIN sign s ON s.permit_id = n.permit_id
    GROUP BY n.permit_id
),
lost AS (   -- signs that there were before: from when until when
    SELECT n.permit_id, s.seen_on, s.from_at, s.until_at
    FROM newcomer n
    JOIN earlier_presence s ON s.person_id = n.person_id
    UNION ALL
    SELECT n.permit_id, add_months(a.month, 1) - 1 AS seen_on, a.from_at, a.until_at
    FROM newcomer n
    JOIN earlier_pay a ON a.person_id = n.person_id AND a.whole AND a.gross_sek > 0 AND n.permit_class IN ('WORK_EMP', 'BLUE_CARD', 'ICT', 'SELF_EMP')
    UNION ALL
    SELECT n.permit_id, e.event_on AS seen_on, e.from_at, e.until_at
    FROM newcomer n
    JOIN earlier_studies e ON e.person_id = n.person_id AND e.kind IN ('registered', 're_registered', 'result', 'doctoral_employment', 'interrupted', 'leave_ended', 'degree')
         AND n.permit_class IN ('STUDY_HE', 'STUDY_OTHER', 'TRAINEE', 'POST_STUDY')
),
seen AS (   -- those that were there by the decision of each carrier
    SELECT n.permit_id, c.carrier_id, max(l.until_at) AS until_at
    FROM newcomer n
    JOIN lost l ON l.permit_id = n.permit_id AND l.seen_on >= n.applied_on
    JOIN carriers c ON c.permit_id = n.permit_id AND CAST(l.from_at AS DATE) <= c.settled_on
    GROUP BY n.permit_id, c.carrier_id
)
SELECT n.person_id, c.carrier_id AS permit_id, 'no-arrival' AS alert_key, n.usable_from AS anchor_at,
       greatest(CAST(add_months(n.usable_from, n.months) AS TIMESTAMP), n.first_known_time, c.from_at) AS alert_at,
       CAST(add_months(n.usable_from, n.months) AS TIMESTAMP) AS due_at,
       s.known_at AS cleared_at,
       n.usable_from, n.months AS months_waited, s.last_sign_on,
       (n.valid_to IS NULL OR n.valid_to >= add_months(n.valid_from, 12) - 1) AS registration_expected,
       records(n.record, c.record) AS records
FROM newcomer n
JOIN carriers c ON c.permit_id = n.permit_id
LEFT JOIN seen b ON b.permit_id = n.permit_id AND b.carrier_id = c.carrier_id
LEFT JOIN arrived s ON s.permit_id = n.permit_id
WHERE c.settled_on IS NULL OR greatest(add_months(n.usable_from, n.months), CASE WHEN NOT c.is_own THEN CAST(n.first_known_time AS DATE) END, CAST(b.until_at AS DATE)) > c.settled_on
