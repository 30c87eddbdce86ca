-- refused: known_time
WITH q AS (SELECT person_id, max(known_time) AS seen_at FROM payments GROUP BY person_id)
SELECT p.person_id, p.permit_id, 'x' AS alert_key, greatest(p.first_known_time, q.seen_at) AS alert_at
FROM permits p JOIN q ON q.person_id = p.person_id
