-- refused: engines read INTERVALs
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p WHERE INTERVAL '30 days' < INTERVAL '1 month'
