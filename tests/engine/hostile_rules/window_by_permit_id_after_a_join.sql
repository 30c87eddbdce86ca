-- refused: can tie: rows of border
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at,
    b.observed_on, row_number() OVER (PARTITION BY p.person_id ORDER BY p.permit_id, p.record_key) AS n FROM permits p JOIN border b ON b.person_id = p.person_id
