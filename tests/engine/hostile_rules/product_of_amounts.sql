-- refused: may leave whole numbers
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, p.floor_sek * p.offered_sek AS square FROM permits p
