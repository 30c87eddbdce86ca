-- refused: array_agg over a window is not allowed
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at,
    array_agg(p.valid_to) OVER (PARTITION BY p.person_id ORDER BY p.valid_from, p.record) AS days FROM permits p
