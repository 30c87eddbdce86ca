-- refused: held.* takes EXCLUDE (column, ...) and nothing else
WITH held AS (SELECT person_id, permit_id, first_known_time FROM permits),
named AS (SELECT held.* REPLACE ('x' AS permit_id) FROM held)
SELECT n.person_id, n.permit_id, 'x' AS alert_key, n.first_known_time AS alert_at FROM named n
