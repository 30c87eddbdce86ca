-- refused: the same twice in the ORDER BY of an aggregate
SELECT p.person_id, p.permit_id, string_agg(p.end_kind, ',' ORDER BY p.valid_from DESC, p.record_key, valid_from) AS alert_key,
       min(p.first_known_time) AS alert_at
FROM permits p
GROUP BY p.person_id, p.permit_id
