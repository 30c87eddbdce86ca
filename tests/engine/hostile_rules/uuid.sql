-- refused: uuid
SELECT p.person_id, p.permit_id, uuid() AS alert_key, p.first_known_time AS alert_at FROM permits p
