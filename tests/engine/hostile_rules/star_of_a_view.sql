-- refused: s.* is of permit_spells, which is no step
WITH held AS (SELECT s.*, s.valid_from AS began_on FROM permit_spells s)
SELECT h.person_id, h.permit_id, h.began_on AS alert_key, h.first_known_time AS alert_at FROM held h
