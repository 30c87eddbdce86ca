-- refused: in which order versions became known
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at
FROM permits p
JOIN (SELECT person_id, lag(amount_sek) OVER (PARTITION BY person_id ORDER BY known_from, record_key, version) AS before_sek
      FROM payments_history) h ON h.person_id = p.person_id AND h.before_sek > 0
