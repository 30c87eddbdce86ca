-- refused: may leave the calendar
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, add_months(p.valid_from, p.floor_sek) AS late FROM permits p
