-- refused: % by what may be zero
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, p.floor_sek AS low
FROM permits p WHERE 1000 % (p.floor_sek - 5) = 0
