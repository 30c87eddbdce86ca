-- refused: repeat
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, repeat('x', 1000000000) AS text FROM permits p
