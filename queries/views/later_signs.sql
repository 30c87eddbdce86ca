/*
One row per dated sign that a person is in Sweden or can be reached here, and from when it counts (not before its day):
`salary` (a month's pay is often for the month before, so it is dated the first day of that month), `benefit` and `allowance`
(first day of the period), `address` (the day of registration at the address in force), `entry` (a border notice that does not
rest on a tip; whoever only passed through the country that it names is here all the same). That the person is still registered is a state and no sign.
*/
SELECT person_id, 'salary' AS kind, add_months(month, -1) AS seen_on, known_at, first_record AS record
FROM salaries
WHERE gross_sek > 0
UNION ALL
SELECT person_id, kind, coalesce(period_from, month) AS seen_on,
       greatest(first_known_time, CAST(coalesce(period_from, month) AS TIMESTAMP)) AS known_at, record
FROM payments
WHERE kind IN ('benefit', 'allowance') AND amount_sek > 0
UNION ALL
SELECT n.person_id, 'address' AS kind, n.registered_on AS seen_on, greatest(min(h.known_from), CAST(n.registered_on AS TIMESTAMP)) AS known_at,
       n.record
FROM population n
JOIN population_posts h ON h.person_id = n.person_id AND h.record_key = n.record_key AND h.registered_on = n.registered_on
WHERE n.dereg_code IS NULL
GROUP BY n.person_id, n.registered_on, n.record
UNION ALL
SELECT person_id, 'entry' AS kind, observed_on AS seen_on, greatest(first_known_time, CAST(observed_on AS TIMESTAMP)) AS known_at, record
FROM border
WHERE direction = 'entry' AND source <> 'tip'
