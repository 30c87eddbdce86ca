/*
One row per version of a status declaration that another took the place of: what it said from `from_at` until `until_at`, as in `earlier_border`.
*/
SELECT h.person_id, h.record_key, h.record, h.status_kind, h.tested_country, h.declared_on, h.ended_on, h.known_from AS from_at, min(n.known_from) AS until_at
FROM statuses_history h
JOIN statuses_history n ON n.person_id = h.person_id AND n.record_key = h.record_key AND n.version > h.version
WHERE NOT h.is_latest
GROUP BY h.person_id, h.record_key, h.record, h.status_kind, h.tested_country, h.declared_on, h.ended_on, h.known_from
HAVING min(n.known_from) > h.known_from
