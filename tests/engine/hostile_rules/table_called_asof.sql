-- refused: by a word of SQL
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN border AS asof ON asof.person_id = p.person_id
