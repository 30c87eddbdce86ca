-- refused: column 2 is permit_id in the first branch, and first_known_time in another
WITH held AS (SELECT person_id, permit_id, first_known_time FROM permits),
asked AS (SELECT person_id, first_known_time, record_key AS permit_id FROM applications),
all_of AS (SELECT held.* FROM held UNION ALL SELECT asked.* FROM asked)
SELECT a.person_id, a.permit_id, 'x' AS alert_key, a.first_known_time AS alert_at FROM all_of a
