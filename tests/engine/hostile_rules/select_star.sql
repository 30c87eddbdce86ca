-- refused: SELECT *
SELECT *, 'x' AS alert_key, first_known_time AS alert_at FROM permits
