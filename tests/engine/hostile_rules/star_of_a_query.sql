-- refused: q.* is of a query in FROM
WITH held AS (SELECT q.* FROM (SELECT person_id, permit_id, first_known_time FROM permits) q)
SELECT h.person_id, h.permit_id, 'x' AS alert_key, h.first_known_time AS alert_at FROM held h
