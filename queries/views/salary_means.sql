/*
One row per permit, requirement and full month of employment (see `full_salary_months`, `salary_requirements`): an evaluation of
that month with those before it. `counted_sek` is the month's salary, an excused month counted as meeting the requirement.
`sum_3`, `sum_6` and `sum_12` are the sums over so many full months, null where there are fewer. `evaluated_at` waits for the facts of all months so far.
An excuse only helps: the sums are the greater of those with and without the months that are full only thanks to one, and such a
month is none with which an indication begins or grows (`in_own_right` false).
*/
SELECT person_id, permit_id, permit_record, valid_from, requirement, required_sek, required_source, month, gross_sek, next_gross_sek, complete_at, in_own_right,
       counted_sek,
       CASE WHEN NOT in_own_right THEN counted_sek + lag(counted_sek) OVER w + lag(counted_sek, 2) OVER w
            WHEN row_number() OVER own >= 3 THEN greatest(counted_sek + lag(counted_sek) OVER w + lag(counted_sek, 2) OVER w,
                                                          counted_sek + lag(counted_sek) OVER own + lag(counted_sek, 2) OVER own) END AS sum_3,
       CASE WHEN NOT in_own_right THEN CASE WHEN row_number() OVER w >= 6 THEN sum(counted_sek) OVER last6 END
            WHEN row_number() OVER own >= 6 THEN greatest(sum(counted_sek) OVER last6, sum(counted_sek) OVER own6) END AS sum_6,
       CASE WHEN row_number() OVER own >= 12 THEN greatest(sum(counted_sek) OVER last12, sum(counted_sek) OVER own12)
            WHEN row_number() OVER w >= 12 THEN sum(counted_sek) OVER last12 END AS sum_12,
       excused + lag(excused) OVER w + lag(excused, 2) OVER w AS excused_3, sum(excused) OVER last6 AS excused_6,
       max(evaluated_at) OVER so_far AS evaluated_at,
       first_record AS record_1, lag(first_record) OVER w AS record_2, lag(first_record, 2) OVER w AS record_3
FROM (
    SELECT m.person_id, m.permit_id, m.permit_record, m.valid_from, r.requirement, r.required_sek, r.required_source, m.month, m.gross_sek, m.next_gross_sek,
           m.excused, m.in_own_right, m.first_record, m.complete_at, m.evaluated_at,
           CASE WHEN m.excused = 1 THEN greatest(m.gross_sek, r.required_sek) ELSE m.gross_sek END AS counted_sek
    FROM full_salary_months m
    JOIN salary_requirements r ON r.permit_id = m.permit_id AND r.required_sek IS NOT NULL
) x
WINDOW w AS (PARTITION BY permit_id, requirement ORDER BY month),
       last6 AS (PARTITION BY permit_id, requirement ORDER BY month ROWS BETWEEN 5 PRECEDING AND CURRENT ROW),
       last12 AS (PARTITION BY permit_id, requirement ORDER BY month ROWS BETWEEN 11 PRECEDING AND CURRENT ROW),
       so_far AS (PARTITION BY permit_id, requirement ORDER BY month ROWS UNBOUNDED PRECEDING),
       own AS (PARTITION BY permit_id, requirement, in_own_right ORDER BY month),
       own6 AS (PARTITION BY permit_id, requirement, in_own_right ORDER BY month ROWS BETWEEN 5 PRECEDING AND CURRENT ROW),
       own12 AS (PARTITION BY permit_id, requirement, in_own_right ORDER BY month ROWS BETWEEN 11 PRECEDING AND CURRENT ROW)
