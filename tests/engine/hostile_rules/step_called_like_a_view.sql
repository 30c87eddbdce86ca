-- refused: a step called permit_spells, like a table or view
WITH permit_spells AS (SELECT person_id, permit_id, first_known_time FROM permits)
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permit_spells p
