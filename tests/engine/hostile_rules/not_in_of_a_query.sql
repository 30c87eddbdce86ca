-- refused: NOT IN (SELECT
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p WHERE p.person_id NOT IN (SELECT s.person_id FROM payments s)
