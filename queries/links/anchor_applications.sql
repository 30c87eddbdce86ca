/*
doc = """
Shown to the holder of a permit that depends on this person (the anchor): each application of the anchor, not which
employer it names. Of a protected anchor nothing is shown.
"""
needs = "anchors"
*/
SELECT a.holder_id AS to_id, concat(a.permit_id, ':', a.record_key, ':', x.record_key) AS record_key,
       a.permit_id, x.permit_class, x.filed_on, x.decided_on, x.outcome,
       x.first_known_time AS known_at
FROM anchors a
JOIN applications x ON x.person_id = a.person_id
WHERE NOT EXISTS (SELECT 1 FROM population n WHERE n.person_id = a.person_id AND n.protected)
  AND x.permit_class NOT IN ('PROTECTED_CASE', 'CITIZEN_EES_RIGHT')
