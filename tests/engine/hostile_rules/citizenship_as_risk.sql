-- refused: no risk factor
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN population n ON n.person_id = p.person_id WHERE array_length(n.citizenships) > 1
