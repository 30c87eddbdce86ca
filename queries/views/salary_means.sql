/*
One row per permit, requirement and full month of employment (see `full_salary_months`, `salary_requirements`): an evaluation of
that month with those before it, under its permit and those that it renews (`chain_id`, see `permit_chains`), each beside what its own permit
requires (`required_3` and so on are the sums of that). Where no month is below the requirement no mean is, and there are no rows: a rule may ask for a
share of the requirement, but for none above 100 per cent. `place` numbers the months of a chain and requirement: ORDER BY place is total. `counted_sek` is the month's salary, an excused month counted as meeting
the requirement.
`sum_3`, `sum_6` and `sum_12` are the sums over so many full months, null where there are fewer; `from_3` and so on are the first of those months, in their own right or not (see `pay_records`). `evaluated_at` waits for the facts of all
months so far. `short_at` is when the last of the six months that is below the requirement could be told as it stands (in its own right: an excuse unsettles nothing): what was
known then a later renewal settles, and the month's own permit has `settled`.
An excuse only helps: `own_sum_3` and so on are the sums over the months that are full in their own right (`in_own_right`, else null), an
excused one counted as meeting the requirement there too; the lesser of both evaluations counts. So a further excuse, which may add a month to
the one and lifts one in the other, lowers them or leaves them (a sixth month that is there thanks to it makes no mean of six). A month that is full only thanks to an excuse may lower what stands
and begins or worsens nothing: it shares `own_no` with the last one in its own right (0: there is none).
*/
WITH counted AS (
    SELECT m.person_id, m.permit_id, m.permit_record, m.decided_on, m.valid_from, r.requirement, r.required_sek, r.required_source, m.month, m.in_gap, m.gross_sek, m.next_gross_sek,
           m.excused, m.in_own_right, m.complete_at, m.evaluated_at, m.stands_since,
           CASE WHEN m.excused = 1 THEN greatest(m.gross_sek, r.required_sek) ELSE m.gross_sek END AS counted_sek
    FROM full_salary_months m
    JOIN salary_requirements r ON r.permit_id = m.permit_id AND r.required_sek IS NOT NULL
),
short AS (   -- of most holders every month meets what is required
    SELECT person_id, requirement
    FROM counted
    WHERE counted_sek < required_sek
    GROUP BY person_id, requirement
),
chained AS (
    SELECT c.*, coalesce(h.chain_id, c.permit_id) AS chain_id
    FROM counted c
    JOIN short s ON s.person_id = c.person_id AND s.requirement = c.requirement
    LEFT JOIN permit_chains h ON h.permit_id = c.permit_id
)
SELECT person_id, chain_id, permit_id, permit_record, valid_from, requirement, required_sek, required_source, month, row_number() OVER w AS place, gross_sek, next_gross_sek, complete_at, in_own_right,
       counted_sek, excused,
       sum(CASE WHEN in_own_right THEN 1 ELSE 0 END) OVER so_far AS own_no,
       counted_sek + lag(counted_sek) OVER w + lag(counted_sek, 2) OVER w AS sum_3, required_sek + lag(required_sek) OVER w + lag(required_sek, 2) OVER w AS required_3,
       CASE WHEN row_number() OVER w >= 6 THEN sum(counted_sek) OVER last6 END AS sum_6, sum(required_sek) OVER last6 AS required_6,
       CASE WHEN row_number() OVER w >= 12 THEN sum(counted_sek) OVER last12 END AS sum_12, sum(required_sek) OVER last12 AS required_12,
       CASE WHEN in_own_right THEN counted_sek + lag(counted_sek) OVER own + lag(counted_sek, 2) OVER own END AS own_sum_3,
       required_sek + lag(required_sek) OVER own + lag(required_sek, 2) OVER own AS own_required_3,
       CASE WHEN in_own_right AND row_number() OVER own >= 6 THEN sum(counted_sek) OVER own6 END AS own_sum_6, sum(required_sek) OVER own6 AS own_required_6,
       CASE WHEN in_own_right AND row_number() OVER own >= 12 THEN sum(counted_sek) OVER own12 END AS own_sum_12, sum(required_sek) OVER own12 AS own_required_12,
       excused + lag(excused) OVER w + lag(excused, 2) OVER w AS excused_3, sum(excused) OVER last6 AS excused_6,
       max(evaluated_at) OVER so_far AS evaluated_at, max(CASE WHEN in_own_right AND counted_sek < required_sek THEN stands_since END) OVER last6 AS short_at,
       coalesce(last_value(CASE WHEN in_own_right AND counted_sek < required_sek THEN permit_id END IGNORE NULLS) OVER so_far <> permit_id
                AND CAST(max(CASE WHEN in_own_right AND counted_sek < required_sek THEN stands_since END) OVER last6 AS DATE) <= decided_on, false) AS settled,
       least(min(month) OVER last3, min(CASE WHEN in_own_right THEN month END) OVER own3) AS from_3,
       least(min(month) OVER last6, min(CASE WHEN in_own_right THEN month END) OVER own6) AS from_6,
       least(min(month) OVER last12, min(CASE WHEN in_own_right THEN month END) OVER own12) AS from_12
FROM chained
WINDOW w AS (PARTITION BY person_id, chain_id, requirement ORDER BY month, permit_id, in_gap),
       last3 AS (PARTITION BY person_id, chain_id, requirement ORDER BY month, permit_id, in_gap ROWS BETWEEN 2 PRECEDING AND CURRENT ROW),
       last6 AS (PARTITION BY person_id, chain_id, requirement ORDER BY month, permit_id, in_gap ROWS BETWEEN 5 PRECEDING AND CURRENT ROW),
       last12 AS (PARTITION BY person_id, chain_id, requirement ORDER BY month, permit_id, in_gap ROWS BETWEEN 11 PRECEDING AND CURRENT ROW),
       so_far AS (PARTITION BY person_id, chain_id, requirement ORDER BY month, permit_id, in_gap ROWS UNBOUNDED PRECEDING),
       own AS (PARTITION BY person_id, chain_id, requirement, in_own_right ORDER BY month, permit_id, in_gap),
       own3 AS (PARTITION BY person_id, chain_id, requirement, in_own_right ORDER BY month, permit_id, in_gap ROWS BETWEEN 2 PRECEDING AND CURRENT ROW),
       own6 AS (PARTITION BY person_id, chain_id, requirement, in_own_right ORDER BY month, permit_id, in_gap ROWS BETWEEN 5 PRECEDING AND CURRENT ROW),
       own12 AS (PARTITION BY person_id, chain_id, requirement, in_own_right ORDER BY month, permit_id, in_gap ROWS BETWEEN 11 PRECEDING AND CURRENT ROW)
