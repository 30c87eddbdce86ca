-- refused: can tie: rows of VALUES
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, tier.severity,
    row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key) AS n FROM (VALUES ('weak', 0), ('strong', 1)) AS tier(severity, months) CROSS JOIN permits p
