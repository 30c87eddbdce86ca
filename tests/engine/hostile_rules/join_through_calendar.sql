-- refused: JOIN mixes persons
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN months m ON m.month = p.valid_from JOIN payments s ON s.month = m.month
