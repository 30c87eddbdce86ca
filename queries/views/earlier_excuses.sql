/*
One row per token that excused a month until it was taken back, from `from_at` until `until_at`, as in `earlier_border`.
*/
SELECT h.person_id, h.month, h.known_from AS from_at, min(n.known_from) AS until_at
FROM excused_months_history h
JOIN excused_months_history n ON n.person_id = h.person_id AND n.record_key = h.record_key AND n.version > h.version
WHERE NOT h.is_latest
GROUP BY h.person_id, h.month, h.record, h.known_from
HAVING min(n.known_from) > h.known_from
