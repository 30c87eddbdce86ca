/*
doc = """
Shown to the holder of a permit that depends on this person (the anchor): each permit of the anchor, with the last day
on which it really holds. Of a protected anchor, and of classes that are never looked at, nothing is shown.
"""
needs = "anchors"
*/
SELECT a.holder_id AS to_id, concat(a.permit_id, ':', a.record_key, ':', p.permit_id) AS record_key,
       a.permit_id, p.permit_class AS anchor_class, p.valid_from, p.valid_to, p.held_until, p.ended_on, p.end_kind,
       p.revoked_final_on, p.inhibited, p.first_known_time AS known_at, f.known_at AS revoked_known_at
FROM anchors a
JOIN permit_spells p ON p.person_id = a.person_id
LEFT JOIN (SELECT permit_id, min(known_from) AS known_at FROM permits_history WHERE revoked_final_on IS NOT NULL
           GROUP BY permit_id) f
       ON f.permit_id = p.permit_id
WHERE p.permit_class NOT IN ('PROTECTED_CASE', 'CITIZEN_EES_RIGHT')
  AND NOT EXISTS (SELECT 1 FROM population n WHERE n.person_id = a.person_id AND n.protected)
