-- refused: an identifier can be handed on or compared with another only, as a whole
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN permitted_employers e ON e.person_id = p.person_id AND e.permit_id = p.permit_id WHERE e.employer_id LIKE '16%'
