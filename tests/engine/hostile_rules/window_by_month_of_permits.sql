-- refused: ORDER BY p.month can tie: rows of payments
SELECT p.person_id, p.person_id AS permit_id, 'x' AS alert_key, p.first_known_time AS alert_at,
    lag(p.amount_sek) OVER (PARTITION BY p.person_id ORDER BY p.month) AS before_sek FROM payments p
