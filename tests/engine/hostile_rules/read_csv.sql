-- refused: read_csv
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN read_csv('/etc/passwd') f ON f.person_id = p.person_id
