-- refused: engines read a value by its place in a group
SELECT p.person_id, p.person_id AS permit_id, 'x' AS alert_key, max(p.first_known_time) AS alert_at,
    nth_value(p.permit_class, 2 ORDER BY p.valid_from) AS class FROM permits p GROUP BY p.person_id
