/*
One row per granted permit: the permit with the last day on which it really holds (`held_until`; null is open) and what
followed it. A permit ends with its validity, with an early end, or the day before the holder's next permit begins.
Pending cases are left out, and a permit that was annulled ends nothing. Ties of `valid_from` end in `permit_id`.
*/
SELECT person_id, permit_id, permit_class, record_key, first_known_time, first_grant, application_on, decided_on,
       valid_from, valid_to, ended_on, end_kind, card_issued_on, revoked_final_on, inhibited, floor_sek, tied_until, work_right,
       institution_id, keep_notice_on, next_from, next_known_at,
       least(valid_to, ended_on, next_from - 1) AS held_until
FROM (
    SELECT person_id, permit_id, permit_class, record_key, first_known_time, first_grant, application_on, decided_on,
           valid_from, valid_to, ended_on, end_kind, card_issued_on, revoked_final_on, inhibited, floor_sek, tied_until, work_right,
           institution_id, keep_notice_on,
           lead(CASE WHEN end_kind = 'annulled' THEN NULL ELSE valid_from END IGNORE NULLS) OVER w AS next_from,
           lead(CASE WHEN end_kind = 'annulled' THEN NULL ELSE first_known_time END IGNORE NULLS) OVER w AS next_known_at
    FROM permits
    WHERE permit_class <> 'ASYLUM_APPLICANT'
    WINDOW w AS (PARTITION BY person_id ORDER BY valid_from, permit_id, record_key)
) p
