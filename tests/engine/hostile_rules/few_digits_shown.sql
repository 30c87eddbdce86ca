-- refused: may leave its type
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, CAST(p.floor_sek AS DECIMAL(5, 2)) AS months FROM permits p
