-- refused: permits.* is of permits, which is no step
WITH held AS (SELECT permits.* FROM permits)
SELECT h.person_id, h.permit_id, 'x' AS alert_key, h.first_known_time AS alert_at FROM held h
