-- refused: a column named without AS
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, p.floor_sek months FROM permits p
