-- refused: known_time
SELECT p.person_id, p.permit_id, 'x' AS alert_key, max(p.known_time) OVER (PARTITION BY p.person_id) AS alert_at FROM permits p
