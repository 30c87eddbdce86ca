-- refused: engines read a map
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, MAP {'a': p.floor_sek} AS months FROM permits p
