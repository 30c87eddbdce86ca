-- refused: named window
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at,
    sum(p.floor_sek) OVER (w ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS n FROM permits p WINDOW w AS (PARTITION BY p.person_id ORDER BY p.record_key)
