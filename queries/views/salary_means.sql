/*
One row per permit, requirement and full month of employment (see `full_salary_months`, `salary_requirements`): an evaluation of
that month with those before it. `counted_sek` is the month's salary, an excused month counted as meeting the requirement;
`counted_2_sek` and `counted_3_sek` are those of the full months before. `sum_3`, `sum_6` and `sum_12` are the sums over so many
full months, null where there are fewer. `evaluated_at` waits for the facts of all months so far. A month that is full only thanks
to an excuse beside it counts if it meets the requirement, makes no sum that the others would not, and is itself no month with
which an indication begins or grows (`in_own_right` false).
*/
SELECT person_id, permit_id, permit_key, valid_from, requirement, required_sek, required_source, month, gross_sek, next_gross_sek, complete_at, in_own_right,
       counted_sek, lag(counted_sek) OVER w AS counted_2_sek, lag(counted_sek, 2) OVER w AS counted_3_sek,
       CASE WHEN sum(own) OVER so_far >= 3 THEN counted_sek + lag(counted_sek) OVER w + lag(counted_sek, 2) OVER w END AS sum_3,
       CASE WHEN sum(own) OVER so_far >= 6 THEN sum(counted_sek) OVER last6 END AS sum_6,
       CASE WHEN row_number() OVER w >= 12 THEN sum(counted_sek) OVER last12 END AS sum_12,
       excused + lag(excused) OVER w + lag(excused, 2) OVER w AS excused_3, sum(excused) OVER last6 AS excused_6,
       max(evaluated_at) OVER so_far AS evaluated_at,
       first_key AS key_1, lag(first_key) OVER w AS key_2, lag(first_key, 2) OVER w AS key_3
FROM (
    SELECT m.person_id, m.permit_id, m.permit_key, m.valid_from, r.requirement, r.required_sek, r.required_source, m.month, m.gross_sek, m.next_gross_sek,
           m.excused, m.in_own_right, CASE WHEN m.in_own_right THEN 1 ELSE 0 END AS own, m.first_key, m.complete_at, m.evaluated_at,
           CASE WHEN m.excused = 1 THEN greatest(m.gross_sek, r.required_sek) ELSE m.gross_sek END AS counted_sek
    FROM full_salary_months m
    JOIN salary_requirements r ON r.permit_id = m.permit_id AND r.required_sek IS NOT NULL
    WHERE m.in_own_right OR m.excused = 1 OR m.gross_sek >= r.required_sek
) x
WINDOW w AS (PARTITION BY permit_id, requirement ORDER BY month),
       last6 AS (PARTITION BY permit_id, requirement ORDER BY month ROWS BETWEEN 5 PRECEDING AND CURRENT ROW),
       last12 AS (PARTITION BY permit_id, requirement ORDER BY month ROWS BETWEEN 11 PRECEDING AND CURRENT ROW),
       so_far AS (PARTITION BY permit_id, requirement ORDER BY month ROWS UNBOUNDED PRECEDING)
