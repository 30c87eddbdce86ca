/*
One row per person, month and span of known time in which the salary declared for the month was another than before: `gross_sek` of one
employer (`whole` false), and of all together (`employer_id` null), from `from_at` until `until_at`; and per month that was excused until the token was taken
back (`excused`, no salary). Only of months about which a statement or token was corrected or retracted, so that the last span, which is what
is declared now, is left out; the first is 0, until the first statement.
*/
WITH corrected AS (
    SELECT person_id, month
    FROM payments_history
    WHERE kind = 'salary' AND NOT is_latest
    GROUP BY person_id, month
),
said AS (   -- versions that counted, each until the next one
    SELECT h.person_id, h.month, h.payer_id AS employer_id, h.record, h.amount_sek, h.known_from, min(n.known_from) AS until_at
    FROM corrected c
    JOIN payments_history h ON h.person_id = c.person_id AND h.month = c.month AND h.kind = 'salary'
    LEFT JOIN payments_history n ON n.person_id = h.person_id AND n.record_key = h.record_key AND n.version > h.version
         AND (n.kind = 'salary' OR n.op = 'retract')
    GROUP BY h.person_id, h.month, h.payer_id, h.record, h.amount_sek, h.known_from
    HAVING coalesce(min(n.known_from) > h.known_from, true)
),
step AS (
    SELECT 'none' AS step, person_id, month, employer_id, min(record) AS record, TIMESTAMP '1900-01-01 00:00:00' AS known_at, 0 AS added_sek
    FROM said
    GROUP BY person_id, month, employer_id
    UNION ALL
    SELECT 'said' AS step, person_id, month, employer_id, record, known_from AS known_at, amount_sek AS added_sek FROM said
    UNION ALL
    SELECT 'over' AS step, person_id, month, employer_id, record, until_at AS known_at, -amount_sek AS added_sek FROM said WHERE until_at IS NOT NULL
),
span AS (
    SELECT person_id, month, employer_id, known_at,
           CAST(sum(added_sek) OVER one AS BIGINT) AS employer_sek, lead(known_at) OVER one AS employer_until,
           CAST(sum(added_sek) OVER whole AS BIGINT) AS month_sek, lead(known_at) OVER whole AS month_until
    FROM step
    WINDOW one AS (PARTITION BY person_id, month, employer_id ORDER BY known_at, step, record ROWS UNBOUNDED PRECEDING),
           whole AS (PARTITION BY person_id, month ORDER BY known_at, step, record, employer_id ROWS UNBOUNDED PRECEDING)
)
SELECT person_id, month, employer_id, false AS whole, false AS excused, employer_sek AS gross_sek, known_at AS from_at, employer_until AS until_at
FROM span
WHERE employer_until > known_at
UNION ALL
SELECT person_id, month, CAST(NULL AS VARCHAR) AS employer_id, true AS whole, false AS excused, month_sek AS gross_sek, known_at AS from_at, month_until AS until_at
FROM span
WHERE month_until > known_at
UNION ALL
SELECT person_id, month, CAST(NULL AS VARCHAR) AS employer_id, true AS whole, true AS excused, 0 AS gross_sek, from_at, until_at
FROM earlier_excuses
