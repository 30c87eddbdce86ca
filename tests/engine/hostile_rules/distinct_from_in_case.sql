-- refused: IS [NOT] DISTINCT FROM
SELECT p.person_id, p.permit_id, CASE WHEN p.end_kind IS DISTINCT FROM 'x' OR p.inhibited THEN 'a' ELSE 'b' END AS alert_key, p.first_known_time AS alert_at FROM permits p
