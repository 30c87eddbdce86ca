-- refused: output column alert_key may be null
SELECT p.person_id, p.permit_id, p.valid_to AS alert_key, p.first_known_time AS alert_at FROM permits p
