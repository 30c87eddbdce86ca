-- refused: http://example.com
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN 'http://example.com/a.parquet' f ON f.person_id = p.person_id
