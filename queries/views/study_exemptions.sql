/*
One row per reason for which a person owes no registration and no credits, with its first and last day (null is open):
approved leave (until it ended), deferred start (for the days put off, see `study_periods`) and exchange abroad (150 days where no end is given), doctoral employment,
and a degree (until the person registers for new studies).
*/
SELECT s.person_id, s.record, s.kind, coalesce(s.starts_on, s.event_on) AS from_on,
       CASE WHEN s.kind IN ('deferred', 'exchange_out') THEN coalesce(s.ends_on, coalesce(s.starts_on, s.event_on) + 150)
            ELSE least(s.ends_on, min(x.event_on)) END AS until_on,
       s.first_known_time AS known_at
FROM study_periods s
LEFT JOIN studies x ON x.person_id = s.person_id AND x.event_on > coalesce(s.starts_on, s.event_on)
     AND ((s.kind = 'leave_granted' AND x.kind = 'leave_ended')
          OR (s.kind = 'degree' AND x.kind IN ('registered', 're_registered')))
WHERE s.kind IN ('leave_granted', 'degree', 'deferred', 'doctoral_employment', 'exchange_out')
GROUP BY s.person_id, s.record, s.kind, s.starts_on, s.ends_on, s.event_on, s.first_known_time
