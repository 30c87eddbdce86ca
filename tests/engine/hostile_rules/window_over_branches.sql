-- refused: can tie: rows of different branches of a UNION
SELECT u.person_id, u.person_id AS permit_id, 'x' AS alert_key, u.first_known_time AS alert_at,
    row_number() OVER (PARTITION BY u.person_id ORDER BY u.record_key) AS n
FROM (SELECT person_id, record_key, first_known_time FROM border UNION ALL SELECT person_id, record_key, first_known_time FROM notices) u
