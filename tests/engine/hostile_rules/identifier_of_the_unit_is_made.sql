-- refused: a text made of identifiers, or that may be one, can be compared with nothing
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN permit_employers e ON e.person_id = p.person_id WHERE concat('employer=', e.employer_id) = p.person_id
