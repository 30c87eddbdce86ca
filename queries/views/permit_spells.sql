/*
One row per granted permit (see `whole_permits`): the permit with the last day on which it really holds (`held_until`; null is open) and what
followed it. A permit ends with its validity, with an early end, or the day before the holder's next permit begins. The next
one is the first that lasts as long or longer: one that begins within a permit and ends before it is held beside it (`beside`),
and ends nothing. Nor do a permanent permit and a status as long-term resident (`LTR_EU`) end each other, and nothing but
another such status ends the status.
Alerts stand on it until `carries_until` (null is open): if the next permit continues the right (`continued`) until that one
begins, with an application filed in time until it is refused or withdrawn, else until the last day. The next one continues the
right if it begins on the day after at the latest or was applied for while this one held. An application that the permit
itself answers is none for the time after it; a permit that does not tell when it was applied for answers those of its class that were filed by its decision.
The right goes on (`unbroken`) in the next permit if that one continues it, or is the permanent permit beside the status or the
status beside the permanent permit. Pending cases are left out, and a permit that was annulled ends nothing. Ties of `valid_from` end in `permit_id`.
*/
WITH placed AS (   -- permits beside the longest one before them; of a permanent permit and the status each has its own line
    SELECT person_id, permit_id, permit_class, record, first_known_time, first_grant, application_on, decided_on,
           valid_from, valid_to, held_since, ended_on, end_kind, card_issued_on, revoked_final_on, inhibited, floor_sek, tied_until, work_right,
           institution_id, keep_notice_on, annulled,
           coalesce(coalesce(least(valid_to, ended_on), DATE '2199-12-31')
                    < max(CASE WHEN NOT annulled THEN coalesce(least(valid_to, ended_on), DATE '2199-12-31') END)
                          OVER (PARTITION BY person_id, permit_class = 'LTR_EU' ORDER BY valid_from, permit_id
                                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), false) AS beside
    FROM whole_permits
    WHERE permit_class <> 'ASYLUM_APPLICANT'
),
in_order AS (   -- with the permit that ends each
    SELECT placed.*,
           CASE permit_class
               WHEN 'LTR_EU' THEN lead(CASE WHEN NOT annulled AND NOT beside AND permit_class = 'LTR_EU' THEN permit_id END IGNORE NULLS) OVER w
               WHEN 'PERMANENT' THEN lead(CASE WHEN NOT annulled AND NOT beside AND permit_class <> 'LTR_EU' THEN permit_id END IGNORE NULLS) OVER w
               ELSE lead(CASE WHEN NOT annulled AND NOT beside THEN permit_id END IGNORE NULLS) OVER w END AS next_id,
           lead(CASE WHEN NOT annulled AND NOT beside THEN valid_from END IGNORE NULLS) OVER w AS goes_on_from
    FROM placed
    WINDOW w AS (PARTITION BY person_id ORDER BY valid_from, permit_id)
),
spell AS (
    SELECT p.*, n.valid_from AS next_from, n.first_known_time AS next_known_at, n.application_on AS next_application_on, n.decided_on AS next_decided_on,
           least(p.valid_to, p.ended_on, n.valid_from - 1) AS held_until
    FROM in_order p
    LEFT JOIN placed n ON n.person_id = p.person_id AND n.permit_id = p.next_id
),
asked AS (   -- of the applications filed while a permit held: does one outlive it, was one granted with the next permit, when was the last one refused
    SELECT s.permit_id, max(CASE WHEN a.decided_on IS NULL OR a.outcome IS NULL THEN 1
                                 WHEN a.outcome = 'granted' AND a.decided_on > s.held_until THEN 1 ELSE 0 END) AS outlives,
           max(CASE WHEN a.outcome = 'granted' AND coalesce(a.decided_on = s.next_decided_on, true) THEN 1 ELSE 0 END) AS granted,
           max(CASE WHEN a.outcome <> 'granted' THEN a.decided_on END) AS refused_on
    FROM spell s
    JOIN applications a ON a.person_id = s.person_id AND a.filed_on >= s.valid_from AND a.filed_on <= s.held_until
         AND NOT coalesce(a.filed_on <= coalesce(s.application_on, CASE WHEN a.permit_class = s.permit_class THEN coalesce(s.decided_on, s.valid_from) END), false)
         AND NOT coalesce(a.decided_on <= s.decided_on, false)
    GROUP BY s.permit_id
),
followed AS (
    SELECT s.*, coalesce(a.outlives = 1, false) AS outlived, greatest(s.held_until, a.refused_on) AS last_on,
           s.next_from IS NOT NULL
               AND coalesce(s.next_from <= s.held_until + 1 OR (s.next_application_on >= s.valid_from AND s.next_application_on <= s.held_until)
                            OR a.outlives = 1 OR (s.next_application_on IS NULL AND a.granted = 1), false) AS continued
    FROM spell s
    LEFT JOIN asked a ON a.permit_id = s.permit_id
)
SELECT person_id, permit_id, permit_class, record, first_known_time, first_grant, application_on, decided_on,
       valid_from, valid_to, held_since, ended_on, end_kind, card_issued_on, revoked_final_on, inhibited, floor_sek, tied_until, work_right,
       institution_id, keep_notice_on, annulled, beside, next_from, next_known_at, held_until, continued,
       continued OR coalesce(goes_on_from <= coalesce(held_until, goes_on_from) + 1, false) AS unbroken,
       CASE WHEN continued THEN next_from - 1 WHEN outlived THEN NULL ELSE least(last_on, next_from - 1) END AS carries_until
FROM followed
