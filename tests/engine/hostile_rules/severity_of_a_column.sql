-- refused: another text than info, weak, medium or strong
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, lower(p.permit_class) AS severity FROM permits p
