-- refused: not tied by its key
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN employers e ON e.sector = p.work_right
