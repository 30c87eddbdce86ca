-- refused: is the same in every row of an optional step
WITH journeys AS (
    SELECT person_id, record_key, 'journey' AS what
    FROM border
)
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at,
       row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key, j.record_key, j.what) AS place
FROM permits p
LEFT JOIN journeys j ON j.person_id = p.person_id
