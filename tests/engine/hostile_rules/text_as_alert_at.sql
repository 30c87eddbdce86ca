-- refused: alert_at
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.permit_class AS alert_at FROM permits p
