-- refused: engines read a value by its place in a group
SELECT p.person_id, p.permit_id, 'x' AS alert_key, max(p.first_known_time) AS alert_at,
    first_value(p.valid_from ORDER BY p.record_key) AS first_from FROM permits p GROUP BY p.person_id, p.permit_id
