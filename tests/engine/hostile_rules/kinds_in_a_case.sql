-- refused: no gateway
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, max(CASE WHEN s.kind = 'salary' THEN s.amount_sek END) AS sek FROM permits p JOIN payments s ON s.person_id = p.person_id
GROUP BY p.person_id, p.permit_id, p.first_known_time
