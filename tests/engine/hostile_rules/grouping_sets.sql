-- refused: GROUPING SETS
SELECT p.person_id, p.permit_id, 'x' AS alert_key, max(p.first_known_time) AS alert_at FROM permits p GROUP BY ROLLUP (p.person_id, p.permit_id)
