-- refused: IGNORE or RESPECT NULLS of a function without OVER
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at,
    first_value(p.floor_sek + coalesce(p.offered_sek, 0) IGNORE NULLS) OVER (PARTITION BY p.person_id ORDER BY p.record_key) AS sek FROM permits p
