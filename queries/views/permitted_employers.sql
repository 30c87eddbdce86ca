/*
One row per permit, employer that it allows, and period for which it does. An organisation that took over the business
of an allowed employer is allowed as well.
*/
SELECT person_id, permit_id, employer_id, from_on, to_on
FROM permit_employers
UNION ALL
SELECT p.person_id, p.permit_id, e.successor_id, p.from_on, p.to_on
FROM permit_employers p
JOIN employers e ON e.employer_id = p.employer_id
WHERE e.successor_id IS NOT NULL
