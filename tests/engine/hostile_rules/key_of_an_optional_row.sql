-- refused: output column alert_key may be null
SELECT p.person_id, p.permit_id, n.event_on AS alert_key, p.first_known_time AS alert_at
FROM permits p LEFT JOIN notices n ON n.person_id = p.person_id AND n.kind = 'tip'
