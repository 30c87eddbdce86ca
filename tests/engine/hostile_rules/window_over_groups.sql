-- refused: can tie: rows of a GROUP BY
SELECT s.person_id, s.person_id AS permit_id, 'x' AS alert_key, s.known_at AS alert_at,
    lag(s.sek) OVER (PARTITION BY s.person_id ORDER BY s.month) AS before_sek
FROM (SELECT person_id, payer_id, month, sum(amount_sek) AS sek, max(first_known_time) AS known_at FROM payments GROUP BY person_id, payer_id, month) s
