-- refused: alert_at
SELECT p.person_id, p.permit_id, 'x' AS alert_key FROM permits p
