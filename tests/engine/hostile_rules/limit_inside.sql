-- refused: LIMIT
SELECT q.person_id, q.permit_id, 'x' AS alert_key, q.first_known_time AS alert_at
FROM (SELECT person_id, permit_id, first_known_time FROM permits ORDER BY valid_from LIMIT 5) q
