-- refused: engines read an instant with a time zone
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, CAST(p.first_known_time AT TIME ZONE 'Europe/Stockholm' AS DATE) AS day FROM permits p
