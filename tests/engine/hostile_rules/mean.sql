-- refused: avg of DOUBLE
SELECT p.person_id, p.person_id AS permit_id, 'x' AS alert_key, max(p.first_known_time) AS alert_at,
    avg(p.floor_sek) AS sek FROM permits p GROUP BY p.person_id
