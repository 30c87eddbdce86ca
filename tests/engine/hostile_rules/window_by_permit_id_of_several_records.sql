-- refused: can tie: rows of permits
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at,
    row_number() OVER (PARTITION BY p.person_id ORDER BY p.permit_id) AS n FROM permits p
