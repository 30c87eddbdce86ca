-- refused: GROUP BY mixes persons
SELECT max(p.person_id) AS person_id, max(p.permit_id) AS permit_id, 'x' AS alert_key, max(p.first_known_time) AS alert_at FROM permits p
