-- refused: lists of records, alone
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, records(p.record, 'permits/a/1') AS records FROM permits p
