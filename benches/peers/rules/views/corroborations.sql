/*
None: the reduced rules know no tips.
*/
SELECT n.person_id, 'none' AS rule_id, n.first_known_time AS since, n.event_on AS from_on, n.event_on AS to_on
FROM notices n
WHERE false
