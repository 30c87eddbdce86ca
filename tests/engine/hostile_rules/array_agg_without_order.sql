-- refused: array_agg without an ORDER BY can tie
SELECT p.person_id, p.person_id AS permit_id, 'x' AS alert_key, max(p.first_known_time) AS alert_at,
    array_agg(p.valid_from) AS days FROM permits p GROUP BY p.person_id
