-- refused: known_time
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.known_time AS alert_at FROM permits p
