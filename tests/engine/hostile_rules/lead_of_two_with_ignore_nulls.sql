-- refused: lead of several rows with IGNORE NULLS
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at,
    lead(p.valid_to, 2 IGNORE NULLS) OVER (PARTITION BY p.person_id ORDER BY p.record_key) AS after FROM permits p
