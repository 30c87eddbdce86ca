-- refused: window mixes persons
SELECT p.person_id, p.permit_id, 'x' AS alert_key, lag(p.first_known_time) OVER (ORDER BY p.permit_id) AS alert_at FROM permits p
