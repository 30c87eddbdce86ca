-- The alerts that stand at $as_of, from a rule's rows (view `hits`). The same text for every rule, in every engine.
--
-- A row holds from alert_at until cleared_at (null: open); one that asserts an absence (due_at) not before the feeds that its rule reads
-- have spoken so far (to $spoken): a feed that is silent, or is not there, shows nothing. In `hits` the due_at of a row that lies ahead is at
-- least its alert_at (tables.sql, section `rows that wait`). An interval of a canceller
-- that covers $as_of silences every row about its permit. Of the rows with one key the greatest (alert_at, anchor_at,
-- severity) stands; rows equal in all three are the same alert. If a tip corroborates one of the key's rows the alert counts one tier
-- stronger: a fact that comes later does not undo that.
--
-- Placeholders: $rule_id (text), $as_of and $spoken (timestamps; the second from feed_clocks, see tables.sql), $cancel_reasons (list of texts: those that concern the rule).
WITH held AS (
    SELECT h.person_id, h.subject, h.alert_key, h.alert_at, h.anchor_at,
           h.severity, c.rule_id IS NOT NULL AS corroborated
    FROM hits h
    LEFT JOIN corroborations c
           ON c.person_id = h.person_id AND c.rule_id = $rule_id AND c.since <= $as_of
          AND CAST(h.alert_at AS DATE) >= c.from_on AND CAST(h.alert_at AS DATE) <= c.to_on
    WHERE h.alert_at <= $as_of
      AND (h.due_at IS NULL OR (h.due_at <= $as_of AND h.due_at <= $spoken))
      AND (h.cleared_at IS NULL OR h.cleared_at > $as_of)
      AND NOT EXISTS (SELECT 1 FROM cancellers x
                      WHERE x.person_id = h.person_id AND x.permit_id = h.subject AND x.reason IN ($cancel_reasons)
                        AND (x.from_at IS NULL OR x.from_at <= $as_of) AND (x.to_at IS NULL OR x.to_at > $as_of))
)
SELECT person_id, subject, alert_key,
       CASE WHEN bool_or(corroborated) OVER (PARTITION BY person_id, subject, alert_key) THEN severity(severity_rank(severity) + 1) ELSE severity END AS severity,
       alert_at, anchor_at
FROM held
QUALIFY row_number() OVER (PARTITION BY person_id, subject, alert_key
                           ORDER BY alert_at DESC NULLS LAST, anchor_at DESC NULLS LAST, severity_rank(severity) DESC) = 1
