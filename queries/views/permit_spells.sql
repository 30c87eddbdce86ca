/*
One row per granted permit: the permit with the last day on which it really holds (`held_until`; null is open) and what
followed it. A permit ends with its validity, with an early end, or the day before the holder's next permit begins.
Alerts stand on it until `carries_until` (null is open): if the next permit continues the right (`continued`) until that one
begins, with an application filed in time until it is refused or withdrawn, else until the last day. The next one continues the
right if it begins on the day after at the latest or was applied for while this one held. An application that the permit
itself answers is none for the time after it.
Pending cases are left out, and a permit that was annulled ends nothing. Ties of `valid_from` end in `permit_id`.
*/
WITH spell AS (
    SELECT person_id, permit_id, permit_class, record_key, record, first_known_time, first_grant, application_on, decided_on,
           valid_from, valid_to, held_since, ended_on, end_kind, card_issued_on, revoked_final_on, inhibited, floor_sek, tied_until, work_right,
           institution_id, keep_notice_on, next_from, next_known_at, next_application_on,
           least(valid_to, ended_on, next_from - 1) AS held_until
    FROM (
        SELECT person_id, permit_id, permit_class, record_key, record, first_known_time, first_grant, application_on, decided_on,
               valid_from, valid_to, held_since, ended_on, end_kind, card_issued_on, revoked_final_on, inhibited, floor_sek, tied_until, work_right,
               institution_id, keep_notice_on,
               lead(CASE WHEN end_kind = 'annulled' THEN NULL ELSE valid_from END IGNORE NULLS) OVER w AS next_from,
               lead(CASE WHEN end_kind = 'annulled' THEN NULL ELSE first_known_time END IGNORE NULLS) OVER w AS next_known_at,
               nullif(lead(CASE WHEN end_kind = 'annulled' THEN NULL ELSE coalesce(application_on, DATE '1900-01-01') END IGNORE NULLS) OVER w,
                      DATE '1900-01-01') AS next_application_on
        FROM permits
        WHERE permit_class <> 'ASYLUM_APPLICANT'
        WINDOW w AS (PARTITION BY person_id ORDER BY valid_from, permit_id, record_key)
    ) p
),
asked AS (   -- of the applications filed while a permit held: does one outlive it, was one granted, when was the last one refused
    SELECT s.permit_id, max(CASE WHEN a.decided_on IS NULL OR a.outcome IS NULL THEN 1
                                 WHEN a.outcome = 'granted' AND a.decided_on > s.held_until THEN 1 ELSE 0 END) AS outlives,
           max(CASE WHEN a.outcome = 'granted' THEN 1 ELSE 0 END) AS granted,
           max(CASE WHEN a.outcome <> 'granted' THEN a.decided_on END) AS refused_on
    FROM spell s
    JOIN applications a ON a.person_id = s.person_id AND a.filed_on >= s.valid_from AND a.filed_on <= s.held_until
         AND NOT coalesce(a.filed_on <= s.application_on, false) AND NOT coalesce(a.decided_on <= s.decided_on, false)
    GROUP BY s.permit_id
),
followed AS (
    SELECT s.person_id, s.permit_id, s.permit_class, s.record_key, s.record, s.first_known_time, s.first_grant, s.application_on, s.decided_on,
           s.valid_from, s.valid_to, s.held_since, s.ended_on, s.end_kind, s.card_issued_on, s.revoked_final_on, s.inhibited, s.floor_sek,
           s.tied_until, s.work_right, s.institution_id, s.keep_notice_on, s.next_from, s.next_known_at, s.held_until,
           coalesce(a.outlives = 1, false) AS outlived, greatest(s.held_until, a.refused_on) AS last_on,
           s.next_from IS NOT NULL
               AND coalesce(s.next_from <= s.held_until + 1 OR (s.next_application_on >= s.valid_from AND s.next_application_on <= s.held_until)
                            OR a.outlives = 1 OR (s.next_application_on IS NULL AND a.granted = 1), false) AS continued
    FROM spell s
    LEFT JOIN asked a ON a.permit_id = s.permit_id
)
SELECT person_id, permit_id, permit_class, record_key, record, first_known_time, first_grant, application_on, decided_on,
       valid_from, valid_to, held_since, ended_on, end_kind, card_issued_on, revoked_final_on, inhibited, floor_sek, tied_until, work_right,
       institution_id, keep_notice_on, next_from, next_known_at, held_until, continued,
       CASE WHEN continued THEN next_from - 1 WHEN outlived THEN NULL ELSE least(last_on, next_from - 1) END AS carries_until
FROM followed
