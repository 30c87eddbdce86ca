-- refused: subquery
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, (SELECT max(month) FROM months) AS last FROM permits p
