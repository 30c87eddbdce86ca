-- refused: first_value with ORDER BY p.valid_from can tie
SELECT p.person_id, p.person_id AS permit_id, 'x' AS alert_key, max(p.first_known_time) AS alert_at,
    first_value(p.permit_class ORDER BY p.valid_from) AS class FROM permits p GROUP BY p.person_id
