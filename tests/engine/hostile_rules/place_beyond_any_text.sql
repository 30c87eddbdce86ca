-- refused: may leave the letters that a text can have
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, substr(p.end_kind, greatest(p.floor_sek, 1), 3) AS part
FROM permits p
