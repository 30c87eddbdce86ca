/*
doc = """
Shown to the unit of each travel document and identity number that is linked to this person: the days of each of the
person's permits, with those until the next permit of the right, for a number from the day of its link. A link that has
ended (files merged, another number given) is not shown, nor is a protected person. If its end is told ahead it is shown with that day.
"""
needs = "permits"
*/
SELECT concat('identifier=', l.kind, ':', l.identifier) AS to_id, concat(l.person_id, ':', p.permit_id, ':', l.record_key) AS record_key,
       l.kind, l.identifier, l.person_id AS holder_id,
       greatest(p.valid_from, l.from_on) AS held_from, p.carries_until AS held_until, l.ended_on,
       greatest(l.first_known_time, p.first_known_time) AS known_at
FROM permit_spells p
JOIN (
    SELECT person_id, record_key, first_known_time, 'document' AS kind, document_key AS identifier, CAST(NULL AS DATE) AS from_on,
           CAST(NULL AS DATE) AS ended_on
    FROM documents
    UNION ALL
    SELECT person_id, record_key, first_known_time, 'number' AS kind, number AS identifier, linked_on AS from_on, ended_on
    FROM identities
    WHERE ended_on IS NULL OR ended_on > CAST(known_time AS DATE)
) l ON l.person_id = p.person_id
WHERE p.permit_class NOT IN ('PROTECTED_CASE', 'CITIZEN_EES_RIGHT')
  AND (p.carries_until IS NULL OR p.carries_until >= greatest(p.valid_from, l.from_on))
  AND NOT p.annulled
  AND NOT EXISTS (SELECT 1 FROM population n WHERE n.person_id = p.person_id AND n.protected)
