-- refused: can tie: rows of notices
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at,
    n.event_on, row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key) AS n FROM permits p LEFT JOIN notices n ON n.person_id = p.person_id AND n.kind = 'tip'
