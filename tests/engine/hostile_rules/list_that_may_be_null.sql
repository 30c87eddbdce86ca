-- refused: engines read a null in array_has_any
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p WHERE array_has_any(p.citizenships_at_grant, p.citizenships_at_grant)
