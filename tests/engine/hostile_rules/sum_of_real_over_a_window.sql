-- refused: sum of DOUBLE
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at,
    sum(CAST(p.floor_sek AS REAL)) OVER (PARTITION BY p.person_id) AS sek FROM permits p
