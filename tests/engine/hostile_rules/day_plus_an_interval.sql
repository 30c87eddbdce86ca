-- refused: engines read a day plus or minus an INTERVAL
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, p.valid_from + INTERVAL '1 month' AS due_at FROM permits p
