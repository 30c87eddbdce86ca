-- refused: looks into name_at_grant
WITH s AS (SELECT person_id, permit_id, first_known_time, concat('the person ', name_at_grant) AS who FROM permits)
SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at, who FROM s
