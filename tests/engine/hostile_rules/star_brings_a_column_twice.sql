-- refused: column person_id stands both in h.* and in t.*
WITH held AS (SELECT person_id, permit_id, first_known_time FROM permits),
told AS (SELECT person_id, kind FROM notices),
both_of AS (SELECT h.*, t.* FROM held h JOIN told t ON t.person_id = h.person_id)
SELECT b.person_id, b.permit_id, 'x' AS alert_key, b.first_known_time AS alert_at FROM both_of b
