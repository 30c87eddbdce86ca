-- refused: can tie
SELECT s.person_id, s.person_id AS permit_id, 'x' AS alert_key, s.first_known_time AS alert_at,
    sum(s.amount_sek) OVER (PARTITION BY s.person_id ORDER BY s.paid_on ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS paid FROM payments s
