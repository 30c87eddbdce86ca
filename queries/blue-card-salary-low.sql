/*
id = "blue-card-salary-low"
number = "R06"
title.sv = "Lön under EU-blåkortets lönetröskel"
title.en = "Salary below the EU Blue Card threshold"
finding.sv = "Den deklarerade lönen var sammanlagt {sum_6_sek of required_6_sek} under de sex senaste hela månaderna till och med {last_month}[required_12_sek:  och {sum_12_sek of required_12_sek} under de tolv senaste][months_excused: , med ursäktade månader räknade som om tröskeln var nådd]; varje månad jämförs med lönetröskeln för sitt eget blåkort, för den senaste {threshold_sek}. Deklarationen visar utbetald lön, inte den avtalade. Omständighet att utreda."
finding.en = "Declared salary came to {sum_6_sek of required_6_sek} over the six latest full months up to {last_month}[required_12_sek:  and {sum_12_sek of required_12_sek} over the twelve latest][months_excused: , excused months counted as meeting the threshold]; each month is held against the threshold of its own card, {threshold_sek} for the latest. Declarations show the salary paid, not the one agreed. A circumstance to look into."
permit_classes = ["BLUE_CARD"]
legal_basis = ["UtlL 6 a kap. 12 § 1 st. 4 p."]
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
sv = "Ursäktade månader räknas som om tröskeln var nådd"
en = "Excused months count as if the threshold were met"
column = "months_excused"
[[counter_evidence]]
sv = "Ojämn lön med bonus: medlet av tolv månader når tröskeln (tar bort indikationen)"
en = "Uneven pay with a bonus: the mean of twelve months meets the threshold (removes the indication)"
column = "sum_12_sek"
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
sv = "Arbetsgivaren har anmält sämre villkor (utan en sådan anmälan högst svag)"
en = "The employer has reported worse terms (weak at most without such a notice)"
column = "worse_terms_on"
[[counter_evidence]]
sv = "Den avtalade lönen når tröskeln, men utbetalas inte som kontant lön"
en = "The agreed salary meets the threshold, but is not paid as cash salary"
checked = false

[params.tolerance_pct]
default = 97
max = 100
doc.sv = "genomsnittet av sex månader ska ligga under denna andel av tröskeln; högst 100 procent, för där varje månad når tröskeln beräknas inget genomsnitt"
doc.en = "the mean of six months must be below this share of the threshold, 100 per cent at most: of cards whose every month meets it no means are made"
source.sv = "eget antagande"
source.en = "own default"
[params.shift_pct]
default = 180
doc.sv = "lönen månaden efter visar en flyttad utbetalning om den är minst denna andel av den bedömda månadens"
doc.en = "a next month of at least this share of the evaluated month shows a moved payment"
source.sv = "eget antagande"
source.en = "own default"
*/
WITH mean AS (
    SELECT person_id, chain_id, permit_id, permit_record, month, place, gross_sek, next_gross_sek, required_sek, complete_at, evaluated_at, in_own_right, own_no, counted_sek,
           sum_6, sum_12, own_sum_6, own_sum_12, required_6, required_12, own_required_6, own_required_12, short_at, settled, excused_6, from_6, from_12
    FROM salary_means
    WHERE requirement = 'threshold'
),
low AS (   -- a mean below the threshold takes a month below it: most cards have none
    SELECT person_id
    FROM mean
    WHERE counted_sek * 100 < required_sek * $tolerance_pct
    GROUP BY person_id
),
judged AS (   -- each full month with the five before it, unless it and the eleven before it meet the threshold; and of those in their own right
    SELECT m.*,
           m.sum_6 * 100 < m.required_6 * $tolerance_pct AND coalesce(m.sum_12 < m.required_12, true)
               AND (NOT m.in_own_right OR (m.own_sum_6 * 100 < m.own_required_6 * $tolerance_pct
                                           AND coalesce(m.own_sum_12 < m.own_required_12, true))) AS low
    FROM mean m
    JOIN low l ON l.person_id = m.person_id
),
lesser AS (   -- a month that is full only thanks to an excuse begins nothing: the first month of a chain makes no mean
    SELECT judged.*,
           min(CASE WHEN low THEN 1 ELSE 0 END) OVER (PARTITION BY person_id, chain_id, own_no ORDER BY place ROWS UNBOUNDED PRECEDING) = 1 AS breach
    FROM judged
),
run AS (   -- evaluations in a row below the threshold are one episode, until the next good one
    SELECT lesser.*,
           max(CASE WHEN NOT breach THEN month END) OVER (PARTITION BY person_id, chain_id ORDER BY place ROWS UNBOUNDED PRECEDING) AS last_good_month,
           min(CASE WHEN NOT breach THEN evaluated_at END)
               OVER (PARTITION BY person_id, chain_id ORDER BY place ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS good_again_at
    FROM lesser
),
told AS (
    SELECT run.*, min(month) OVER (PARTITION BY person_id, chain_id, last_good_month ORDER BY place ROWS UNBOUNDED PRECEDING) AS episode
    FROM run
    WHERE breach AND in_own_right AND NOT settled
),
step AS (   -- with all that says what was paid, excused and required in the months compared: six, or twelve where there are so many
    SELECT t.person_id, t.permit_id, t.permit_record, t.episode, t.month, t.evaluated_at, t.complete_at, t.good_again_at, t.short_at,
           t.sum_6, t.sum_12, t.required_6, t.required_12, t.required_sek, t.excused_6, t.gross_sek, t.next_gross_sek,
           records_of(CASE WHEN f.from_month <= t.month AND f.to_month >= CASE WHEN t.sum_12 IS NULL THEN t.from_6 ELSE t.from_12 END
                            AND coalesce(f.permit_class = 'BLUE_CARD', true) THEN f.record END) AS month_records
    FROM told t
    JOIN pay_records f ON f.person_id = t.person_id
    GROUP BY t.person_id, t.permit_id, t.permit_record, t.episode, t.month, t.evaluated_at, t.complete_at, t.good_again_at, t.short_at,
             t.sum_6, t.sum_12, t.required_6, t.required_12, t.required_sek, t.excused_6, t.gross_sek, t.next_gross_sek, t.from_6, t.from_12
),
worse AS (   -- worse terms that the employer has reported, under the card or under those that it renews, unless its decision could weigh that
    SELECT p.permit_id, min(n.event_on) AS worse_terms_on, records_of(n.record) AS records
    FROM whole_permits p
    LEFT JOIN rights r ON r.permit_id = p.permit_id
    JOIN notices n ON n.person_id = p.person_id AND n.kind = 'terms_worse'
         AND (n.event_on >= p.valid_from OR (n.event_on >= r.right_from AND greatest(n.event_on, CAST(n.first_known_time AS DATE)) > r.decided_on))
    GROUP BY p.permit_id
)
SELECT s.person_id, c.carrier_id AS permit_id, s.episode AS alert_key, s.month AS anchor_at, greatest(s.evaluated_at, c.from_at) AS alert_at,
       s.complete_at AS due_at, s.good_again_at AS cleared_at,
       CASE WHEN w.permit_id IS NOT NULL AND NOT (s.next_gross_sek * 100 >= s.gross_sek * $shift_pct
                                             AND (s.gross_sek + s.next_gross_sek) * 100 >= 2 * s.required_sek * $tolerance_pct) THEN 'medium' ELSE 'weak' END AS severity,
       s.month AS last_month, CAST(s.sum_6 AS BIGINT) AS sum_6_sek, CAST(s.sum_12 AS BIGINT) AS sum_12_sek, CAST(s.required_6 AS BIGINT) AS required_6_sek,
       CASE WHEN s.sum_12 IS NOT NULL THEN CAST(s.required_12 AS BIGINT) END AS required_12_sek, s.required_sek AS threshold_sek,
       CAST(s.excused_6 AS BIGINT) AS months_excused, s.next_gross_sek AS next_month_sek, w.worse_terms_on,
       records(s.permit_record, c.record, s.month_records, w.records) AS records
FROM step s
JOIN carriers c ON c.permit_id = s.permit_id AND (c.settled_on IS NULL OR CAST(s.short_at AS DATE) > c.settled_on)
LEFT JOIN worse w ON w.permit_id = s.permit_id AND w.worse_terms_on < add_months(s.month, 1)
