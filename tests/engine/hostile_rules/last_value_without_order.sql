-- refused: engines read a value by its place in a group
SELECT p.person_id, p.person_id AS permit_id, 'x' AS alert_key, max(p.first_known_time) AS alert_at,
    last_value(p.permit_class) AS class FROM permits p GROUP BY p.person_id
