/*
One row per registration on studies with the days for which it makes the person an active student: from the first day of
the study period (the day of the event where none is given) to its last (150 days later where none is given), or to the
day on which the studies there were reported to have stopped. A stop on the day of the registration came before it: that
is a change of programme. A stop that names no institution ends them all. Credits that are not given are a full term's, 30.
*/
SELECT r.person_id, r.record_key, r.record, r.institution_id, coalesce(r.credits_tenths, 300) AS credits_tenths,
       coalesce(r.starts_on, r.event_on) AS from_on,
       least(coalesce(r.ends_on, coalesce(r.starts_on, r.event_on) + 150), min(x.event_on)) AS until_on,
       r.first_known_time AS known_at
FROM studies r
LEFT JOIN study_stops x ON x.person_id = r.person_id AND x.event_on > r.event_on
     AND (x.institution_id = r.institution_id OR x.institution_id IS NULL)
WHERE r.kind IN ('registered', 're_registered')
GROUP BY r.person_id, r.record_key, r.record, r.institution_id, r.credits_tenths, r.starts_on, r.ends_on, r.event_on, r.first_known_time
