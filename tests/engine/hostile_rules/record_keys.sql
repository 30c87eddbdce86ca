-- refused: names keys without their tables
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, p.record_key AS record_keys FROM permits p
