-- refused: a date compared with a whole number
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p WHERE 60 BETWEEN p.valid_from AND p.valid_to
