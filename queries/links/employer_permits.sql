/*
doc = """
Shown to the unit of each employer that one of this person's permits allows: the days on which it does while the permit
is held. A protected person is not shown.
"""
needs = "permit_employers"
*/
SELECT concat('employer=', e.employer_id) AS to_id, concat(e.person_id, ':', p.permit_id, ':', e.record_key) AS record_key,
       e.employer_id, e.person_id AS holder_id, e.permit_id,
       greatest(e.from_on, p.valid_from) AS from_on, least(e.to_on, p.held_until) AS to_on,
       greatest(e.first_known_time, p.first_known_time) AS known_at
FROM permit_employers e
JOIN permit_spells p ON p.person_id = e.person_id AND p.permit_id = e.permit_id
WHERE p.permit_class NOT IN ('PROTECTED_CASE', 'CITIZEN_EES_RIGHT')
  AND (p.held_until IS NULL OR e.from_on <= p.held_until) AND (e.to_on IS NULL OR e.to_on >= p.valid_from)
  AND NOT EXISTS (SELECT 1 FROM population n WHERE n.person_id = e.person_id AND n.protected)
