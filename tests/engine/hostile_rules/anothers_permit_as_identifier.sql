-- refused: GROUP BY mixes persons
SELECT max(a.person_id) AS person_id, a.permit_id, 'x' AS alert_key, max(a.first_known_time) AS alert_at FROM anchors a GROUP BY a.permit_id
