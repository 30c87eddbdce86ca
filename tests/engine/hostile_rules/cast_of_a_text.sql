-- refused: CAST of a text
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, p.floor_sek AS low
FROM permits p WHERE CAST(p.permit_class AS BIGINT) > 3
