/*
id = "family-tie-ended"
number = "R23"
title.sv = "Förhållandet har upphört"
title.en = "The relationship has ended"
finding.sv = "Folkbokföringen visar sedan {since_on} en ändring som rör förhållandet som tillståndet grundas på: {circumstance}. Omständighet att utreda."
finding.en = "Since {since_on} the population register shows a change about the relationship that the permit rests on: {circumstance}. A circumstance to look into."
permit_classes = ["FAMILY_SPOUSE", "DEPENDANT"]
legal_basis = ["UtlL 7 kap. 3 § 2 st.", "UtlL 7 kap. 7 f §", "UtlL 5 b kap. 24 §", "UtlL 6 a kap. 13 §", "UtlL 6 b kap. 18 §", "UtlL 7 kap. 4 § 3 st.", "UtlL 5 kap. 16 §"]
legal_gate = "open"
severity = "medium"
owner = "family-unit"
own_facts = { circumstance = ["divorced", "remarried", "widowed"] }
readings = [
    "A register post that the next one corrects never was: a divorce, or a move, counts as of the corrected day.",
    "A divorce that only the anchor's post shows counts as one of the holder's, if that post had shown them as married to each other.",
]

[[counter_evidence]]
sv = "Uppgift om våld i förhållandet (tar bort indikationen)"
en = "A notice of violence in the relationship (removes the indication)"
of_others = true
[[counter_evidence]]
sv = "Skyddade personuppgifter hos någon av parterna (tar bort indikationen)"
en = "Protected personal data of either party (removes the indication)"
of_others = true
[[counter_evidence]]
sv = "Änka, änkling eller efterlevande partner (endast information)"
en = "Widowed (information only)"
of_others = true
[[counter_evidence]]
sv = "Folkbokförda på samma adress igen, eller gifta på nytt med varandra (avslutar indikationen)"
en = "Registered at one address again, or married to each other again (ends the indication)"
of_others = true
[[counter_evidence]]
sv = "Ansökan på annan grund under prövning (indikationen vilar)"
en = "An application on another ground is pending (the indication rests)"
[[counter_evidence]]
sv = "Det upplösta äktenskapet var med någon annan än anknytningspersonen (räknas inte)"
en = "The dissolved marriage was with somebody else than the anchor (does not count)"
of_others = true
[[counter_evidence]]
sv = "Särboende på grund av arbete, studier eller vård"
en = "Living apart because of work, studies or care"
checked = false
[[counter_evidence]]
sv = "Förhållandet består trots skilsmässan"
en = "The relationship goes on in spite of the divorce"
checked = false
[[counter_evidence]]
sv = "Våld eller annan allvarlig kränkning i förhållandet, anmäld eller inte"
en = "Violence or other serious abuse in the relationship, reported or not"
checked = false

[params.apart_days]
default = 183
doc.sv = "dagar på skilda folkbokföringsadresser"
doc.en = "days at separate registered addresses"
source.sv = "eget antagande: ett halvår"
source.en = "own default: half a year"
*/
WITH tie AS (   -- permits that depend on a spouse or partner; nothing is said where one of them is protected or violence was reported
    SELECT p.person_id, p.permit_id, p.record, p.first_known_time, p.permit_class, p.valid_from, p.decided_on, p.is_first, q.anchor_person_id,
           min(p.valid_from) OVER (PARTITION BY p.person_id, q.anchor_person_id, p.right_id) AS tie_from   -- over the permits of an unbroken right
    FROM rights p
    JOIN whole_permits q ON q.permit_id = p.permit_id
    WHERE p.permit_class IN ('FAMILY_SPOUSE', 'DEPENDANT') AND q.anchor_person_id IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM notices v WHERE v.person_id = p.person_id AND v.kind = 'violence')
      AND NOT EXISTS (SELECT 1 FROM protected_anchors a WHERE a.permit_id = p.permit_id)
),
post AS (   -- each party's register posts in the register's order; `with_other`: is the spouse that it names the other party? One that the next one corrects never was
    SELECT t.permit_id, 'holder' AS party, h.record_key, h.record, h.civil_status, h.civil_status_on, h.spouse_id = t.anchor_person_id AS with_other,
           h.address_key, h.registered_on, h.known_from, h.version AS place,
           coalesce(lead(h.op) OVER (PARTITION BY t.permit_id, h.record_key ORDER BY h.version) IN ('correct', 'retract'), false) AS corrected
    FROM tie t
    JOIN population_posts h ON h.person_id = t.person_id
    UNION ALL
    SELECT t.permit_id, 'anchor' AS party, a.record_key, CAST(NULL AS VARCHAR) AS record, a.civil_status, a.civil_status_on, a.spouse_is_holder AS with_other,
           a.address_key, a.registered_on, a.known_from, a.post_version AS place, a.corrected
    FROM tie t
    JOIN anchor_population a ON a.permit_id = t.permit_id
),
civil AS (   -- a civil status and when it became known; one that a later post replaces as of an earlier day never was
    SELECT permit_id, party, record_key, record, civil_status, civil_status_on, with_other, known_at,
           lag(civil_status) OVER w AS previous_status, lag(with_other) OVER w AS previous_with_other,
           min(CASE WHEN civil_status IN ('G', 'RP') AND with_other THEN known_at END)
               OVER (PARTITION BY permit_id, party ORDER BY civil_status_on, record_key, civil_status, with_other
                     ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS married_again_at
    FROM (
        SELECT permit_id, party, record_key, record, civil_status, civil_status_on, with_other, known_at,
               min(civil_status_on) OVER (PARTITION BY permit_id, party ORDER BY last_place, civil_status_on, record_key, civil_status, with_other
                                          ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS replaced_from
        FROM (
            SELECT permit_id, party, min(record_key) AS record_key, min(record) AS record, civil_status, civil_status_on, with_other,
                   min(known_from) AS known_at, max(place) AS last_place
            FROM post
            GROUP BY permit_id, party, civil_status, civil_status_on, with_other
            HAVING NOT bool_and(corrected)
        ) s
    ) r
    WHERE replaced_from IS NULL OR replaced_from > civil_status_on
    WINDOW w AS (PARTITION BY permit_id, party ORDER BY civil_status_on, record_key, civil_status, with_other)
),
couple AS (   -- whether the register has ever shown them as married to each other, and the holder as single again
    SELECT permit_id, max(CASE WHEN civil_status IN ('G', 'RP') AND with_other THEN 1 ELSE 0 END) AS married,
           max(CASE WHEN party = 'holder' AND NOT corrected AND civil_status IN ('S', 'SP', 'Ä', 'EP') THEN civil_status_on END) AS holder_single_on
    FROM post
    GROUP BY permit_id
),
move AS (   -- an address and when it became known; one that a later post replaces as of an earlier day never was
    SELECT permit_id, party, record_key, record, registered_on, address_key, known_at,
           CASE WHEN party = 'holder' THEN address_key END AS holder_key, CASE WHEN party = 'anchor' THEN address_key END AS anchor_key
    FROM (
        SELECT permit_id, party, record_key, record, registered_on, address_key, known_at,
               min(registered_on) OVER (PARTITION BY permit_id, party ORDER BY last_place, registered_on, record_key, address_key
                                        ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS replaced_from
        FROM (
            SELECT permit_id, party, min(record_key) AS record_key, min(record) AS record, registered_on, address_key,
                   min(known_from) AS known_at, max(place) AS last_place
            FROM post
            WHERE registered_on IS NOT NULL AND address_key IS NOT NULL
            GROUP BY permit_id, party, registered_on, address_key
            HAVING NOT bool_and(corrected)
        ) s
    ) r
    WHERE replaced_from IS NULL OR replaced_from > registered_on
),
home AS (   -- both addresses on one line of days
    SELECT permit_id, party, record_key, record, registered_on, address_key, max(known_at) OVER so_far AS known_at,
           last_value(holder_key IGNORE NULLS) OVER so_far <> last_value(anchor_key IGNORE NULLS) OVER so_far AS apart
    FROM move
    WINDOW so_far AS (PARTITION BY permit_id ORDER BY registered_on, party, record_key, address_key ROWS UNBOUNDED PRECEDING)
),
run AS (   -- since when they have been apart, and when they were together again
    SELECT home.*,
           max(CASE WHEN NOT apart THEN registered_on END)
               OVER (PARTITION BY permit_id ORDER BY registered_on, party, record_key, address_key ROWS UNBOUNDED PRECEDING) AS together_on,
           min(CASE WHEN NOT apart THEN registered_on END)
               OVER (PARTITION BY permit_id ORDER BY registered_on, party, record_key, address_key
                     ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS together_again_on,
           min(CASE WHEN NOT apart THEN known_at END)
               OVER (PARTITION BY permit_id ORDER BY registered_on, party, record_key, address_key
                     ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS together_again_at
    FROM home
),
fact AS (   -- facts that are there have no deadline
    SELECT t.person_id, t.permit_id, 'apart' AS circumstance, min(r.registered_on) AS since_on, min(r.known_at) AS known_at,
           greatest(min(r.registered_on), t.tie_from) + $apart_days AS due_on, r.together_again_at AS cleared_at,
           'weak' AS severity, min(r.record) AS post_record
    FROM run r
    JOIN tie t ON t.permit_id = r.permit_id
    WHERE r.apart
    GROUP BY t.person_id, t.permit_id, t.tie_from, r.together_on, r.together_again_on, r.together_again_at
    HAVING r.together_again_on IS NULL OR r.together_again_on >= greatest(min(r.registered_on), t.tie_from) + $apart_days
    UNION ALL
    SELECT t.person_id, t.permit_id, CASE WHEN c.civil_status IN ('S', 'SP') THEN 'divorced' ELSE 'widowed' END AS circumstance,
           c.civil_status_on AS since_on, c.known_at, CAST(NULL AS DATE) AS due_on, c.married_again_at AS cleared_at,
           CASE WHEN c.civil_status IN ('S', 'SP') THEN 'medium' ELSE 'info' END AS severity, c.record AS post_record
    FROM civil c
    JOIN tie t ON t.permit_id = c.permit_id AND c.civil_status_on >= t.tie_from
    WHERE c.party = 'holder' AND c.civil_status IN ('S', 'SP', 'Ä', 'EP') AND c.previous_status IN ('G', 'RP')
      AND coalesce(c.previous_with_other, true)
    UNION ALL   -- a divorce that the anchor's post alone shows: the holder's follows, and takes its place
    SELECT t.person_id, t.permit_id, 'divorced' AS circumstance, c.civil_status_on AS since_on, c.known_at, CAST(NULL AS DATE) AS due_on,
           c.married_again_at AS cleared_at, 'medium' AS severity, CAST(NULL AS VARCHAR) AS post_record
    FROM civil c
    JOIN couple k ON k.permit_id = c.permit_id
    JOIN tie t ON t.permit_id = c.permit_id AND c.civil_status_on >= t.tie_from
    WHERE c.civil_status IN ('S', 'SP') AND c.previous_status IN ('G', 'RP') AND c.previous_with_other
      AND (k.holder_single_on IS NULL OR k.holder_single_on < t.tie_from)
    UNION ALL
    SELECT t.person_id, t.permit_id, CASE WHEN c.party = 'holder' THEN 'remarried' ELSE 'anchor_remarried' END AS circumstance,
           c.civil_status_on AS since_on, c.known_at, CAST(NULL AS DATE) AS due_on, c.married_again_at AS cleared_at,
           'medium' AS severity, CASE WHEN c.party = 'holder' THEN c.record END AS post_record
    FROM civil c
    JOIN couple k ON k.permit_id = c.permit_id
    JOIN tie t ON t.permit_id = c.permit_id AND c.civil_status_on >= t.tie_from AND (t.permit_class = 'FAMILY_SPOUSE' OR k.married = 1)
    WHERE c.civil_status IN ('G', 'RP') AND NOT c.with_other
),
other_ground AS (   -- an application on another ground rests the matter from its day until it is decided
    SELECT person_id, min(CASE WHEN decided_on IS NULL AND outcome IS NULL THEN filed_on END) AS pending_since, max(decided_on) AS decided_on
    FROM applications
    WHERE permit_class NOT IN ('FAMILY_SPOUSE', 'DEPENDANT')
    GROUP BY person_id
)
SELECT f.person_id, f.permit_id, concat(f.circumstance, ':', CAST(f.since_on AS VARCHAR)) AS alert_key, f.since_on AS anchor_at,
       greatest(CAST(f.since_on AS TIMESTAMP), CAST(f.due_on AS TIMESTAMP), f.known_at, t.first_known_time, CAST(t.valid_from AS TIMESTAMP),
                CAST(o.decided_on AS TIMESTAMP)) AS alert_at,
       CAST(f.due_on AS TIMESTAMP) AS due_at, least(f.cleared_at, CAST(o.pending_since AS TIMESTAMP)) AS cleared_at,
       CASE WHEN o.pending_since IS NOT NULL THEN 'application_pending' END AS cleared_reason, f.severity,
       f.circumstance, f.since_on, records(t.record, f.post_record) AS records
FROM fact f
JOIN tie t ON t.permit_id = f.permit_id
LEFT JOIN other_ground o ON o.person_id = f.person_id
WHERE t.is_first OR t.decided_on IS NULL
   OR CAST(greatest(CAST(f.since_on AS TIMESTAMP), CAST(f.due_on AS TIMESTAMP), f.known_at) AS DATE) > t.decided_on
