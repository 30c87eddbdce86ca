/*
id = "salary-below-floor"
number = "R04"
title.sv = "Lön under försörjningskravet"
title.en = "Salary below the livelihood requirement"
finding.sv = "Den deklarerade lönen var sammanlagt {sum_3_sek of required_3_sek} under de tre senaste hela månaderna till och med {last_month}[required_6_sek:  och {sum_6_sek of required_6_sek} under de sex senaste][months_excused: , med ursäktade månader räknade som om kravet var uppfyllt]; varje månad jämförs med försörjningskravet för sitt eget tillstånd, för den senaste {floor_sek}. Det är bedömning {evaluations} i följd under kravet. Omständighet att utreda."
finding.en = "Declared salary came to {sum_3_sek of required_3_sek} over the three latest full months up to {last_month}[required_6_sek:  and {sum_6_sek of required_6_sek} over the six latest][months_excused: , excused months counted as meeting the requirement]; each month is held against the livelihood requirement of its own permit, {floor_sek} for the latest. This is evaluation {evaluations} in a row below it. A circumstance to look into."
permit_classes = ["WORK_EMP"]
legal_basis = ["UtlL 6 kap. 2 § 1 st. 1 p.", "UtlL 7 kap. 7 e § 1 st. 1 p.", "UtlL 7 kap. 7 e § 3 st.", "UF 5 kap. 8 a §"]
legal_gate = "verify"
severity = "medium"
owner = "national-control"
readings = [
    "Months are counted over permits of one class that continue one another, each beside what its own permit requires.",
    "Low months that a renewal's decision could weigh raise nothing on the renewal by themselves.",
    "One or two months without pay between months paid by one employer are months of that employment, unless a notice says that it ended: declared as nothing they count so, not declared (yet) they count for nothing.",
    "Low months beside a short leave without pay are full months; the leave counts as meeting what is required. Beside a longer one (three months and more) the month before and the month after are full only thanks to the excuse, for without it an employment ends and another begins there: they speak for the person and not against, since an excuse may only lower.",
    "An excused month counts as meeting what is required and is never left out: low months close to leave stand beside it in a mean, which is higher by that.",
    "Pay counts as moved to the next month only where the two months together meet what is required.",
]

[[counter_evidence]]
sv = "Ursäktade månader räknas som om kravet var uppfyllt"
en = "Excused months count as if the requirement were met"
column = "months_excused"
[[counter_evidence]]
sv = "Enstaka låg månad: minst två av tre månader ska ligga under kravet"
en = "A single low month: at least two of the three months must be below"
column = "low_months"
[[counter_evidence]]
sv = "Utbetalning som flyttats till månaden efter, så att de två tillsammans når kravet (högst svag)"
en = "Payment moved to the next month, so that the two together meet the requirement (weak at most)"
column = "next_month_sek"
[[counter_evidence]]
sv = "Del av månad: anställningens första och sista månad räknas inte, inte heller månader utan lön mellan två anställningar"
en = "Part months: the first and last month of an employment do not count, nor do months without pay between two employments"
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
max = 100
doc.sv = "genomsnittet av tre månader ska ligga under denna andel av kravet; högst 100 procent, för där varje månad når kravet beräknas inget genomsnitt"
doc.en = "the mean of three months must be below this share of the requirement, 100 per cent at most: of holders whose every month meets it no means are made"
source.sv = "eget antagande för ringa fall (UtlL 7 kap. 7 e § 3 st.)"
source.en = "own default for minor cases (UtlL 7 kap. 7 e § 3 st.)"
[params.strong_pct]
default = 85
doc.sv = "genomsnittet av sex månader under denna andel gör indikationen stark"
doc.en = "the mean of six months below this share is strong"
source.sv = "eget antagande"
source.en = "own default"
[params.low_months]
default = 2
max = 3
doc.sv = "så många av de tre månaderna ska själva ligga under gränsen"
doc.en = "how many of the three months must themselves be below the tolerance"
source.sv = "eget antagande: en dålig månad är ett ringa fall"
source.en = "own default: one bad month is a minor case"
[params.shift_pct]
default = 180
doc.sv = "lönen månaden efter visar en flyttad utbetalning om den är minst denna andel av den bedömda månadens"
doc.en = "a next month of at least this share of the evaluated month shows a moved payment"
source.sv = "eget antagande"
source.en = "own default"
*/
WITH mean AS (
    SELECT person_id, chain_id, permit_id, permit_record, month, place, gross_sek, next_gross_sek, required_sek, required_source, complete_at, evaluated_at,
           in_own_right, own_no, excused, counted_sek, sum_3, sum_6, own_sum_3, own_sum_6, required_3, required_6, own_required_3, own_required_6,
           short_at, settled, excused_3, from_3, from_6
    FROM salary_means
    WHERE requirement = 'floor'
),
low AS (   -- a mean below the requirement takes a month below it: most permits have none
    SELECT person_id
    FROM mean
    WHERE counted_sek * 100 < required_sek * $tolerance_pct
    GROUP BY person_id
),
counted AS (   -- each full month with the two before it; and of those in their own right
    SELECT m.*,
           sum(CASE WHEN m.counted_sek * 100 < m.required_sek * $tolerance_pct THEN 1 ELSE 0 END)
               OVER (PARTITION BY m.person_id, m.chain_id ORDER BY m.place ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS low_3,
           sum(CASE WHEN m.counted_sek * 100 < m.required_sek * $tolerance_pct THEN 1 ELSE 0 END)
               OVER (PARTITION BY m.person_id, m.chain_id, m.in_own_right ORDER BY m.place ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS own_low_3
    FROM mean m
    JOIN low l ON l.person_id = m.person_id
),
judged AS (   -- pay moved to the next month meets the requirement together with it
    SELECT counted.* EXCLUDE (excused), excused = 1 AS excused,
           next_gross_sek * 100 >= gross_sek * $shift_pct AND (gross_sek + next_gross_sek) * 100 >= 2 * required_sek * $tolerance_pct AS moved,
           coalesce(sum_3 * 100 < required_3 * $tolerance_pct AND low_3 >= $low_months, false) AS breach,
           coalesce(own_sum_3 * 100 < own_required_3 * $tolerance_pct AND own_low_3 >= $low_months, false) AS own_breach
    FROM counted
),
graded AS (   -- weak 1, medium 2 (the second in a row), strong 3; and of months in their own right only
    SELECT judged.*,
           CASE WHEN NOT breach THEN 0
                WHEN moved AND NOT excused THEN 1
                WHEN sum_6 * 100 < required_6 * $strong_pct THEN 3
                WHEN lag(breach) OVER (PARTITION BY person_id, chain_id ORDER BY place) THEN 2 ELSE 1 END AS grade,
           CASE WHEN NOT in_own_right THEN NULL
                WHEN NOT own_breach THEN 0
                WHEN moved THEN 1
                WHEN own_sum_6 * 100 < own_required_6 * $strong_pct THEN 3
                WHEN lag(own_breach) OVER (PARTITION BY person_id, chain_id, in_own_right ORDER BY place) THEN 2 ELSE 1 END AS own_grade
    FROM judged
),
lesser AS (   -- a month that is full only thanks to an excuse begins nothing: the first month of a chain makes no mean
    SELECT graded.* EXCLUDE (grade),
           min(least(grade, own_grade)) OVER (PARTITION BY person_id, chain_id, own_no ORDER BY place ROWS UNBOUNDED PRECEDING) AS grade
    FROM graded
),
run AS (   -- evaluations in a row below the requirement are one episode, until the next good one
    SELECT lesser.*,
           in_own_right OR grade < lag(grade) OVER (PARTITION BY person_id, chain_id ORDER BY place) AS is_told,
           max(CASE WHEN grade = 0 THEN month END) OVER (PARTITION BY person_id, chain_id ORDER BY place ROWS UNBOUNDED PRECEDING) AS last_good_month,
           min(CASE WHEN grade = 0 THEN evaluated_at END)
               OVER (PARTITION BY person_id, chain_id ORDER BY place ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS good_again_at
    FROM lesser
),
told AS (
    SELECT run.*,
           min(month) OVER (PARTITION BY person_id, chain_id, last_good_month ORDER BY place ROWS UNBOUNDED PRECEDING) AS episode,
           count(*) OVER (PARTITION BY person_id, chain_id, last_good_month ORDER BY place ROWS UNBOUNDED PRECEDING) AS evaluations
    FROM run
    WHERE grade > 0 AND is_told AND NOT settled   -- leave is told of only where it lowers
),
step AS (   -- with all that says what was paid, excused and required in the months compared: three, or the six that make it strong
    SELECT t.person_id, t.permit_id, t.permit_record, t.episode, t.month, t.evaluated_at, t.complete_at, t.good_again_at, t.grade, t.short_at,
           t.sum_3, t.required_3, CASE WHEN t.grade = 3 THEN t.sum_6 END AS sum_6, CASE WHEN t.grade = 3 THEN t.required_6 END AS required_6,
           t.required_sek, t.required_source, t.low_3, t.evaluations, t.excused_3, t.next_gross_sek,
           records_of(CASE WHEN f.from_month <= t.month AND f.to_month >= CASE WHEN t.grade = 1 THEN t.from_3 ELSE t.from_6 END
                            AND coalesce(f.permit_class = 'WORK_EMP', true) THEN f.record END) AS month_records
    FROM told t
    JOIN pay_records f ON f.person_id = t.person_id
    GROUP BY t.person_id, t.permit_id, t.permit_record, t.episode, t.month, t.evaluated_at, t.complete_at, t.good_again_at, t.grade, t.short_at,
             t.sum_3, t.required_3, t.sum_6, t.required_6, t.required_sek, t.required_source, t.low_3, t.evaluations, t.excused_3, t.next_gross_sek,
             t.from_3, t.from_6
)
SELECT s.person_id, c.carrier_id AS permit_id, s.episode AS alert_key, s.month AS anchor_at, greatest(s.evaluated_at, c.from_at) AS alert_at,
       s.complete_at AS due_at, s.good_again_at AS cleared_at, severity(s.grade) AS severity,
       s.month AS last_month, CAST(s.sum_3 AS BIGINT) AS sum_3_sek, CAST(s.required_3 AS BIGINT) AS required_3_sek,
       CAST(s.sum_6 AS BIGINT) AS sum_6_sek, CAST(s.required_6 AS BIGINT) AS required_6_sek, s.required_sek AS floor_sek, s.required_source AS floor_source,
       CAST(s.low_3 AS BIGINT) AS low_months, CAST(s.evaluations AS BIGINT) AS evaluations, CAST(s.excused_3 AS BIGINT) AS months_excused,
       s.next_gross_sek AS next_month_sek, records(s.permit_record, c.record, s.month_records) AS records
FROM step s
JOIN carriers c ON c.permit_id = s.permit_id AND (c.settled_on IS NULL OR CAST(s.short_at AS DATE) > c.settled_on)
