-- refused: "WORK" is no code of permits.permit_class
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at
FROM permit_spells p
WHERE p.permit_class IN ('BLUE_CARD', 'WORK')
