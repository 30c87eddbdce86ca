-- refused: tells sex and birth
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN population n ON n.person_id = p.person_id WHERE substr(n.number, 11, 1) IN ('0', '2', '4', '6', '8')
