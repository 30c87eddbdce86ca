-- refused: can tie: rows of permits
SELECT DISTINCT ON (p.person_id) p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p ORDER BY p.person_id, p.valid_from
