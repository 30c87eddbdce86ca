-- refused: / between whole numbers
SELECT p.person_id, p.permit_id, 'x' AS alert_key, max(p.first_known_time) AS alert_at, sum(p.floor_sek) / count(*) AS mean
FROM permits p GROUP BY p.person_id, p.permit_id
