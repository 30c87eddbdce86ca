-- refused: now
SELECT p.person_id, p.permit_id, 'x' AS alert_key, CAST(now() AS TIMESTAMP) AS alert_at FROM permits p
