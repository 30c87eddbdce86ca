-- refused: a text written otherwise
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p WHERE p.permit_class = E'WORK\u005fEMP'
