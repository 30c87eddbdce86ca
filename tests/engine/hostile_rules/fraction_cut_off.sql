-- refused: engines read a fraction made a whole number
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, CAST(p.floor_sek * 0.5 AS BIGINT) AS half FROM permits p
