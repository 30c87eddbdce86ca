-- refused: may not leave
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, CASE WHEN d.kind = 'P' THEN d.document_key END AS shown FROM permits p JOIN documents d ON d.person_id = p.person_id
