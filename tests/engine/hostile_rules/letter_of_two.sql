-- refused: engines read the case of a letter
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, upper('straße') AS street FROM permits p
