-- refused: window mixes persons
SELECT p.person_id, p.permit_id, 'x' AS alert_key, max(p.first_known_time) OVER (PARTITION BY p.permit_class) AS alert_at FROM permits p
