-- refused: /etc/passwd
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN '/etc/passwd' f ON f.a = p.person_id
