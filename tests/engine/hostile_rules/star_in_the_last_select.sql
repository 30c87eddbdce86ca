-- refused: h.* stands in the last SELECT
WITH held AS (SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM permits)
SELECT h.* FROM held h
