-- refused: engines read a value read from a text
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, TRY_CAST(p.permit_class AS BIGINT) AS n FROM permits p
