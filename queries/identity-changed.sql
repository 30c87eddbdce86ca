/*
id = "identity-changed"
number = "R21"
title.sv = "Ändrad identitetsuppgift efter bifall"
title.en = "Identity particulars changed after the grant"
finding.sv = "Folkbokföringen visar från {changed_on} andra uppgifter än de som beslutet grundades på. [name_differs: Namnet är ett annat. ][name_unclear: Namnet är skrivet med bokstäver som inte kan jämföras. ][birth_differs: Födelsetiden är en annan. ][citizenship_added: Ett medborgarskap har tillkommit. ][citizenship_lost: Ett medborgarskap har upphört eller bytts. ]Omständighet att utreda."
finding.en = "Since {changed_on} the population register shows other particulars than those the decision rests on. [name_differs: The name is another. ][name_unclear: The name is written in letters that cannot be compared. ][birth_differs: The date of birth is another. ][citizenship_added: A citizenship was added. ][citizenship_lost: A citizenship was lost or replaced. ]A circumstance to look into."
permit_classes = ["WORK_EMP", "BLUE_CARD", "ICT", "SEASONAL", "SELF_EMP", "JOBSEEK_HQ", "RESEARCH", "STUDY_HE", "STUDY_OTHER", "TRAINEE", "VOLUNTEER", "AUPAIR", "POST_STUDY", "FAMILY_SPOUSE", "FAMILY_CHILD", "FAMILY_OTHER", "DEPENDANT", "PROT_REFUGEE", "PROT_SUBSIDIARY", "PROT_TEMPORARY", "HUMANITARIAN", "PERMANENT", "LTR_EU"]
legal_basis = ["UtlL 7 kap. 1 §"]
legal_gate = "open"
severity = "info"
owner = "identity-unit"
readings = [
    "Names are compared as in a machine-readable zone (ICAO Doc 9303-3, section 6): fewer words in common than all of the shorter name is a change (weak), none in common is medium.",
    "A citizenship added is a change (weak, since nothing was lost); lost or replaced is medium.",
    "Codes for stateless, refugee and unknown, and an empty list, are no citizenship; a state that has ceased equals its successors.",
]
compares_citizenship = "the register shows another citizenship than the decision rests on; which one it is does not matter"

[[counter_evidence]]
sv = "Ändrat civilstånd inom ett år från namnändringen (namnet räknas inte)"
en = "Change of civil status within a year of the change of name (the name does not count)"
[[counter_evidence]]
sv = "Annan ordning, andra accenter eller annan translitterering i namnet, eller fler namn (räknas inte)"
en = "Another order, other accents or another transliteration of the name, or more names (does not count)"
[[counter_evidence]]
sv = "Namn i andra alfabet än latinskt, kyrilliskt och arabiskt (endast information)"
en = "A name in another script than Latin, Cyrillic or Arabic (information only)"
column = "name_unclear"
[[counter_evidence]]
sv = "Medborgarskap som tillkommit utan att något upphört (svagare)"
en = "A citizenship that was added while none was lost (weaker)"
column = "citizenship_added"
[[counter_evidence]]
sv = "Staten har upphört och efterträtts (räknas inte)"
en = "The state has ceased to exist and been succeeded (does not count)"
[[counter_evidence]]
sv = "Uppgifter som folkbokföringen visade redan vid beslutet (räknas inte)"
en = "Particulars that the register showed at the decision already (do not count)"
[[counter_evidence]]
sv = "Nytt personnummer med samma födelsetid (namnet räknas inte och lagras inte)"
en = "New personal number with the same birth date (the name does not count and is not kept)"
[[counter_evidence]]
sv = "Födelsedag uppskattad till 1 januari som rättats inom året (räknas inte)"
en = "Birthday estimated as 1 January, corrected within the year (does not count)"
[[counter_evidence]]
sv = "Statslös, flykting eller okänt medborgarskap, i beslutet eller i registret (räknas inte)"
en = "Stateless, refugee or unknown citizenship, in the decision or in the register (does not count)"
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
doc.sv = "ett födelsedatum som flyttats minst så många dagar gör indikationen medel"
doc.en = "a birth date moved by at least these days is medium"
source.sv = "eget antagande"
source.en = "own default"
*/
WITH differing AS (   -- permits whose holder some post shows otherwise: few
    SELECT p.permit_id
    FROM whole_permits p
    JOIN population_posts h ON h.person_id = p.person_id
    WHERE name_agreement(h.name, p.name_at_grant) <> 'same' OR h.birth_on <> p.birth_on_at_grant
       OR citizenship_change(h.citizenships, p.citizenships_at_grant) <> 'same'
    GROUP BY p.permit_id
),
post AS (   -- each register post beside the particulars of each permit's decision
    SELECT r.person_id, r.permit_id, r.record AS permit_record, p.application_on, p.name_at_grant, p.birth_on_at_grant, p.citizenships_at_grant,
           coalesce(r.decided_on, r.valid_from) AS decided_on, greatest(r.first_known_time, CAST(r.valid_from AS TIMESTAMP)) AS carries_at,
           h.record, h.version, h.op, h.known_from, h.event_on, h.name, h.birth_on, h.citizenships, h.civil_status_on, h.number,
           first_value(h.number)
               OVER (PARTITION BY r.permit_id, substr(h.number, 1, 8)   -- the first one with this date of birth
                     ORDER BY h.version, h.record ROWS UNBOUNDED PRECEDING) AS first_number
    FROM differing d
    JOIN rights r ON r.permit_id = d.permit_id
    JOIN whole_permits p ON p.permit_id = r.permit_id
    JOIN population_posts h ON h.person_id = r.person_id
),
settled AS (   -- the last one that was known, and whose day had come, at the decision, which weighed what it showed
    SELECT permit_id, name, birth_on, citizenships
    FROM (SELECT permit_id, name, birth_on, citizenships,
                 row_number() OVER (PARTITION BY permit_id ORDER BY version DESC, record DESC) AS nth
          FROM post
          WHERE greatest(CAST(known_from AS DATE), event_on) <= decided_on) x
    WHERE nth = 1
),
compared AS (
    SELECT p.person_id, p.permit_id, p.permit_record, p.record, p.version, p.op, p.known_from, p.event_on, p.carries_at,
           abs(p.birth_on - p.birth_on_at_grant) AS birth_days,
           coalesce(p.birth_on <> p.birth_on_at_grant, false) AND coalesce(p.birth_on <> s.birth_on, true)
               AND NOT (p.birth_on_at_grant = CAST(date_trunc('year', p.birth_on) AS DATE)   -- an estimated 1 January became a day of that year
                        AND p.birth_on > p.birth_on_at_grant) AS birth_differs,
           coalesce((add_months(p.birth_on, 216) <= p.application_on) <> (add_months(p.birth_on_at_grant, 216) <= p.application_on), false)
               AS majority_differs,
           CASE WHEN coalesce(p.civil_status_on >= add_months(p.event_on, -12) AND p.civil_status_on <= add_months(p.event_on, 12), false)
                     OR coalesce(p.number <> p.first_number, false) OR coalesce(name_agreement(p.name, s.name) = 'same', false) THEN 'same'
                ELSE coalesce(name_agreement(p.name, p.name_at_grant), 'same') END AS name_now,
           CASE WHEN coalesce(citizenship_change(p.citizenships, s.citizenships) = 'same', false) THEN 'same'
                ELSE coalesce(citizenship_change(p.citizenships, p.citizenships_at_grant), 'same') END AS citizenship_now
    FROM post p
    LEFT JOIN settled s ON s.permit_id = p.permit_id
),
counted AS (
    SELECT person_id, permit_id, permit_record, record, version, op, known_from, event_on, carries_at, birth_days, birth_differs, majority_differs,
           name_now, citizenship_now,
           CASE WHEN birth_differs THEN 1 ELSE 0 END + CASE WHEN name_now IN ('part', 'none') THEN 1 ELSE 0 END
               + CASE WHEN citizenship_now <> 'same' THEN 1 ELSE 0 END AS fields,
           birth_differs OR name_now <> 'same' OR citizenship_now <> 'same' AS differs
    FROM compared
),
run AS (   -- posts in a row that differ are one episode, until one that agrees
    SELECT person_id, permit_id, permit_record, record, version, event_on, birth_days, birth_differs, majority_differs,
           name_now, citizenship_now, fields, differs,
           greatest(max(known_from) OVER (PARTITION BY permit_id ORDER BY version, record ROWS UNBOUNDED PRECEDING),
                    CAST(event_on AS TIMESTAMP), carries_at) AS alert_at,
           CASE WHEN CAST(event_on AS TIMESTAMP) > known_from THEN CAST(event_on AS TIMESTAMP) END AS due_at,   -- a change that is told ahead may be taken back until its day
           max(CASE WHEN NOT differs THEN version END)
               OVER (PARTITION BY permit_id ORDER BY version, record ROWS UNBOUNDED PRECEDING) AS agreed_version,
           min(CASE WHEN NOT differs THEN greatest(known_from, CAST(event_on AS TIMESTAMP)) END)
               OVER (PARTITION BY permit_id ORDER BY version, record ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS agrees_again_at,
           first_value(CASE WHEN NOT differs THEN op END IGNORE NULLS)
               OVER (PARTITION BY permit_id ORDER BY version, record ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS agrees_again_op
    FROM counted
)
SELECT person_id, permit_id, min(event_on) OVER (PARTITION BY permit_id, agreed_version) AS alert_key, event_on AS anchor_at, alert_at, due_at,
       least(agrees_again_at, lead(alert_at) OVER (PARTITION BY permit_id, agreed_version ORDER BY version, record)) AS cleared_at,   -- the next post takes its place
       'changed_back' AS cleared_reason,
       severity(CASE WHEN (birth_differs AND (birth_days >= $birth_days OR majority_differs)) OR citizenship_now = 'lost' OR name_now = 'none' THEN 2
                     WHEN citizenship_now = 'added' OR name_now = 'part' THEN 1 ELSE 0 END
                + CASE WHEN fields >= 2 THEN 1 ELSE 0 END) AS severity,
       event_on AS changed_on, name_now IN ('part', 'none') AS name_differs, name_now = 'script' AS name_unclear, birth_differs,
       citizenship_now <> 'same' AS citizenship_differs, citizenship_now = 'added' AS citizenship_added, citizenship_now = 'lost' AS citizenship_lost,
       majority_differs, CAST(fields AS BIGINT) AS fields_changed, records(permit_record, record) AS records
FROM run
WHERE differs AND event_on IS NOT NULL AND coalesce(agrees_again_op, 'upsert') NOT IN ('correct', 'retract')
