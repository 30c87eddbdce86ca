/*
One row per source of tips and rule that its allegation speaks to: an alert of that rule with a row whose `alert_at` lies within 180 days
of the tip counts one tier stronger. A tip supports what a register shows and never stands alone. A source that writes
again counts once, with its first tip. The allegation `other` speaks to no rule.
*/
SELECT n.person_id, a.rule_id, min(n.first_known_time) AS since, min(n.event_on) - 180 AS from_on, min(n.event_on) + 180 AS to_on
FROM notices n
JOIN (VALUES ('not_working', 'work-not-started'), ('not_working', 'employment-ended'),
             ('other_employer', 'employer-mismatch'),
             ('sham_employment', 'salary-below-floor'), ('sham_employment', 'salary-below-offered'),
             ('not_studying', 'study-not-registered'), ('not_studying', 'study-interrupted'), ('not_studying', 'study-low-progress'),
             ('sham_relationship', 'family-tie-ended'),
             ('abroad', 'no-arrival-after-grant'), ('abroad', 'permanent-permit-emigrated'),
             ('abroad', 'temporary-permit-deregistered'), ('abroad', 'ltr-absence-limit'),
             ('home_country_travel', 'protected-home-travel'), ('home_country_travel', 'protected-home-passport'),
             ('identity', 'identity-changed'), ('identity', 'false-or-duplicate-identity'),
             ('benefit', 'benefit-after-emigration'), ('benefit', 'payment-after-permit-end'),
             ('benefit', 'allowance-with-income')) AS a(allegation, rule_id)
  ON a.allegation = n.allegation
WHERE n.kind = 'tip'
GROUP BY n.person_id, a.rule_id, coalesce(n.source_token, n.record_key)
