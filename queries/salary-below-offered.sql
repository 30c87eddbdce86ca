/*
id = "salary-below-offered"
number = "R05"
title.sv = "Lön lägre än den erbjudna"
title.en = "Salary below the offer"
finding.sv = "Den deklarerade lönen låg under den erbjudna till och med {last_month}.[rests_on_3:  Under de tre senaste hela månaderna var den sammanlagt {sum_3_sek of required_3_sek}.][rests_on_6:  Under de sex senaste hela månaderna var den sammanlagt {sum_6_sek of required_6_sek}; låga månader: {low_months}.] Varje månad jämförs med erbjudandet för sitt eget tillstånd, för den senaste {offered_sek}[months_excused: , och ursäktade månader räknas som om den erbjudna lönen betalats]. Omständighet att utreda; den anställde kan själv vara utnyttjad."
finding.en = "Declared salary was below the offer up to {last_month}.[rests_on_3:  Over the three latest full months it came to {sum_3_sek of required_3_sek}.][rests_on_6:  Over the six latest full months it came to {sum_6_sek of required_6_sek}; low months: {low_months}.] Each month is held against the offer of its own permit, {offered_sek} for the latest[months_excused: , and excused months count as if the offered salary had been paid]. A circumstance to look into; the employee may be the one wronged."
permit_classes = ["WORK_EMP", "ICT", "SEASONAL"]
legal_basis = ["UtlL 6 kap. 2 § 1 st. 2 p.", "UtlL 7 kap. 7 e § 1 st. 1 p.", "UtlL 7 kap. 7 e § 3 st.", "UF 5 kap. 7 a §", "UF 6 kap. 6 c §"]
legal_gate = "request"
severity = "weak"
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
sv = "Ursäktade månader räknas som om den erbjudna lönen betalats"
en = "Excused months count as if the offered salary had been paid"
column = "months_excused"
[[counter_evidence]]
sv = "Enstaka låga månader: minst tre av sex ska ligga klart under erbjudandet"
en = "Single low months: at least three of six must be clearly below the offer"
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
sv = "Arbetsgivaren har anmält sämre villkor (UF 6 kap. 6 c §)"
en = "The employer has reported worse terms (UF 6 kap. 6 c §)"
column = "worse_terms_on"
[[counter_evidence]]
sv = "Den anställde är underbetald och utnyttjad: pröva det först"
en = "The employee is underpaid and exploited: examine that first"
checked = false
[[counter_evidence]]
sv = "Överenskommen ändring av arbetstiden som är ringa"
en = "An agreed change of working hours that is minor"
checked = false
[[counter_evidence]]
sv = "Bruttolöneavdrag och förmåner"
en = "Gross salary deductions and benefits in kind"
checked = false

[params.medium_pct]
default = 80
doc.sv = "genomsnittet av tre månader under denna andel av erbjudandet gör indikationen medel"
doc.en = "the mean of three months below this share of the offer is medium"
source.sv = "eget antagande"
source.en = "own default"
[params.weak_pct]
default = 95
max = 100
doc.sv = "genomsnittet av sex månader under denna andel gör indikationen svag; högst 100 procent, för där varje månad når erbjudandet beräknas inget genomsnitt"
doc.en = "the mean of six months below this share is weak, 100 per cent at most: of holders whose every month meets the offer no means are made"
source.sv = "eget antagande för ringa fall (UtlL 7 kap. 7 e § 3 st.)"
source.en = "own default for minor cases (UtlL 7 kap. 7 e § 3 st.)"
[params.low_pct]
default = 90
doc.sv = "en månad under denna andel av erbjudandet är låg"
doc.en = "a month below this share of the offer is low"
source.sv = "eget antagande"
source.en = "own default"
[params.low_months]
default = 3
max = 6
doc.sv = "så många av de sex månaderna ska vara låga"
doc.en = "how many of the six months must be low"
source.sv = "eget antagande"
source.en = "own default"
[params.shift_pct]
default = 180
doc.sv = "lönen månaden efter visar en flyttad utbetalning om den är minst denna andel av den bedömda månadens"
doc.en = "a next month of at least this share of the evaluated month shows a moved payment"
source.sv = "eget antagande"
source.en = "own default"
*/
-- Researchers are left out: no authority may hand over their salary declarations for this.
WITH mean AS (
    SELECT person_id, chain_id, permit_id, permit_record, month, place, gross_sek, next_gross_sek, required_sek, complete_at, evaluated_at, in_own_right, own_no, excused,
           counted_sek, sum_3, sum_6, own_sum_3, own_sum_6, required_3, required_6, own_required_3, own_required_6, short_at, settled, excused_6, from_3, from_6
    FROM salary_means
    WHERE requirement = 'offered'
),
low AS (   -- a mean below the offer takes a month below it: most permits have none
    SELECT person_id
    FROM mean
    WHERE counted_sek * 100 < required_sek * greatest($medium_pct, $weak_pct)
    GROUP BY person_id
),
counted AS (   -- each full month with the five before it; and of those in their own right
    SELECT m.* EXCLUDE (excused), m.excused = 1 AS excused,
           m.next_gross_sek * 100 >= m.gross_sek * $shift_pct
           AND (m.gross_sek + m.next_gross_sek) * 100 >= 2 * m.required_sek * $weak_pct AS moved,   -- with it the two meet the offer
           sum(CASE WHEN m.counted_sek * 100 < m.required_sek * $low_pct THEN 1 ELSE 0 END)
               OVER (PARTITION BY m.person_id, m.chain_id ORDER BY m.place ROWS BETWEEN 5 PRECEDING AND CURRENT ROW) AS low_6,
           sum(CASE WHEN m.counted_sek * 100 < m.required_sek * $low_pct THEN 1 ELSE 0 END)
               OVER (PARTITION BY m.person_id, m.chain_id, m.in_own_right ORDER BY m.place ROWS BETWEEN 5 PRECEDING AND CURRENT ROW) AS own_low_6
    FROM mean m
    JOIN low l ON l.person_id = m.person_id
),
graded AS (   -- weak 1, medium 2; and of months in their own right only
    SELECT counted.*,
           CASE WHEN sum_3 * 100 < required_3 * $medium_pct THEN CASE WHEN moved AND NOT excused THEN 1 ELSE 2 END
                WHEN sum_6 * 100 < required_6 * $weak_pct AND low_6 >= $low_months THEN 1
                ELSE 0 END AS grade,
           CASE WHEN NOT in_own_right THEN NULL
                WHEN own_sum_3 * 100 < own_required_3 * $medium_pct THEN CASE WHEN moved THEN 1 ELSE 2 END
                WHEN own_sum_6 * 100 < own_required_6 * $weak_pct AND own_low_6 >= $low_months THEN 1
                ELSE 0 END AS own_grade
    FROM counted
),
lesser AS (   -- a month that is full only thanks to an excuse begins nothing: the first month of a chain makes no mean
    SELECT graded.* EXCLUDE (grade),
           min(least(grade, own_grade)) OVER (PARTITION BY person_id, chain_id, own_no ORDER BY place ROWS UNBOUNDED PRECEDING) AS grade
    FROM graded
),
run AS (   -- evaluations in a row with a grade are one episode, until the next good one
    SELECT lesser.*,
           in_own_right OR grade < lag(grade) OVER (PARTITION BY person_id, chain_id ORDER BY place) AS is_told,
           max(CASE WHEN grade = 0 THEN month END) OVER (PARTITION BY person_id, chain_id ORDER BY place ROWS UNBOUNDED PRECEDING) AS last_good_month,
           min(CASE WHEN grade = 0 THEN evaluated_at END)
               OVER (PARTITION BY person_id, chain_id ORDER BY place ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS good_again_at
    FROM lesser
),
told AS (
    SELECT run.*, min(month) OVER (PARTITION BY person_id, chain_id, last_good_month ORDER BY place ROWS UNBOUNDED PRECEDING) AS episode
    FROM run
    WHERE grade > 0 AND is_told AND NOT settled   -- leave is told of only where it lowers
),
meant AS (   -- which means are low enough to be told of
    SELECT told.*, sum_3 * 100 < required_3 * $medium_pct AS rests_on_3,
           coalesce(sum_6 * 100 < required_6 * $weak_pct AND low_6 >= $low_months, false) AS rests_on_6
    FROM told
),
step AS (   -- with all that says what was paid, excused and required in the months compared
    SELECT t.person_id, t.permit_id, t.permit_record, t.episode, t.month, t.evaluated_at, t.complete_at, t.good_again_at, t.grade, t.short_at,
           t.sum_3, t.sum_6, t.required_3, t.required_6, t.rests_on_3, t.rests_on_6, t.required_sek, t.low_6, t.excused_6, t.next_gross_sek,
           records_of(CASE WHEN f.from_month <= t.month AND f.to_month >= CASE WHEN t.rests_on_6 THEN t.from_6 ELSE t.from_3 END
                            AND coalesce(f.permit_class IN ('WORK_EMP', 'ICT', 'SEASONAL'), true) THEN f.record END) AS month_records
    FROM meant t
    JOIN pay_records f ON f.person_id = t.person_id
    GROUP BY t.person_id, t.permit_id, t.permit_record, t.episode, t.month, t.evaluated_at, t.complete_at, t.good_again_at, t.grade, t.short_at,
             t.sum_3, t.sum_6, t.required_3, t.required_6, t.rests_on_3, t.rests_on_6, t.required_sek, t.low_6, t.excused_6, t.next_gross_sek,
             t.from_3, t.from_6
),
worse AS (   -- worse terms that the employer has reported
    SELECT person_id, max(event_on) AS worse_terms_on, records_of(record) AS records
    FROM notices
    WHERE kind = 'terms_worse'
    GROUP BY person_id
)
SELECT s.person_id, c.carrier_id AS permit_id, s.episode AS alert_key, s.month AS anchor_at, greatest(s.evaluated_at, c.from_at) AS alert_at,
       s.complete_at AS due_at, s.good_again_at AS cleared_at,
       severity(s.grade) AS severity,
       s.month AS last_month, CAST(s.sum_3 AS BIGINT) AS sum_3_sek, CAST(s.sum_6 AS BIGINT) AS sum_6_sek, CAST(s.required_3 AS BIGINT) AS required_3_sek,
       CASE WHEN s.sum_6 IS NOT NULL THEN CAST(s.required_6 AS BIGINT) END AS required_6_sek, s.rests_on_3, s.rests_on_6, s.required_sek AS offered_sek,
       CAST(s.low_6 AS BIGINT) AS low_months, CAST(s.excused_6 AS BIGINT) AS months_excused, s.next_gross_sek AS next_month_sek,
       w.worse_terms_on, records(s.permit_record, c.record, s.month_records, w.records) AS records
FROM step s
JOIN carriers c ON c.permit_id = s.permit_id AND (c.settled_on IS NULL OR CAST(s.short_at AS DATE) > c.settled_on)
LEFT JOIN worse w ON w.person_id = s.person_id
