-- refused: JOIN mixes persons
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p WHERE EXISTS (SELECT 1 FROM payments s WHERE s.month >= p.valid_from)
