/*
One row per version of a border notice that another took the place of, by a correction or a retraction: what it said until it was known
better, from `from_at` until `until_at`. A version that reached us after a later one never was in force and has no row. See *What was settled* in the guide.
*/
SELECT h.person_id, h.record_key, h.record, h.direction, h.country, h.transit, h.observed_on, h.doc_kind, h.doc_issuer, h.doc_issued_on, h.doc_seen,
       h.source, h.known_from AS from_at, min(n.known_from) AS until_at
FROM border_history h
JOIN border_history n ON n.person_id = h.person_id AND n.record_key = h.record_key AND n.version > h.version
WHERE NOT h.is_latest
GROUP BY h.person_id, h.record_key, h.record, h.direction, h.country, h.transit, h.observed_on, h.doc_kind, h.doc_issuer, h.doc_issued_on, h.doc_seen,
         h.source, h.known_from
HAVING min(n.known_from) > h.known_from
