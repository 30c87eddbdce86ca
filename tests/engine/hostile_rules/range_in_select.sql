-- refused: range
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, range(1, 1000000000) AS numbers FROM permits p
