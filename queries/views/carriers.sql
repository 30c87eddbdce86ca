/*
One row per permit and permit on which what breaches the first one's conditions is told (`carrier_id`): itself (`is_own`), and each later
permit of its class and unbroken right (see `rights`), from that one's first day (`from_at`), unless it was known when that one
was decided (`settled_on`). A renewal may be decided after its first day, and settles what was known by then under itself too; what was known when a
right's first permit was decided is not settled (null). A row of a rule about a permit P is told where
`c.permit_id = P AND (c.settled_on IS NULL OR CAST(alert_at AS DATE) > c.settled_on)`, not before `from_at`.
*/
SELECT p.person_id, p.permit_id, true AS is_own, p.permit_id AS carrier_id, CAST(NULL AS VARCHAR) AS record, CAST(NULL AS TIMESTAMP) AS from_at,
       CASE WHEN NOT r.is_first THEN r.decided_on END AS settled_on
FROM whole_permits p
LEFT JOIN rights r ON r.permit_id = p.permit_id
UNION ALL
SELECT p.person_id, p.permit_id, false AS is_own, r.permit_id AS carrier_id, r.record, greatest(r.first_known_time, CAST(r.valid_from AS TIMESTAMP)) AS from_at,
       r.decided_on AS settled_on
FROM whole_permits p
JOIN rights r ON r.person_id = p.person_id AND r.permit_class = p.permit_class AND NOT r.is_first
     AND r.valid_from > p.valid_from AND p.valid_from >= r.right_from
