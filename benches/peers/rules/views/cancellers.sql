/*
Nobody: the reduced rules end with the permit (`cleared_at`) and nothing else.
*/
SELECT person_id, permit_id, 'permit_ended' AS reason, CAST(NULL AS TIMESTAMP) AS from_at, CAST(NULL AS TIMESTAMP) AS to_at
FROM permits
WHERE false
