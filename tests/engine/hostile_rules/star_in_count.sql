-- refused: p.* stands within count()
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, count(p.*) AS permits
FROM permits p GROUP BY p.person_id, p.permit_id, p.first_known_time
