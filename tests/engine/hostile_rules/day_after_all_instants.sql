-- refused: may leave the calendar of instants
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, CAST(p.valid_from + 100000 AS TIMESTAMP) AS due_at FROM permits p
