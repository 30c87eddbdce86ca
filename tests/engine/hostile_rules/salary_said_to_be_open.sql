-- refused: on request only
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN salaries s ON s.person_id = p.person_id
