/*
One row per deregistration that the register has not corrected away, as in `deregistrations`, with the first day on which
the person was registered again (`returned_on`, null: not yet): the day that the post tells, not when it became known.
*/
SELECT d.person_id, d.dereg_code, d.dereg_on, d.foreign_country, d.known_at,
       min(coalesce(r.event_on, CAST(d.registered_again_at AS DATE))) AS returned_on, d.record_key
FROM deregistrations d
LEFT JOIN population_posts r ON r.person_id = d.person_id AND r.known_from = d.registered_again_at AND r.dereg_code IS NULL
GROUP BY d.person_id, d.dereg_code, d.dereg_on, d.foreign_country, d.known_at, d.record_key
