/*
id = "salary-below-floor"
number = "R04"
title.sv = "Lön under försörjningskravet"
title.en = "Salary below the livelihood requirement"
finding.sv = "Den deklarerade lönen var sammanlagt {sum_3_sek} kr under de tre senaste hela månaderna till och med {last_month}; försörjningskravet är {floor_sek} kr i månaden. Det är bedömning {evaluations} i följd under kravet. Omständighet att utreda."
finding.en = "Declared salary came to {sum_3_sek} SEK over the three latest full months up to {last_month}; the livelihood requirement is {floor_sek} SEK a month. This is evaluation {evaluations} in a row below it. A circumstance to look into."
permit_classes = ["WORK_EMP"]
legal_basis = ["UtlL 6 kap. 2 § 1 st. 1 p.", "UtlL 7 kap. 7 e § 1 st. 1 p.", "UtlL 7 kap. 7 e § 3 st.", "UF 5 kap. 8 a §"]
legal_gate = "verify"
severity = "medium"
owner = "national-control"

[[counter_evidence]]
sv = "Ursäktade månader räknas som om kravet var uppfyllt"
en = "Excused months count as if the requirement were met"
column = "months_excused"
[[counter_evidence]]
sv = "Enstaka låg månad: minst två av tre månader ska ligga under kravet"
en = "A single low month: at least two of the three months must be below"
column = "low_months"
[[counter_evidence]]
sv = "Utbetalning som flyttats till månaden efter (högst svag)"
en = "Payment moved to the next month (weak at most)"
column = "next_month_sek"
[[counter_evidence]]
sv = "Del av månad: anställningens första och sista månad räknas inte"
en = "Part months: the first and last month of an employment do not count"
[[counter_evidence]]
sv = "Ofullständiga arbetsgivardeklarationer: sådana månader räknas inte"
en = "Incomplete employer declarations: such months do not count"
[[counter_evidence]]
sv = "Kravet är det som gällde när ansökan gjordes, aldrig ett senare"
en = "The requirement is the one in force at the application, never a later one"
column = "floor_source"
[[counter_evidence]]
sv = "Bruttolöneavdrag och förmåner som gör att den sammanlagda lönen når kravet"
en = "Gross salary deductions and benefits in kind that lift the whole pay to the requirement"
checked = false
[[counter_evidence]]
sv = "Yrke som regeringen undantagit från lönekravet"
en = "Occupation exempted from the requirement by the government"
checked = false
[[counter_evidence]]
sv = "Ledighet som inte gett någon uppgift om ursäktad månad"
en = "Leave that no source has reported as an excused month"
checked = false

[params.tolerance_pct]
default = 95
doc = "the mean of three months must be below this share of the requirement, per cent"
source = "own default for minor cases (UtlL 7 kap. 7 e § 3 st.)"
[params.strong_pct]
default = 85
doc = "the mean of six months below this share is strong, per cent"
source = "own default"
[params.low_months]
default = 2
doc = "how many of the three months must themselves be below the tolerance"
source = "own default: one bad month is a minor case"
[params.shift_pct]
default = 180
doc = "a next month of at least this share of the evaluated month shows a moved payment, per cent"
source = "own default"
*/
WITH mean AS (
    SELECT person_id, permit_id, permit_record, month, gross_sek, next_gross_sek, required_sek, required_source, complete_at, evaluated_at,
           in_own_right, counted_sek, sum_3, sum_6, excused_3, record_1, record_2, record_3
    FROM salary_means
    WHERE requirement = 'floor'
),
low AS (   -- a mean below the requirement takes a month below it: most permits have none
    SELECT permit_id
    FROM mean
    WHERE counted_sek * 100 < required_sek * $tolerance_pct
    GROUP BY permit_id
),
judged AS (
    SELECT m.person_id, m.permit_id, m.permit_record, m.month, m.gross_sek, m.next_gross_sek, m.required_sek, m.required_source, m.complete_at, m.evaluated_at,
           m.in_own_right, m.sum_3, m.sum_6, m.excused_3, m.record_1, m.record_2, m.record_3,
           CASE WHEN m.counted_sek * 100 < m.required_sek * $tolerance_pct THEN 1 ELSE 0 END AS low
    FROM mean m
    JOIN low l ON l.permit_id = m.permit_id
),
counted AS (   -- each full month with the two before it, with and without those that are full thanks to an excuse
    SELECT person_id, permit_id, permit_record, month, gross_sek, next_gross_sek, required_sek, required_source, complete_at, evaluated_at,
           in_own_right, sum_3, sum_6, excused_3, record_1, record_2, record_3, least(sum(low) OVER last3, CASE WHEN in_own_right THEN sum(low) OVER own3 END) AS low_3
    FROM judged
    WINDOW last3 AS (PARTITION BY permit_id ORDER BY month ROWS BETWEEN 2 PRECEDING AND CURRENT ROW),
           own3 AS (PARTITION BY permit_id, in_own_right ORDER BY month ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)
),
graded AS (
    SELECT person_id, permit_id, permit_record, month, gross_sek, next_gross_sek, required_sek, required_source, complete_at, evaluated_at,
           in_own_right, sum_3, sum_6, low_3, excused_3, record_1, record_2, record_3,
           coalesce(sum_3 * 100 < 3 * required_sek * $tolerance_pct AND low_3 >= $low_months, false) AS breach
    FROM counted
),
run AS (   -- evaluations in a row below the requirement are one episode, until the next good one
    SELECT person_id, permit_id, permit_record, month, gross_sek, next_gross_sek, required_sek, required_source, complete_at, evaluated_at,
           in_own_right, sum_3, sum_6, low_3, excused_3, record_1, record_2, record_3, breach,
           max(CASE WHEN NOT breach THEN month END) OVER (PARTITION BY permit_id ORDER BY month ROWS UNBOUNDED PRECEDING) AS last_good_month,
           min(CASE WHEN NOT breach THEN evaluated_at END)
               OVER (PARTITION BY permit_id ORDER BY month ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS good_again_at
    FROM graded
),
step AS (
    SELECT person_id, permit_id, permit_record, month, gross_sek, next_gross_sek, required_sek, required_source, complete_at, evaluated_at,
           sum_3, sum_6, low_3, excused_3, record_1, record_2, record_3, good_again_at,
           min(month) OVER (PARTITION BY permit_id, last_good_month ORDER BY month ROWS UNBOUNDED PRECEDING) AS episode,
           count(*) OVER (PARTITION BY permit_id, last_good_month ORDER BY month ROWS UNBOUNDED PRECEDING) AS evaluations
    FROM run
    WHERE breach AND in_own_right
)
SELECT s.person_id, c.carrier_id AS permit_id, s.episode AS alert_key, s.month AS anchor_at, greatest(s.evaluated_at, c.from_at) AS alert_at,
       s.complete_at AS due_at, s.good_again_at AS cleared_at,
       CASE WHEN s.next_gross_sek * 100 >= s.gross_sek * $shift_pct THEN 'weak'
            WHEN s.sum_6 * 100 < 6 * s.required_sek * $strong_pct THEN 'strong'
            WHEN s.evaluations >= 2 THEN 'medium' ELSE 'weak' END AS severity,
       s.month AS last_month, CAST(s.sum_3 AS BIGINT) AS sum_3_sek, s.required_sek AS floor_sek, s.required_source AS floor_source,
       CAST(s.low_3 AS BIGINT) AS low_months, CAST(s.evaluations AS BIGINT) AS evaluations, CAST(s.excused_3 AS BIGINT) AS months_excused,
       s.next_gross_sek AS next_month_sek, records(s.permit_record, c.record, s.record_3, s.record_2, s.record_1) AS records
FROM step s
JOIN carriers c ON c.permit_id = s.permit_id AND (c.settled_on IS NULL OR CAST(s.evaluated_at AS DATE) > c.settled_on)
