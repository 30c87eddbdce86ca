-- refused: arrow_cast
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, arrow_cast(1, 'Decimal256(76, 0)') AS n FROM permits p
