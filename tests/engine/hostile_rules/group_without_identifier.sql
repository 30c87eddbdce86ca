-- refused: GROUP BY mixes persons
SELECT max(p.person_id) AS person_id, max(p.permit_id) AS permit_id, p.permit_class AS alert_key, max(p.first_known_time) AS alert_at
FROM permits p GROUP BY p.permit_class
