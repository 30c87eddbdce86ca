/*
One row per source of tips and rule that its allegation speaks to: rows of that rule with an `alert_at` within 180 days
of the tip count one tier stronger. A tip supports what a register shows and never stands alone. A source that writes
again counts once, with its first tip.
*/
SELECT n.person_id, a.rule_id, min(n.first_known_time) AS since, min(n.event_on) - 180 AS from_on, min(n.event_on) + 180 AS to_on
FROM notices n
JOIN (VALUES ('not_working', 'work-not-started'), ('other_employer', 'employer-mismatch'), ('not_studying', 'study-not-registered'),
             ('abroad', 'permanent-permit-emigrated'), ('home_country_travel', 'protected-home-travel'),
             ('identity', 'identity-changed'), ('benefit', 'payment-after-permit-end')) AS a(allegation, rule_id)
  ON a.allegation = n.allegation
WHERE n.kind = 'tip'
GROUP BY n.person_id, a.rule_id, coalesce(n.source_token, n.record_key)
