/*
One row per period in which a person may work (`to_on` null: open), and the permit or case that gives it: a permit with a right
to work (students and researchers have one by law, UF 5 kap. 2 §; of other permits without a statement only an applicant's
case gives none); the time from its end until the next permit of the unbroken right begins, or while an application filed in
time is pending (UF 5 kap. 3 §; `carries_until`); or from its end on where a court has suspended the decision that ended it; and an
asylum applicant's, by statement or by the time that has passed.
*/
WITH own AS (
    SELECT person_id, permit_id, valid_from, held_until, carries_until, inhibited
    FROM permit_spells
    WHERE coalesce(work_right, 'any') <> 'none' OR permit_class IN ('STUDY_HE', 'RESEARCH')
)
SELECT person_id, permit_id, valid_from AS from_on, held_until AS to_on
FROM own
UNION ALL
SELECT person_id, permit_id, held_until + 1 AS from_on, carries_until AS to_on
FROM own
WHERE held_until IS NOT NULL AND (carries_until IS NULL OR carries_until > held_until)
UNION ALL
SELECT person_id, permit_id, held_until + 1 AS from_on, CAST(NULL AS DATE) AS to_on
FROM own
WHERE inhibited AND held_until IS NOT NULL
UNION ALL
SELECT person_id, permit_id, valid_from AS from_on, least(valid_to, ended_on) AS to_on
FROM whole_permits
WHERE permit_class = 'ASYLUM_APPLICANT' AND coalesce(work_right, 'none') <> 'none'
UNION ALL
SELECT p.person_id, p.permit_id, greatest(add_months(coalesce(p.application_on, p.valid_from), r.value), r.valid_from) AS from_on,
       least(p.valid_to, p.ended_on) AS to_on
FROM whole_permits p
JOIN parameters r ON r.name = 'asylum_work_months'
WHERE p.permit_class = 'ASYLUM_APPLICANT'
