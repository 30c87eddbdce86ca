-- refused: EXISTS (SELECT an aggregate without GROUP BY)
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p WHERE EXISTS (SELECT max(b.observed_on) FROM border b WHERE b.person_id = p.person_id)
