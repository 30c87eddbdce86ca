-- refused: name_at_grant
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, p.name_at_grant FROM permits p
