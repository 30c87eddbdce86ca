-- refused: output column permit_id may be null
SELECT b.person_id, p.permit_id, b.observed_on AS alert_key, b.first_known_time AS alert_at
FROM border b LEFT JOIN permits p ON p.person_id = b.person_id AND p.valid_from <= b.observed_on
