/*
One row per permit and interval of known time during which nothing is said about it, with the reason: `naturalised` and
`deceased` (register), `protected` (the person, by the register or by a protected case of theirs, or the class: nothing is stored), `minor` (until the eighteenth birthday),
`permit_ended` (from the day after the last one on which alerts stand on the permit: `carries_until` of `permit_spells`).
`application_pending` concerns only rules that yield to it; the application that the permit itself answers is none.
Rows follow from what is known now, so that a fact in force has no beginning (null) unless its day lies ahead; null to_at is open. The day
of a naturalisation is that of the first post of those that show it now: a later one tells of another event.
*/
SELECT p.person_id, p.permit_id, r.reason,
       CASE WHEN r.reason = 'deceased' AND CAST(n.dereg_on AS TIMESTAMP) > n.known_time THEN CAST(n.dereg_on AS TIMESTAMP) END AS from_at,
       CASE WHEN r.reason = 'minor' THEN CAST(add_months(coalesce(n.birth_on, p.birth_on_at_grant), 216) AS TIMESTAMP) END AS to_at
FROM permits p
LEFT JOIN population n ON n.person_id = p.person_id
LEFT JOIN (
    SELECT person_id FROM permits WHERE permit_class = 'PROTECTED_CASE'
    UNION SELECT person_id FROM applications WHERE permit_class = 'PROTECTED_CASE'
) s ON s.person_id = p.person_id
CROSS JOIN (VALUES ('deceased'), ('protected'), ('minor')) AS r(reason)
WHERE CASE r.reason
          WHEN 'deceased' THEN n.dereg_code = 'AV'
          WHEN 'protected' THEN coalesce(n.protected, false) OR s.person_id IS NOT NULL OR p.permit_class = 'CITIZEN_EES_RIGHT'
          ELSE coalesce(n.birth_on, p.birth_on_at_grant) IS NOT NULL END
UNION ALL
SELECT p.person_id, p.permit_id, 'naturalised' AS reason,
       CASE WHEN CAST(c.event_on AS TIMESTAMP) > c.known_from THEN CAST(c.event_on AS TIMESTAMP) END AS from_at, CAST(NULL AS TIMESTAMP) AS to_at
FROM permits p
JOIN (
    SELECT person_id, event_on, known_from, row_number() OVER (PARTITION BY person_id, record_key ORDER BY version) AS place
    FROM (
        SELECT h.person_id, h.record_key, h.version, h.event_on, h.known_from, lead(h.op) OVER (PARTITION BY h.person_id, h.record_key ORDER BY h.version) AS next_op,
               count(CASE WHEN array_has(h.citizenships, 'SWE') IS NOT TRUE THEN 1 END)
                   OVER (PARTITION BY h.person_id, h.record_key ORDER BY h.version ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS others_since
        FROM population n
        JOIN population_history h ON h.person_id = n.person_id AND h.record_key = n.record_key
        WHERE array_has(n.citizenships, 'SWE')
    ) post
    WHERE others_since = 0 AND coalesce(next_op, 'upsert') NOT IN ('correct', 'retract')
) c ON c.person_id = p.person_id AND c.place = 1
UNION ALL
SELECT person_id, permit_id, 'permit_ended' AS reason, CAST(carries_until + 1 AS TIMESTAMP) AS from_at, CAST(NULL AS TIMESTAMP) AS to_at
FROM permit_spells
WHERE carries_until IS NOT NULL
UNION ALL
SELECT person_id, permit_id, 'application_pending' AS reason, CAST(filed_on AS TIMESTAMP) AS from_at, CAST(decided_on AS TIMESTAMP) AS to_at
FROM other_applications
