-- refused: a name in quotes
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits AS "P" JOIN permits p ON p.person_id = "P".person_id
