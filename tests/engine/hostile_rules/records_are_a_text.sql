-- refused: output column records is another value
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, concat_ws(',', p.record, p.record) AS records FROM permits p
