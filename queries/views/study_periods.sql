/*
One row per study event that says whether studies are expected, with the days that it speaks of (null where none is given). Of a
deferral these are the days put off: from its own day, or an earlier first day. Where the first day lies after it, that is of the
period to which the start is put off, and the days before it are meant (the last day is of that later period, too); if they are
fewer than 90, hardly any term was put off, and the period itself may be the one that is meant: both are excused.
*/
SELECT person_id, record, first_known_time, kind, event_on,
       CASE WHEN kind = 'deferred' THEN least(starts_on, event_on) ELSE starts_on END AS starts_on,
       CASE WHEN kind = 'deferred' AND starts_on >= event_on + 90 THEN starts_on - 1
            WHEN kind = 'deferred' AND starts_on > event_on THEN coalesce(ends_on, starts_on + 150) ELSE ends_on END AS ends_on
FROM studies
WHERE kind IN ('registered', 're_registered', 'admitted', 'no_show', 'leave_granted', 'degree', 'deferred', 'doctoral_employment', 'exchange_out')
