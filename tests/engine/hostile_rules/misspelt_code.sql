-- refused: "salery" is no code of payments.kind
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at
FROM permits p
JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salery'
