-- refused: VALUES without names
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN (VALUES (1), (2)) AS v ON v.column1 = p.floor_sek
