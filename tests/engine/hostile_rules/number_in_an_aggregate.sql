-- refused: may not leave
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, max(i.number) AS latest
FROM permits p JOIN identities i ON i.person_id = p.person_id GROUP BY p.person_id, p.permit_id, p.first_known_time
