-- refused: takes no rows back
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, bool_or(p.first_grant) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS any_first FROM permits p
