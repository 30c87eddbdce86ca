/*
One row per permit and interval of known time during which nothing is said about it, with the reason: `naturalised` and
`deceased` (register), `protected` (person or class: nothing is stored), `minor` (until the eighteenth birthday),
`permit_ended` (from the day after the last one on which alerts stand on the permit: `carries_until` of `permit_spells`).
`application_pending` concerns only rules that yield to it; the application that the permit itself answers is none.
Rows follow from what is known now, so that a fact in force has no beginning (null) unless its day lies ahead; null to_at is open.
*/
SELECT p.person_id, p.permit_id, r.reason,
       CASE WHEN r.reason = 'deceased' AND CAST(n.dereg_on AS TIMESTAMP) > n.known_time THEN CAST(n.dereg_on AS TIMESTAMP) END AS from_at,
       CASE WHEN r.reason = 'minor' THEN CAST(add_months(coalesce(n.birth_on, p.birth_on_at_grant), 216) AS TIMESTAMP) END AS to_at
FROM permits p
LEFT JOIN population n ON n.person_id = p.person_id
CROSS JOIN (VALUES ('naturalised'), ('deceased'), ('protected'), ('minor')) AS r(reason)
WHERE CASE r.reason
          WHEN 'naturalised' THEN array_has(n.citizenships, 'SWE')
          WHEN 'deceased' THEN n.dereg_code = 'AV'
          WHEN 'protected' THEN coalesce(n.protected, false) OR p.permit_class IN ('PROTECTED_CASE', 'CITIZEN_EES_RIGHT')
          ELSE coalesce(n.birth_on, p.birth_on_at_grant) IS NOT NULL END
UNION ALL
SELECT person_id, permit_id, 'permit_ended' AS reason, CAST(max(carries_until) + 1 AS TIMESTAMP) AS from_at, CAST(NULL AS TIMESTAMP) AS to_at
FROM permit_spells   -- one permit in several records ends with the last of them
GROUP BY person_id, permit_id
HAVING count(*) = count(carries_until)
UNION ALL
SELECT person_id, permit_id, 'application_pending' AS reason, CAST(filed_on AS TIMESTAMP) AS from_at, CAST(decided_on AS TIMESTAMP) AS to_at
FROM other_applications
