-- refused: IS [NOT] DISTINCT FROM
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p WHERE p.valid_to IS NULL OR p.end_kind IS NOT DISTINCT FROM 'revoked'
