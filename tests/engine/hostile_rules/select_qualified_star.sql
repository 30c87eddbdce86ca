-- refused: p.* is of permits, which is no step
SELECT p.*, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p
