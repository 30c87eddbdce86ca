-- refused: by a word of SQL
WITH window AS (SELECT person_id FROM border) SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN window ON window.person_id = p.person_id
