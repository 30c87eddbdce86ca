-- refused: IS [NOT] DISTINCT FROM
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p WHERE p.end_kind IS DISTINCT FROM 'revoked' AND p.valid_to IS NOT NULL
