/*
One row per version of a study event that another took the place of: what it said until `until_at`, as in `earlier_border`.
*/
SELECT h.person_id, h.record_key, h.record, h.kind, h.institution_id, h.event_on, h.starts_on, h.ends_on, h.credits_tenths, min(n.known_from) AS until_at
FROM studies_history h
JOIN studies_history n ON n.person_id = h.person_id AND n.record_key = h.record_key AND n.version > h.version
WHERE NOT h.is_latest
GROUP BY h.person_id, h.record_key, h.record, h.kind, h.institution_id, h.event_on, h.starts_on, h.ends_on, h.credits_tenths, h.known_from
HAVING min(n.known_from) > h.known_from
