-- refused: IGNORE or RESPECT NULLS behind
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, lag(p.floor_sek) IGNORE NULLS OVER (PARTITION BY p.person_id ORDER BY p.record_key, p.permit_id) AS months FROM permits p
