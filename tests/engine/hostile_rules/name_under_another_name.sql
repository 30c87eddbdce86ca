-- refused: may not leave
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, p.name_at_grant AS title FROM permits p
