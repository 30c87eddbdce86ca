/*
One row per row of the rules that a header names in `uses`, and span of known time during which no canceller of that rule
covers it: what the rule found and when it holds (`until_at`: 2199-12-31 is open). Not raised by tips; rows ahead included.
*/
WITH row_cancellers AS (
    SELECT r.person_id, r.rule_id, r.permit_id, r.alert_key, r.alert_at AS row_at, r.anchor_at, r.severity, c.from_at, c.to_at
    FROM rule_rows r
    JOIN cancellers c ON c.person_id = r.person_id AND c.permit_id = r.permit_id AND strpos(r.cancelled_by, concat(',', c.reason, ',')) > 0
),
starts AS (
    SELECT person_id, rule_id, rule_number, permit_id, alert_key, alert_at AS row_at, alert_at AS starts_at, cleared_at, anchor_at, severity
    FROM rule_rows
    UNION
    SELECT r.person_id, r.rule_id, r.rule_number, r.permit_id, r.alert_key, r.alert_at AS row_at, c.to_at AS starts_at, r.cleared_at, r.anchor_at, r.severity
    FROM rule_rows r
    JOIN cancellers c ON c.person_id = r.person_id AND c.permit_id = r.permit_id AND strpos(r.cancelled_by, concat(',', c.reason, ',')) > 0
    WHERE c.to_at > r.alert_at AND (r.cleared_at IS NULL OR c.to_at < r.cleared_at)
)
SELECT s.rule_id, s.rule_number, s.person_id, s.permit_id, s.alert_key, s.severity, s.starts_at AS alert_at, s.anchor_at,
       least(coalesce(s.cleared_at, TIMESTAMP '2199-12-31 00:00:00'),
             coalesce(min(c.from_at) FILTER (WHERE c.from_at > s.starts_at), TIMESTAMP '2199-12-31 00:00:00')) AS until_at
FROM starts s
LEFT JOIN row_cancellers c
       ON c.person_id = s.person_id AND c.permit_id = s.permit_id AND c.rule_id = s.rule_id AND c.alert_key = s.alert_key
      AND c.row_at = s.row_at AND c.severity = s.severity
GROUP BY s.rule_id, s.rule_number, s.person_id, s.permit_id, s.alert_key, s.severity, s.starts_at, s.row_at, s.anchor_at, s.cleared_at
HAVING count(*) FILTER (WHERE c.permit_id IS NOT NULL AND (c.from_at IS NULL OR c.from_at <= s.starts_at) AND (c.to_at IS NULL OR c.to_at > s.starts_at)) = 0
