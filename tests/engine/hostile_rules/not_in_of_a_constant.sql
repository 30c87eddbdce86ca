-- refused: NOT IN (SELECT
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p
WHERE 100 NOT IN (SELECT s.amount_sek FROM payments s WHERE s.person_id = p.person_id)
