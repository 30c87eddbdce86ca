/*
One row per granted permit or applicant's case that was not annulled, with the days on which it may be the last that the person
had: from `valid_from` to `last_until` (null is open), the day before the next one begins. That it ends itself (`held_until`)
ends nothing here: who has no other had that one last. One that begins within a permit and ends before it is held beside it (see
`permit_spells`; a case as well) and ends nothing either: it is the last only as long as it holds. Of those that may be the last on
a day the one that began last is: ORDER BY valid_from, permit_id, is_case is total. A case never holds a permit beside it.
*/
WITH own AS (
    SELECT person_id, permit_id, permit_class, record, first_known_time, application_on, decided_on, valid_from, held_until, beside, false AS is_case
    FROM permit_spells
    WHERE NOT annulled
    UNION ALL
    SELECT person_id, permit_id, permit_class, record, first_known_time, application_on, decided_on, valid_from,
           least(valid_to, ended_on) AS held_until, false AS beside, true AS is_case
    FROM whole_permits
    WHERE permit_class = 'ASYLUM_APPLICANT' AND NOT annulled
),
placed AS (
    SELECT person_id, permit_id, permit_class, record, first_known_time, application_on, decided_on, valid_from, held_until, is_case,
           beside OR (permit_class = 'ASYLUM_APPLICANT'
                      AND coalesce(coalesce(held_until, DATE '2199-12-31')
                                   < max(CASE WHEN permit_class <> 'ASYLUM_APPLICANT' THEN coalesce(held_until, DATE '2199-12-31') END)
                                         OVER (PARTITION BY person_id ORDER BY valid_from, permit_id, is_case
                                               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), false)) AS beside
    FROM own
)
SELECT person_id, permit_id, permit_class, record, first_known_time, application_on, decided_on, valid_from, held_until, is_case,
       CASE WHEN beside THEN held_until
            ELSE lead(CASE WHEN NOT beside THEN valid_from END IGNORE NULLS)
                     OVER (PARTITION BY person_id ORDER BY valid_from, permit_id, is_case) - 1 END AS last_until
FROM placed
