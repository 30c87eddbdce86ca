-- refused: an identifier can be handed on or compared with another only, as a whole
WITH s AS (SELECT person_id, min(record_key) AS first_key FROM notices WHERE kind = 'tip' GROUP BY person_id)
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN s ON s.person_id = p.person_id WHERE substr(s.first_key, 1, 4) = 'tip:'
