-- refused: reads no table of persons
SELECT 'p' AS person_id, 'x' AS permit_id, m.month AS alert_key, m.complete_at AS alert_at FROM months m
