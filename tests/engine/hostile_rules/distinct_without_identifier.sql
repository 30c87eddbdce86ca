-- refused: mixes persons
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN (SELECT DISTINCT valid_from FROM permits) q ON q.valid_from = p.valid_from
