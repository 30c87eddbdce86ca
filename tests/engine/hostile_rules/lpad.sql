-- refused: lpad
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, lpad('x', 1000000000, 'y') AS text FROM permits p
