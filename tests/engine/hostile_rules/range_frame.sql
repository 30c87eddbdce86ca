-- refused: slides by
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, count(*) OVER (PARTITION BY p.person_id ORDER BY p.valid_from RANGE BETWEEN INTERVAL '6 months' PRECEDING AND CURRENT ROW) AS n FROM permits p
