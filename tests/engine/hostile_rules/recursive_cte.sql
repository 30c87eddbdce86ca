-- refused: RECURSIVE
WITH RECURSIVE r AS (SELECT person_id, permit_id, first_known_time FROM permits UNION ALL SELECT person_id, permit_id, first_known_time FROM r)
SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM r
