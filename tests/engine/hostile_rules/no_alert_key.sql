-- refused: alert_key
SELECT p.person_id, p.permit_id, p.first_known_time AS alert_at FROM permits p
