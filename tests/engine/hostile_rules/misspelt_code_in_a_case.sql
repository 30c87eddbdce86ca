-- refused: "revokd" is no code of permits.end_kind
WITH ended AS (
    SELECT q.person_id, q.permit_id, q.end_kind AS how, q.first_known_time FROM permits q
)
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at,
       CASE p.how WHEN 'revokd' THEN 'medium' ELSE 'weak' END AS severity
FROM ended p
