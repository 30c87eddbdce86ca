-- refused: engines read a mean
SELECT p.person_id, p.permit_id, 'x' AS alert_key, max(p.first_known_time) AS alert_at, median(p.floor_sek * 1.0) AS usual FROM permits p GROUP BY p.person_id, p.permit_id
