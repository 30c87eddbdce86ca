-- refused: a day plus or minus a sum
WITH earned AS (
    SELECT person_id, sum(CASE WHEN gross_sek > 0 THEN 1 ELSE 0 END) AS months
    FROM salaries
    GROUP BY person_id
)
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, p.valid_from + coalesce(d.months, 0) AS later
FROM permits p
LEFT JOIN earned d ON d.person_id = p.person_id
