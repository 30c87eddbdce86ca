-- refused: a column named without AS
WITH s AS (SELECT person_id, inhibited AS was FROM permits)
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, s.was months FROM permits p JOIN s ON s.person_id = p.person_id
