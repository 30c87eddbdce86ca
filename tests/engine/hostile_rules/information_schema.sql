-- refused: information_schema
SELECT t.table_name AS person_id, t.table_name AS permit_id, 'x' AS alert_key, CAST(NULL AS TIMESTAMP) AS alert_at FROM information_schema.tables t
