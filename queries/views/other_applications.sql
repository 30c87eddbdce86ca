/*
One row per permit and application of its holder that the permit itself does not answer: one of its class and filed no later than
it was applied for is answered by it, and so is one that was decided when it was, or before. `undecided` is true until the
application is granted, refused or withdrawn.
*/
SELECT p.person_id, p.permit_id, a.permit_class, a.employer_id, a.filed_on, a.decided_on, a.outcome,
       a.decided_on IS NULL AND a.outcome IS NULL AS undecided, a.record
FROM whole_permits p
JOIN applications a ON a.person_id = p.person_id
WHERE NOT (a.permit_class = p.permit_class AND a.filed_on <= coalesce(p.application_on, p.decided_on, p.valid_from))
  AND NOT coalesce(a.decided_on <= p.decided_on, false)
