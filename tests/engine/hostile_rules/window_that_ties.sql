-- refused: can tie
SELECT p.person_id, p.permit_id, 'x' AS alert_key, lag(p.first_known_time) OVER (PARTITION BY p.person_id ORDER BY p.valid_from) AS alert_at FROM permits p
