-- refused: TABLESAMPLE
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p TABLESAMPLE (10 PERCENT)
