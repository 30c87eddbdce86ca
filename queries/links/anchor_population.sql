/*
doc = """
Shown to the holder of a permit that depends on this person (the anchor): each version of the anchor's register post, with
its place in the register's order and whether the next one corrects it. Name, number, birth and citizenships are not shown, only whether one of them is Swedish. A
retraction has nothing but its times. While the anchor is protected only that is shown, and of no other version anything; versions
from such a time are never shown again, since what they lack would tell of it.
"""
needs = "anchors"
*/
SELECT a.holder_id AS to_id, concat(a.permit_id, ':', a.record_key, ':', h.record_key, ':', CAST(h.version AS VARCHAR)) AS record_key,
       a.permit_id, h.event_on,
       CASE WHEN h.protected THEN NULL ELSE h.dereg_code END AS dereg_code,
       CASE WHEN h.protected THEN NULL ELSE h.dereg_on END AS dereg_on,
       CASE WHEN h.protected THEN NULL ELSE h.civil_status END AS civil_status,
       CASE WHEN h.protected THEN NULL ELSE h.civil_status_on END AS civil_status_on,
       CASE WHEN h.protected THEN NULL ELSE h.spouse_id = a.holder_id END AS spouse_is_holder,
       CASE WHEN h.protected THEN NULL ELSE h.address_key END AS address_key,
       CASE WHEN h.protected THEN NULL ELSE h.registered_on END AS registered_on,
       coalesce(h.protected, false) AS protected,
       CASE WHEN h.protected THEN NULL ELSE array_has(h.citizenships, 'SWE') END AS swedish,
       h.version AS post_version, h.is_latest, coalesce(h.next_op, 'upsert') IN ('correct', 'retract') AS corrected, h.known_from
FROM anchors a
JOIN (SELECT person_id, record_key, event_on, dereg_code, dereg_on, civil_status, civil_status_on, spouse_id, address_key, registered_on, protected, citizenships,
             version, is_latest, known_from, lead(op) OVER (PARTITION BY person_id, record_key ORDER BY version) AS next_op
      FROM population_history) h ON h.person_id = a.person_id
WHERE (h.protected AND h.is_latest)
   OR (NOT coalesce(h.protected, false) AND NOT EXISTS (SELECT 1 FROM population n WHERE n.person_id = a.person_id AND n.protected))
