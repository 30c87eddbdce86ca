-- refused: engines read a struct
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, named_struct('a', p.floor_sek) AS parts FROM permits p
