/*
One row per person and month with declared salary or a token that the month is excused: the salary over all employers,
the least share of its usual staff that one of them declared (per cent; employers without a count are complete), and
whether the month is excused. A month with a token and no salary has gross_sek 0.
*/
SELECT person_id, month, CAST(sum(gross_sek) AS BIGINT) AS gross_sek, max(known_at) AS known_at,
       coalesce(min(reported_pct), 100) AS reported_pct, max(excused) AS excused,
       string_agg(record_keys, ',' ORDER BY record_keys) AS record_keys
FROM (
    SELECT s.person_id, s.month, s.gross_sek, s.known_at, e.reported_pct, 0 AS excused, s.record_keys
    FROM salaries s
    LEFT JOIN employer_months e ON e.employer_id = s.employer_id AND e.month = s.month
    UNION ALL
    SELECT person_id, month, 0, CAST(NULL AS TIMESTAMP), CAST(NULL AS BIGINT), 1, CAST(NULL AS VARCHAR)
    FROM excused_months
) m
GROUP BY person_id, month
