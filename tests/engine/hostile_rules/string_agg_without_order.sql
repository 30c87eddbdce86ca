-- refused: string_agg without an ORDER BY can tie
SELECT p.person_id, p.person_id AS permit_id, 'x' AS alert_key, max(p.first_known_time) AS alert_at,
    string_agg(p.permit_class, ' ') AS classes FROM permits p GROUP BY p.person_id
