/*
doc = """
Shown to the unit of each employer that a permit allowed on the day that an indication is about, once the indication holds: which rule,
how strong, and for how long. Not what the rule found.
"""
needs = "permit_employers"
uses = ["work-not-started", "employment-ended", "salary-below-floor", "salary-below-offered", "employer-mismatch", "declarations-backfilled"]
from = "alert_at"
*/
SELECT concat('employer=', e.employer_id) AS to_id,
       concat(i.person_id, ':', e.record_key, ':', i.rule_number, ':', i.alert_key, ':', i.severity) AS record_key,
       e.employer_id, i.person_id AS holder_id, i.rule_number, i.severity, min(i.alert_at) AS alert_at, max(i.until_at) AS until_at
FROM indications i
JOIN permit_employers e ON e.person_id = i.person_id AND e.permit_id = i.permit_id
     AND (i.anchor_at IS NULL OR (e.from_on <= i.anchor_at AND (e.to_on IS NULL OR e.to_on >= i.anchor_at)))
GROUP BY i.person_id, e.record_key, e.employer_id, i.rule_number, i.alert_key, i.severity
