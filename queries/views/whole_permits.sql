/*
One row per permit or applicant's case, its records taken together: a register may keep one permit in several. It is valid from the first day of
any of them, was applied for and decided when the first one was, and has been known since the first one was; how it ends, and all else, says the
record that lasts longest. Annulled ones are left out, unless all are. `record` names them all; `record_key` is that of the last one.
*/
WITH marked AS (
    SELECT person_id, permit_id, record_key, record, known_time, first_known_time, permit_class, first_grant, application_on, decided_on, valid_from, valid_to, held_since,
           card_issued_on, ended_on, end_kind, revoked_on, revoked_served_on, revoked_final_on, inhibited, floor_sek, offered_sek, threshold_sek,
           tied_until, work_right, institution_id, anchor_person_id, keep_notice_on, investigation_notified_on, name_at_grant, birth_on_at_grant,
           citizenships_at_grant, coalesce(end_kind, 'none') = 'annulled' AS annulled
    FROM permits
),
numbered AS (
    SELECT m.* EXCLUDE (first_known_time, first_grant, application_on, decided_on, valid_from, held_since),
           min(first_known_time) OVER one AS first_known_time, bool_or(first_grant) OVER one AS first_grant,
           min(application_on) OVER one AS application_on, min(decided_on) OVER one AS decided_on, min(valid_from) OVER one AS valid_from,
           min(held_since) OVER one AS held_since, count(*) OVER one AS copies,
           row_number() OVER (PARTITION BY person_id, permit_id
                              ORDER BY annulled, coalesce(least(valid_to, ended_on), DATE '2199-12-31') DESC, valid_from DESC, record_key) AS place
    FROM marked m
    WINDOW one AS (PARTITION BY person_id, permit_id, annulled)
),
several AS (   -- of most permits there is one record
    SELECT permit_id, annulled, records_of(record) AS records
    FROM numbered
    WHERE copies > 1
    GROUP BY permit_id, annulled
)
SELECT n.person_id, n.permit_id, n.record_key, records(n.record, s.records) AS record, n.known_time, n.first_known_time, n.permit_class, n.first_grant,
       n.application_on, n.decided_on, n.valid_from, n.valid_to, n.held_since, n.card_issued_on, n.ended_on, n.end_kind, n.annulled, n.revoked_on,
       n.revoked_served_on, n.revoked_final_on, n.inhibited, n.floor_sek, n.offered_sek, n.threshold_sek, n.tied_until, n.work_right, n.institution_id,
       n.anchor_person_id, n.keep_notice_on, n.investigation_notified_on, n.name_at_grant, n.birth_on_at_grant, n.citizenships_at_grant
FROM numbered n
LEFT JOIN several s ON s.permit_id = n.permit_id AND s.annulled = n.annulled
WHERE n.place = 1
