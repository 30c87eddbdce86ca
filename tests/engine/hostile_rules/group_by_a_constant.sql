-- refused: GROUP BY a constant
SELECT p.person_id, p.permit_id, 'x' AS alert_key, min(p.first_known_time) AS alert_at, '' AS nothing
FROM permits p
GROUP BY p.person_id, p.permit_id, lower('A')
