/*
id = "identity-changed"
number = "R21"
title.sv = "Ändrad identitetsuppgift efter bifall"
title.en = "Identity particulars changed after the grant"
finding.sv = "Folkbokföringen visar från {changed_on} andra uppgifter än de som beslutet grundades på: namn {name_differs}, födelsetid {birth_differs}, medborgarskap {citizenship_differs}. Omständighet att utreda."
finding.en = "Since {changed_on} the population register shows other particulars than those the decision rests on: name {name_differs}, birth {birth_differs}, citizenship {citizenship_differs}. A circumstance to look into."
permit_classes = ["WORK_EMP", "BLUE_CARD", "ICT", "SEASONAL", "SELF_EMP", "JOBSEEK_HQ", "RESEARCH", "STUDY_HE", "STUDY_OTHER", "TRAINEE", "VOLUNTEER", "AUPAIR", "POST_STUDY", "FAMILY_SPOUSE", "FAMILY_CHILD", "FAMILY_OTHER", "DEPENDANT", "PROT_REFUGEE", "PROT_SUBSIDIARY", "PROT_TEMPORARY", "HUMANITARIAN", "PERMANENT", "LTR_EU"]
legal_basis = ["UtlL 7 kap. 1 §"]
legal_gate = "open"
severity = "info"
owner = "identity-unit"
compares_citizenship = "the register shows another citizenship than the decision rests on; which one it is does not matter"

[[counter_evidence]]
sv = "Ändrat civilstånd inom ett år från namnändringen (namnet räknas inte)"
en = "Change of civil status within a year of the change of name (the name does not count)"
[[counter_evidence]]
sv = "Annan ordning, stavning eller accenter i namnet (räknas inte)"
en = "Another order, spelling or accents in the name (does not count)"
[[counter_evidence]]
sv = "Nytt personnummer med samma födelsetid (namnet räknas inte och lagras inte)"
en = "New personal number with the same birth date (the name does not count and is not kept)"
[[counter_evidence]]
sv = "Födelsedag uppskattad till 1 januari som rättats inom året (räknas inte)"
en = "Birthday estimated as 1 January, corrected within the year (does not count)"
[[counter_evidence]]
sv = "Statslös eller okänt medborgarskap vid beslutet som senare klarlagts (räknas inte)"
en = "Stateless or unknown citizenship at the decision, established later (does not count)"
[[counter_evidence]]
sv = "Skyddade personuppgifter (ingenting lagras)"
en = "Protected personal data (nothing is kept)"
[[counter_evidence]]
sv = "Namnbyte enligt namnlagen utan ändrat civilstånd"
en = "Change of name under the Names Act without a change of civil status"
checked = false
[[counter_evidence]]
sv = "Fel i uppgifterna som registrerades vid beslutet"
en = "Error in the particulars recorded at the decision"
checked = false

[params.birth_days]
default = 365
doc = "a birth date moved by at least these days is medium"
source = "own default"
[params.name_pct]
default = 50
doc = "names that share less than this part of their words differ, per cent"
source = "own default"
*/
WITH post AS (   -- each register post beside the particulars of each permit's decision
    SELECT p.person_id, p.permit_id, p.record_key AS permit_key, p.application_on, p.name_at_grant, p.birth_on_at_grant, p.citizenships_at_grant,
           coalesce(p.decided_on, p.valid_from) AS decided_on,
           h.record_key, h.version, h.op, h.known_from, h.event_on, h.name, h.birth_on, h.citizenships, h.civil_status_on, h.number,
           first_value(h.number)
               OVER (PARTITION BY p.permit_id, substr(h.number, 1, 8)   -- the first one with this date of birth
                     ORDER BY h.version, h.record_key ROWS UNBOUNDED PRECEDING) AS first_number
    FROM permits p
    JOIN population_posts h ON h.person_id = p.person_id
    WHERE p.permit_class <> 'ASYLUM_APPLICANT'
),
compared AS (
    SELECT person_id, permit_id, permit_key, record_key, version, op, known_from, event_on,
           abs(birth_on - birth_on_at_grant) AS birth_days,
           coalesce(birth_on <> birth_on_at_grant, false)   -- unless an estimated 1 January became a day of that year
               AND NOT (birth_on_at_grant = CAST(date_trunc('year', birth_on_at_grant) AS DATE)
                        AND birth_on > birth_on_at_grant AND birth_on < add_months(birth_on_at_grant, 12)) AS birth_differs,
           coalesce((add_months(birth_on, 216) <= application_on) <> (add_months(birth_on_at_grant, 216) <= application_on), false) AS majority_differs,
           coalesce(name_overlap_pct(name, name_at_grant) < $name_pct, false)
               AND NOT coalesce(civil_status_on >= add_months(event_on, -12) AND civil_status_on <= add_months(event_on, 12), false)
               AND NOT coalesce(number <> first_number, false) AS name_differs,
           coalesce(NOT array_has_all(citizenships, citizenships_at_grant), false)
               AND NOT (array_has(citizenships_at_grant, 'XXA') OR array_has(citizenships_at_grant, 'XXX')) AS citizenship_differs
    FROM post
    WHERE known_from > CAST(decided_on AS TIMESTAMP)
),
counted AS (
    SELECT person_id, permit_id, permit_key, record_key, version, op, known_from, event_on, birth_days, birth_differs, majority_differs,
           name_differs, citizenship_differs,
           CASE WHEN birth_differs THEN 1 ELSE 0 END + CASE WHEN name_differs THEN 1 ELSE 0 END
               + CASE WHEN citizenship_differs THEN 1 ELSE 0 END AS fields
    FROM compared
),
run AS (   -- posts in a row that differ are one episode, until one that agrees
    SELECT person_id, permit_id, permit_key, record_key, version, op, known_from, event_on, birth_days, birth_differs, majority_differs,
           name_differs, citizenship_differs, fields,
           max(CASE WHEN fields = 0 THEN version END)
               OVER (PARTITION BY permit_id ORDER BY version, record_key ROWS UNBOUNDED PRECEDING) AS agreed_version,
           min(CASE WHEN fields = 0 THEN known_from END)
               OVER (PARTITION BY permit_id ORDER BY version, record_key ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS agrees_again_at,
           first_value(CASE WHEN fields = 0 THEN op END IGNORE NULLS)
               OVER (PARTITION BY permit_id ORDER BY version, record_key ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS agrees_again_op
    FROM counted
)
SELECT person_id, permit_id, min(event_on) OVER (PARTITION BY permit_id, agreed_version) AS alert_key, event_on AS anchor_at, known_from AS alert_at,
       agrees_again_at AS cleared_at,
       severity(CASE WHEN (birth_differs AND (birth_days >= $birth_days OR majority_differs)) OR citizenship_differs THEN 2 WHEN name_differs THEN 1 ELSE 0 END
                + CASE WHEN fields >= 2 THEN 1 ELSE 0 END) AS severity,
       event_on AS changed_on, name_differs, birth_differs, citizenship_differs, majority_differs, CAST(fields AS BIGINT) AS fields_changed,
       concat_ws(',', permit_key, record_key) AS record_keys
FROM run
WHERE fields > 0 AND coalesce(agrees_again_op, 'upsert') NOT IN ('correct', 'retract')
