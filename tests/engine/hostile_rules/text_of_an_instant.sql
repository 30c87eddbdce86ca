-- refused: engines read a text made of an instant
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, concat('from ', p.first_known_time) AS told FROM permits p
