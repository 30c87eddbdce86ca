-- refused: a JOIN other than
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p LEFT SEMI JOIN border b ON b.person_id = p.person_id
