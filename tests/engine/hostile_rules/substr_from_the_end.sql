-- refused: engines read substr
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, substr(p.permit_class, -2) AS ending FROM permits p
