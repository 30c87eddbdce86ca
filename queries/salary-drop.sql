/*
id = "salary-drop"
number = "S1"
title.sv = "Lönen avviker från den egna tidigare lönen"
title.en = "The salary departs from the person's own earlier salary"
finding.sv = "Den deklarerade lönen för {last_month} var {gross_sek of median_sek}; medianen av de {earlier_months} hela månaderna före är {median_sek} och den vanliga avvikelsen från den {mad_sek}. Statistisk avvikelse, endast noterad."
finding.en = "Declared salary for {last_month} was {gross_sek of median_sek}; the median of the {earlier_months} full months before is {median_sek} and the usual deviation from it {mad_sek}. A statistical deviation, noted only."
permit_classes = ["WORK_EMP", "BLUE_CARD"]
legal_basis = ["UtlL 6 kap. 2 §", "UtlL 6 a kap. 1 §", "FL 23 §"]
legal_gate = "request"
severity = "info"
owner = "national-control"

[[counter_evidence]]
sv = "En ursäktad månad räknas som vanlig"
en = "An excused month counts as usual"
[[counter_evidence]]
sv = "Lönen har alltid varierat så mycket (mäts med medianen av avvikelserna)"
en = "The salary has always varied as much (measured by the median of the deviations)"
column = "mad_sek"
[[counter_evidence]]
sv = "Del av månad och ofullständiga arbetsgivardeklarationer räknas inte"
en = "Part months and incomplete employer declarations do not count"
[[counter_evidence]]
sv = "Utbetalning som flyttats till månaden efter (räknas inte)"
en = "Payment moved to the next month (does not count)"
column = "next_month_sek"
[[counter_evidence]]
sv = "Enstaka tillägg i de tidigare månaderna (medianen påverkas inte)"
en = "Single supplements in the earlier months (the median is not affected)"
[[counter_evidence]]
sv = "Avtalad ändring av arbetstid eller ledighet som ingen källa visar"
en = "An agreed change of hours, or leave that no source shows"
checked = false

[params.history_months]
default = 12
doc.sv = "kalendermånader bakåt inom vilka hela månader jämförs"
doc.en = "calendar months before within which full months are compared"
source.sv = "eget antagande"
source.en = "own default"
[params.least_months]
default = 6
doc.sv = "minsta antal tidigare hela månader"
doc.en = "least number of earlier full months"
source.sv = "eget antagande"
source.en = "own default"
[params.drop_pct]
default = 75
doc.sv = "lönen ska ligga under denna andel av medianen"
doc.en = "the salary must be below this share of the median"
source.sv = "eget antagande"
source.en = "own default"
[params.z_tenths]
default = 35
doc.sv = "det modifierade z-värdet, 0,6745 gånger avvikelsen delad med medianavvikelsen, ska överstiga detta"
doc.en = "the modified z-score, 0.6745 times the deviation by the median absolute deviation, must exceed this"
source.sv = "Iglewicz och Hoaglin 1993: 3,5"
source.en = "Iglewicz and Hoaglin 1993: 3.5"
[params.shift_pct]
default = 180
doc.sv = "lönen månaden efter visar en flyttad utbetalning om den är minst denna andel av månadens"
doc.en = "a next month of at least this share of the month shows a moved payment"
source.sv = "eget antagande, som för försörjningskravet"
source.en = "own default, as for the livelihood requirement"
*/
WITH fallen AS (   -- holders with a full month far below another: a median lies no higher than the best month
    SELECT person_id
    FROM full_salary_months
    WHERE in_own_right AND gross_sek > 0
    GROUP BY person_id
    HAVING min(gross_sek) * 100 < max(gross_sek) * $drop_pct
),
full_month AS (   -- leave may begin or end in a month beside it, which says nothing then
    SELECT m.person_id, coalesce(h.chain_id, m.permit_id) AS chain_id, m.permit_id, m.permit_record, m.month, m.in_gap, m.gross_sek, m.next_gross_sek, m.excused,
           m.complete_at, m.evaluated_at, m.stands_since
    FROM full_salary_months m
    JOIN fallen f ON f.person_id = m.person_id
    LEFT JOIN permit_chains h ON h.permit_id = m.permit_id
    WHERE m.permit_class IN ('WORK_EMP', 'BLUE_CARD') AND ((m.in_own_right AND m.gross_sek > 0) OR m.excused = 1)
),
risen AS (   -- months for which less was declared when a permit was decided, and until when
    SELECT e.person_id, e.month, max(e.until_at) AS until_at
    FROM earlier_pay e
    JOIN salary_months m ON m.person_id = e.person_id AND m.month = e.month AND m.gross_sek > e.gross_sek
    JOIN whole_permits d ON d.person_id = e.person_id AND CAST(e.from_at AS DATE) <= d.decided_on AND d.decided_on < CAST(e.until_at AS DATE)
    WHERE e.whole AND NOT e.excused
    GROUP BY e.person_id, e.month
),
earlier AS (   -- of each full month the months of the year before it
    SELECT m.person_id, m.permit_id, m.month, max(e.evaluated_at) AS evaluated_at, max(greatest(e.evaluated_at, r.until_at)) AS stands_since, count(*) AS earlier_months,
           median_low(e.gross_sek) AS median_sek, mad_low(e.gross_sek) AS mad_sek
    FROM full_month m
    JOIN full_salary_months e ON e.person_id = m.person_id AND e.in_own_right AND e.gross_sek > 0 AND e.month < m.month AND e.month >= add_months(m.month, -$history_months)
    LEFT JOIN risen r ON r.person_id = e.person_id AND r.month = e.month
    GROUP BY m.person_id, m.permit_id, m.month
),
compared AS (
    SELECT m.* EXCLUDE (evaluated_at, stands_since), greatest(m.evaluated_at, e.evaluated_at) AS evaluated_at, greatest(m.stands_since, e.stands_since) AS stands_since, e.earlier_months, e.median_sek, e.mad_sek
    FROM full_month m
    JOIN earlier e ON e.permit_id = m.permit_id AND e.month = m.month
),
judged AS (
    SELECT compared.*,
           earlier_months >= $least_months AND excused = 0 AND next_gross_sek * 100 < gross_sek * $shift_pct
               AND gross_sek * 100 < median_sek * $drop_pct AND (median_sek - gross_sek) * 6745 > mad_sek * $z_tenths * 1000 AS low
    FROM compared
),
run AS (   -- low months in a row are one episode, until the next usual one
    SELECT judged.*,
           max(CASE WHEN NOT low THEN month END) OVER (PARTITION BY person_id, chain_id ORDER BY month, permit_id, in_gap ROWS UNBOUNDED PRECEDING) AS last_usual_month,
           min(CASE WHEN NOT low THEN evaluated_at END)
               OVER (PARTITION BY person_id, chain_id ORDER BY month, permit_id, in_gap ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS usual_again_at
    FROM judged
),
told AS (
    SELECT run.*, min(month) OVER (PARTITION BY person_id, chain_id, last_usual_month ORDER BY month, permit_id, in_gap ROWS UNBOUNDED PRECEDING) AS episode
    FROM run
    WHERE low
),
step AS (   -- with all that was declared for the month and the earlier ones, under whatever permit
    SELECT t.person_id, t.permit_id, t.permit_record, t.episode, t.month, t.evaluated_at, t.stands_since, t.complete_at, t.usual_again_at, t.gross_sek, t.next_gross_sek,
           t.earlier_months, t.median_sek, t.mad_sek,
           records_of(CASE WHEN f.kind <> 'permit' AND f.from_month <= t.month AND f.to_month >= add_months(t.month, -$history_months) THEN f.record END) AS month_records
    FROM told t
    JOIN pay_records f ON f.person_id = t.person_id
    GROUP BY t.person_id, t.permit_id, t.permit_record, t.episode, t.month, t.evaluated_at, t.stands_since, t.complete_at, t.usual_again_at, t.gross_sek, t.next_gross_sek,
             t.earlier_months, t.median_sek, t.mad_sek
)
SELECT s.person_id, c.carrier_id AS permit_id, s.episode AS alert_key, s.month AS anchor_at, greatest(s.evaluated_at, c.from_at) AS alert_at,
       s.complete_at AS due_at, s.usual_again_at AS cleared_at, 'usual_again' AS cleared_reason, 'info' AS severity,
       s.month AS last_month, s.gross_sek, s.next_gross_sek AS next_month_sek, s.earlier_months, s.median_sek, s.mad_sek,
       records(s.permit_record, c.record, s.month_records) AS records
FROM step s
JOIN carriers c ON c.permit_id = s.permit_id AND (c.settled_on IS NULL OR CAST(s.stands_since AS DATE) > c.settled_on)
