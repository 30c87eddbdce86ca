-- refused: SELECT *
SELECT q.person_id, q.permit_id, 'x' AS alert_key, q.first_known_time AS alert_at FROM (SELECT * FROM permits) q
