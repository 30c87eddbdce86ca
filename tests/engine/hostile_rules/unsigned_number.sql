-- refused: an unsigned number
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p WHERE CAST(p.floor_sek AS INT UNSIGNED) = 3
