-- refused: a name in quotes
WITH a AS (SELECT person_id, max(floor_sek) FROM permits GROUP BY person_id) SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN a ON a.person_id = p.person_id WHERE a."max(permits.floor_sek)" > 3
