-- refused: string_agg with ORDER BY p.valid_from can tie
SELECT p.person_id, p.person_id AS permit_id, 'x' AS alert_key, max(p.first_known_time) AS alert_at,
    string_agg(p.permit_class, ' ' ORDER BY p.valid_from) AS classes FROM permits p GROUP BY p.person_id
