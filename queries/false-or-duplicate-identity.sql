/*
id = "false-or-duplicate-identity"
number = "R22"
title.sv = "Falsk eller dubbel identitet"
title.en = "False or duplicate identity"
finding.sv = "Uppgift om identiteten från {since_on}: {circumstance}[others:  (antal andra personer med samma handling eller nummer: {others})]. Omständighet att utreda."
finding.en = "A fact about the identity since {since_on}: {circumstance}[others:  (number of other persons with the same document or number: {others})]. A circumstance to look into."
permit_classes = ["WORK_EMP", "BLUE_CARD", "ICT", "SEASONAL", "SELF_EMP", "JOBSEEK_HQ", "RESEARCH", "STUDY_HE", "STUDY_OTHER", "TRAINEE", "VOLUNTEER", "AUPAIR", "POST_STUDY", "FAMILY_SPOUSE", "FAMILY_CHILD", "FAMILY_OTHER", "DEPENDANT", "PROT_REFUGEE", "PROT_SUBSIDIARY", "PROT_TEMPORARY", "HUMANITARIAN", "PERMANENT", "LTR_EU"]
legal_basis = ["UtlL 7 kap. 1 §", "FBL 22 §", "lag 2022:1697 2 kap. 2-6 §§"]
legal_gate = "open"
severity = "medium"
owner = "identity-unit"
own_facts = { circumstance = ["deregistered_false_identity", "unsure_coordination_number"] }

[[counter_evidence]]
sv = "Avregistreringen har rättats (tar bort indikationen) eller personen har folkbokförts igen (avslutar den)"
en = "The deregistration was corrected (removes the indication) or the person registered again (ends it)"
[[counter_evidence]]
sv = "Kopplingen till numret har avslutats hos någon av personerna: sammanförda akter eller nytt nummer (tar bort indikationen; om det anmäls i förväg avslutas den på den dagen)"
en = "The link to the number has ended for one of the persons: files merged or a new number (removes the indication; reported ahead, it ends the indication on that day)"
of_others = true
[[counter_evidence]]
sv = "Tillstånden gällde inte samtidigt (ingen indikation)"
en = "The permits were not valid at the same time (no indication)"
of_others = true
[[counter_evidence]]
sv = "Samordningsnumrets identitetsnivå har höjts eller kopplingen avslutats (avslutar indikationen)"
en = "The coordination number's level of identity was raised or its link ended (ends the indication)"
[[counter_evidence]]
sv = "Tillstånd som inte kräver styrkt identitet: skydd, humanitära skäl, permanent (nivån räknas inte)"
en = "A permit that requires no established identity: protection, humanitarian, permanent (the level does not count)"
[[counter_evidence]]
sv = "Barn som är antecknat i en förälders pass"
en = "A child entered in a parent's passport"
checked = false
[[counter_evidence]]
sv = "Feltolkat eller felskrivet handlingsnummer, eller ett nummer som utfärdaren använt två gånger"
en = "A document number misread or mistyped, or one that the issuer has used twice"
checked = false
*/
WITH own AS (   -- what is linked to this person
    SELECT person_id, record_key, record, first_known_time, 'document' AS kind, document_key AS identifier, CAST(NULL AS DATE) AS linked_on,
           CAST(NULL AS VARCHAR) AS asserted_by
    FROM documents
    UNION ALL
    SELECT person_id, record_key, record, first_known_time, 'number' AS kind, number AS identifier, linked_on, asserted_by
    FROM identities
),
shared AS (   -- permits of others with the same document or number, on days that belong to this permit's right too
    SELECT p.person_id, p.permit_id, p.record AS permit_record, p.is_first, p.decided_on,
           greatest(p.first_known_time, CAST(p.valid_from AS TIMESTAMP)) AS carries_at, o.record_key AS own_key, o.record AS own_record, o.kind, o.asserted_by, s.other_id, s.ended_on,
           s.record_key AS shared_key, s.held_from, s.held_until,
           greatest(p.right_from, s.held_from, o.linked_on) AS both_from,
           greatest(s.known_at, o.first_known_time, CAST(greatest(p.right_from, s.held_from, o.linked_on) AS TIMESTAMP)) AS known_at
    FROM rights p
    JOIN own o ON o.person_id = p.person_id
    JOIN shared_identifiers s ON s.person_id = o.person_id AND s.kind = o.kind AND s.identifier = o.identifier
    WHERE (least(p.right_until, s.held_until) IS NULL   -- the least of those that are not null
           OR greatest(p.right_from, s.held_from, o.linked_on) <= least(p.right_until, s.held_until))
      AND (s.ended_on IS NULL OR greatest(p.right_from, s.held_from, o.linked_on) < s.ended_on)
),
gapped AS (   -- another's permits in a row, without a day between them, are one fact
    SELECT shared.*, CASE WHEN held_from <= lag(held_until) OVER w + 1 THEN 0 ELSE 1 END AS begins
    FROM shared
    WINDOW w AS (PARTITION BY person_id, permit_id, own_key, other_id ORDER BY held_from, shared_key)
),
spelled AS (
    SELECT gapped.*, sum(begins) OVER (PARTITION BY person_id, permit_id, own_key, other_id ORDER BY held_from, shared_key ROWS UNBOUNDED PRECEDING) AS spell_no
    FROM gapped
),
judged AS (   -- which is settled if it was known when the permit was decided
    SELECT person_id, permit_id, permit_record, carries_at, own_key, own_record, kind, asserted_by, other_id, ended_on, both_from, known_at,
           NOT (is_first OR decided_on IS NULL
                OR CAST(min(known_at) OVER (PARTITION BY person_id, permit_id, own_key, other_id, spell_no) AS DATE) > decided_on) AS settled
    FROM spelled
),
unsure AS (   -- versions of a coordination number's link; a version that was corrected or retracted never was
    SELECT person_id, record_key, record, linked_on, number_kind, level, ended_on, asserted_by, greatest(known_from, CAST(linked_on AS TIMESTAMP)) AS known_at,
           lead(op) OVER w AS next_op,
           min(CASE WHEN coalesce(level, 'none') <> 'unsure' THEN known_from
                    WHEN ended_on IS NOT NULL THEN greatest(known_from, CAST(ended_on AS TIMESTAMP)) END)
               OVER (PARTITION BY person_id, record_key ORDER BY version ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS sure_at
    FROM identities_history
    WINDOW w AS (PARTITION BY person_id, record_key ORDER BY version)
)
SELECT p.person_id, p.permit_id, concat('deregistered:', CAST(d.dereg_on AS VARCHAR)) AS alert_key, d.dereg_on AS anchor_at,
       greatest(d.known_at, p.first_known_time, CAST(p.valid_from AS TIMESTAMP)) AS alert_at,
       CASE WHEN d.known_at > d.told_at THEN d.known_at END AS due_at,   -- one that is told ahead may be taken back until its day
       d.registered_again_at AS cleared_at, 'strong' AS severity,
       'deregistered_false_identity' AS circumstance, d.dereg_on AS since_on, CAST(0 AS BIGINT) AS others, CAST('navet' AS VARCHAR) AS asserted_by,
       records(p.record, d.record) AS records
FROM rights p
JOIN deregistrations d ON d.person_id = p.person_id AND d.dereg_code = 'FI'
WHERE p.is_first OR p.decided_on IS NULL OR CAST(d.known_at AS DATE) > p.decided_on
UNION ALL
SELECT person_id, permit_id, concat(kind, ':', own_key) AS alert_key, min(both_from) AS anchor_at,
       greatest(min(CASE WHEN NOT settled THEN known_at END), carries_at) AS alert_at, CAST(NULL AS TIMESTAMP) AS due_at,
       CASE WHEN count(*) FILTER (WHERE NOT settled AND ended_on IS NULL) = 0   -- once no other is linked any more
            THEN CAST(max(CASE WHEN NOT settled THEN ended_on END) AS TIMESTAMP) END AS cleared_at, 'medium' AS severity,
       concat('shared_', kind) AS circumstance, min(both_from) AS since_on, count(DISTINCT other_id) AS others, asserted_by,
       records(permit_record, own_record) AS records
FROM judged
GROUP BY person_id, permit_id, permit_record, carries_at, own_key, own_record, kind, asserted_by
HAVING NOT bool_and(settled)
UNION ALL
SELECT p.person_id, p.permit_id, concat('unsure:', u.record_key) AS alert_key, u.linked_on AS anchor_at,
       greatest(u.known_at, p.first_known_time, CAST(p.valid_from AS TIMESTAMP)) AS alert_at, CAST(NULL AS TIMESTAMP) AS due_at,
       u.sure_at AS cleared_at, 'info' AS severity,
       'unsure_coordination_number' AS circumstance, u.linked_on AS since_on, CAST(0 AS BIGINT) AS others, u.asserted_by,
       records(p.record, u.record) AS records
FROM rights p
JOIN unsure u ON u.person_id = p.person_id AND u.number_kind = 'coordination' AND u.level = 'unsure' AND u.ended_on IS NULL
     AND coalesce(u.next_op, 'none') NOT IN ('correct', 'retract')
WHERE p.permit_class NOT IN ('PROT_REFUGEE', 'PROT_SUBSIDIARY', 'PROT_TEMPORARY', 'HUMANITARIAN', 'PERMANENT')
  AND (p.is_first OR p.decided_on IS NULL OR CAST(u.known_at AS DATE) > p.decided_on)
