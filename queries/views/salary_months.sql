/*
One row per person and month with declared salary or a token that the month is excused: the salary over all employers,
the least share of its usual staff that one of them declared (per cent; employers without a count are complete), and
whether the month is excused. A month with a token and no salary has gross_sek 0. `known_at` is that of the salary alone, so
that an excuse delays nothing; `excused_at` is when the first token became known.
*/
SELECT person_id, month, CAST(sum(gross_sek) AS BIGINT) AS gross_sek, max(known_at) AS known_at,
       coalesce(min(reported_pct), 100) AS reported_pct, max(excused) AS excused, min(excused_at) AS excused_at,
       min(first_record) AS first_record, max(last_record) AS last_record
FROM (
    SELECT s.person_id, s.month, s.gross_sek, s.known_at, e.reported_pct, 0 AS excused, CAST(NULL AS TIMESTAMP) AS excused_at,
           s.first_record, s.last_record
    FROM salaries s
    LEFT JOIN employer_months e ON e.employer_id = s.employer_id AND e.month = s.month
    UNION ALL
    SELECT person_id, month, 0 AS gross_sek, CAST(NULL AS TIMESTAMP) AS known_at, CAST(NULL AS BIGINT) AS reported_pct, 1 AS excused,
           first_known_time AS excused_at, CAST(NULL AS VARCHAR) AS first_record, CAST(NULL AS VARCHAR) AS last_record
    FROM excused_months
) m
GROUP BY person_id, month
