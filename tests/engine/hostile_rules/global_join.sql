-- refused: GLOBAL JOIN
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p GLOBAL JOIN border b ON b.person_id = p.person_id
