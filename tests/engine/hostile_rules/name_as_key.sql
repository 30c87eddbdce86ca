-- refused: beside name_at_grant
SELECT p.person_id, p.permit_id, coalesce(p.name_at_grant, '-') AS alert_key, p.first_known_time AS alert_at FROM permits p
