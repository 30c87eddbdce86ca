-- refused: IGNORE or RESPECT NULLS of a function without OVER
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at,
    lag(month_of(p.valid_to) IGNORE NULLS) OVER (PARTITION BY p.person_id ORDER BY p.record_key) AS before FROM permits p
