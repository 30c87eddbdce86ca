/*
id = "allowance-with-income"
number = "R27"
title.sv = "Dagersättning vid sidan av inkomst, eller efter att rätten upphört"
title.en = "Daily allowance beside income, or after the right to it ended"
finding.sv = "Dagersättning har betalats för tid från {first_period_from} ({what}, räknat från {since_on}): {allowance_sek}, antal perioder {periods}. [income_sek: Lön under samma månader: {income_sek}. ]Omständighet att utreda."
finding.en = "Daily allowance was paid for time from {first_period_from} ({what}, counted from {since_on}): {allowance_sek}, number of periods {periods}. [income_sek: Salary in the same months: {income_sek}. ]A circumstance to look into."
permit_classes = ["ASYLUM_APPLICANT", "WORK_EMP", "BLUE_CARD", "ICT", "SEASONAL", "SELF_EMP", "JOBSEEK_HQ", "RESEARCH", "STUDY_HE", "STUDY_OTHER", "TRAINEE", "VOLUNTEER", "AUPAIR", "POST_STUDY", "FAMILY_SPOUSE", "FAMILY_CHILD", "FAMILY_OTHER", "DEPENDANT", "PROT_REFUGEE", "PROT_SUBSIDIARY", "PROT_TEMPORARY", "HUMANITARIAN", "PERMANENT", "LTR_EU"]
legal_basis = ["LMA 8 § 3-4 st.", "LMA 11 §", "LMA 17 §", "förordning 2001:588 8 b §"]
legal_gate = "verify"
severity = "medium"
owner = "payment-control"
readings = [
    "Months with income and allowance are counted per person, over cases.",
    "A payment that is known is known: weak at once, and the ordinary severity when the months' declarations are complete.",
]
purpose = "payment_control"
survives = ["permit_ended", "deceased"]

[[counter_evidence]]
sv = "Inkomsten är redovisad och avdragen (månaden räknas inte)"
en = "The income was reported and deducted (the month does not count)"
[[counter_evidence]]
sv = "Lön för arbete före ersättningen: den första månaden med ersättning räknas inte"
en = "Pay for work before the allowance: the first month of allowance does not count"
[[counter_evidence]]
sv = "Arbetsgivaren kan rätta uppgiften om lön tills månadernas deklarationer är kompletta (högst svag till dess)"
en = "The employer may correct the declaration of salary until the months' declarations are complete (weak at most until then)"
[[counter_evidence]]
sv = "Återbetalat belopp (dras av)"
en = "Amount paid back (deducted)"
[[counter_evidence]]
sv = "Betald i förskott, före beslutet, flytten eller dödsfallet (räknas inte)"
en = "Paid in advance, before the grant, the move or the death (does not count)"
[[counter_evidence]]
sv = "Ny asylansökan, eller tillstånd som söktes efter flytten (tiden därefter räknas inte)"
en = "A new asylum application, or a permit that was applied for after the move (the time after it does not count)"
[[counter_evidence]]
sv = "Avregistreringen rättad, eller återflytt (tar bort indikationen respektive tiden därefter)"
en = "Deregistration corrected, or a move back (removes the indication or the time after it)"
[[counter_evidence]]
sv = "Fel person i arbetsgivarens uppgift"
en = "Wrong person in the employer's statement"
checked = false
[[counter_evidence]]
sv = "Ingen kommun anvisad ännu, så att rätten till bistånd består efter beslutet"
en = "No municipality assigned yet, so that the right to assistance lasts beyond the decision"
checked = false

[params.income_sek]
default = 1000
doc.sv = "lön om minst så mycket under en månad räknas som inkomst"
doc.en = "salary of at least so much in a month counts as income"
source.sv = "eget antagande"
source.en = "own default"
[params.months]
default = 2
doc.sv = "så många månader med både inkomst och dagersättning, över alla personens ärenden, ger en indikation"
doc.en = "so many months with both income and allowance, over all of a person's cases, make an indication"
source.sv = "eget antagande"
source.en = "own default"
[params.grant_days]
default = 31
doc.sv = "dagar efter beslutet inom vilka en påbörjad period inte räknas"
doc.en = "days after the grant within which a started period does not count"
source.sv = "LMA 8 § 3 st.: en månad"
source.en = "LMA 8 § 3 st.: a month"
*/
WITH spell AS (   -- a permit or an applicant's case, until it ends or the next one begins
    SELECT person_id, permit_id, permit_class, record, first_known_time, valid_from, coalesce(application_on, valid_from) AS applied_on,
           coalesce(decided_on, valid_from) AS decided_on, least(held_until, last_until) AS held_until, last_until, is_case
    FROM last_held
),
death AS (
    SELECT person_id, known_at FROM deregistrations WHERE dereg_code = 'AV'
),
allowance AS (
    SELECT person_id, record, month, coalesce(period_from, month) AS period_from, paid_on, amount_sek,
           coalesce(reported_income, false) AS reported, first_known_time
    FROM payments
    WHERE kind = 'allowance'
),
allowance_month AS (   -- a month with allowance, and the one before it
    SELECT person_id, month, allowance_sek, reported, known_at, allowance_record, lag(month) OVER (PARTITION BY person_id ORDER BY month) AS previous_month
    FROM (
        SELECT person_id, month, sum(amount_sek) AS allowance_sek, bool_or(reported) AS reported, min(first_known_time) AS known_at,
               records_of(record) AS allowance_record
        FROM allowance
        GROUP BY person_id, month
        HAVING sum(amount_sek) > 0
    ) m
),
last_case AS (   -- the last permit or case in a month of allowance; that it ended ends neither the allowance nor the condition, the next permit does
    SELECT person_id, permit_id, permit_class, record, first_known_time, valid_from, month, allowance_sek, known_at, allowance_record
    FROM (SELECT a.person_id, p.permit_id, p.permit_class, p.record, p.first_known_time, p.valid_from, a.month, a.allowance_sek, a.known_at, a.allowance_record,
                 row_number() OVER (PARTITION BY a.person_id, a.month ORDER BY p.valid_from DESC, p.permit_id DESC, p.is_case) AS place
          FROM allowance_month a
          JOIN spell p ON p.person_id = a.person_id AND (p.last_until IS NULL OR p.last_until >= a.month)
               AND p.valid_from < CASE WHEN p.permit_class IN ('ASYLUM_APPLICANT', 'PROT_TEMPORARY') THEN add_months(a.month, 1) ELSE a.month + 1 END
          WHERE NOT a.reported AND add_months(a.previous_month, 1) = a.month) x
    WHERE place = 1
),
overlap AS (   -- such months with income, under a case or temporary protection
    SELECT c.person_id, c.permit_id, c.permit_class, c.record, c.valid_from, c.month, c.allowance_sek, s.gross_sek, c.allowance_record, s.first_record AS salary_record,
           greatest(c.known_at, s.known_at, c.first_known_time, CAST(c.month AS TIMESTAMP)) AS known_at
    FROM last_case c
    JOIN salary_months s ON s.person_id = c.person_id AND s.month = c.month AND s.gross_sek >= $income_sek
         AND c.permit_class IN ('ASYLUM_APPLICANT', 'PROT_TEMPORARY')
),
told AS (   -- what is paid is paid: weak; the employer may correct it until the month is complete
    SELECT tier.severity, o.person_id, o.permit_id, o.permit_class, o.record, o.valid_from, o.month, o.allowance_sek, o.gross_sek, o.allowance_record, o.salary_record,
           CASE tier.severity WHEN 'weak' THEN o.known_at ELSE greatest(agi_complete(o.month), o.known_at) END AS known_at
    FROM (VALUES ('weak'), ('medium')) AS tier(severity)
    CROSS JOIN overlap o
),
numbered AS (   -- a person's months, over cases, in their order: known once all months up to it are, in whatever order they came
    SELECT severity, person_id, permit_id, record, valid_from, month, allowance_record, salary_record,
           max(known_at) OVER (PARTITION BY person_id, severity ORDER BY month ROWS UNBOUNDED PRECEDING) AS known_at,
           row_number() OVER (PARTITION BY person_id, severity ORDER BY month) AS place,
           count(*) OVER (PARTITION BY person_id, severity) AS periods, min(month) OVER (PARTITION BY person_id, severity) AS first_period_from, min(valid_from) OVER (PARTITION BY person_id, severity) AS first_valid_from,
           sum(allowance_sek) OVER (PARTITION BY person_id, severity) AS allowance_sek, sum(gross_sek) OVER (PARTITION BY person_id, severity) AS income_sek
    FROM told
),
enough AS (   -- of each case the first month with which there are enough
    SELECT severity, person_id, permit_id, record, valid_from, month, allowance_record, salary_record, known_at, periods, first_period_from, first_valid_from,
           allowance_sek, income_sek, row_number() OVER (PARTITION BY person_id, permit_id, severity ORDER BY place) AS case_place
    FROM numbered
    WHERE place >= $months
),
named AS (   -- the records of all months that are counted and summed
    SELECT t.person_id, t.severity, records_of(t.record) AS permit_records, records_of(t.allowance_record) AS allowance_records,
           records_of(CASE WHEN f.month = t.month THEN f.record END) AS salary_records
    FROM told t
    LEFT JOIN payments f ON f.person_id = t.person_id AND f.kind = 'salary' AND t.permit_class IN ('ASYLUM_APPLICANT', 'PROT_TEMPORARY')
    GROUP BY t.person_id, t.severity
),
charged AS (   -- each payment, and the last permit or case on the first day of its period
    SELECT person_id, record, period_from, paid_on, amount_sek, first_known_time, permit_id
    FROM (SELECT a.person_id, a.record, a.period_from, a.paid_on, a.amount_sek, a.first_known_time, p.permit_id,
                 row_number() OVER (PARTITION BY a.person_id, a.record ORDER BY p.valid_from DESC, p.permit_id DESC, p.is_case) AS place
          FROM allowance a
          JOIN spell p ON p.person_id = a.person_id AND p.valid_from <= a.period_from AND (p.last_until IS NULL OR p.last_until >= a.period_from)) x
    WHERE place = 1
),
ended AS (   -- the right to allowance ended: the last day on which a period may begin, and the first on which it may again
    SELECT person_id, permit_id, record, 'after-grant' AS what, 'after-grant' AS alert_key, decided_on AS since_on,
           decided_on + $grant_days AS right_until, held_until + 1 AS again_from,
           CAST(NULL AS VARCHAR) AS post_record, CAST(NULL AS TIMESTAMP) AS known_at, first_known_time, 'medium' AS severity
    FROM spell
    WHERE permit_class NOT IN ('ASYLUM_APPLICANT', 'PROT_TEMPORARY')
    UNION ALL
    SELECT p.person_id, p.permit_id, p.record, CASE g.dereg_code WHEN 'AV' THEN 'after-death' ELSE 'after-move' END AS what,
           concat(CASE g.dereg_code WHEN 'AV' THEN 'after-death:' ELSE 'after-move:' END, CAST(g.dereg_on AS VARCHAR)) AS alert_key, g.dereg_on AS since_on,
           g.dereg_on AS right_until, g.returned_on AS again_from, g.record AS post_record, g.known_at, p.first_known_time,
           'strong' AS severity
    FROM spell p
    JOIN deregistrations g ON g.person_id = p.person_id
         AND (g.dereg_code = 'AV' OR (g.dereg_code = 'UV' AND g.dereg_on >= p.applied_on))   -- whoever applied after a move had come back
)
SELECT o.person_id, o.permit_id, 'income' AS alert_key, o.month AS anchor_at, o.known_at AS alert_at,
       d.known_at AS cleared_at, 'deceased' AS cleared_reason, o.severity, 'income' AS what, o.first_valid_from AS since_on,
       o.first_period_from, o.periods, CAST(o.allowance_sek AS BIGINT) AS allowance_sek, CAST(o.income_sek AS BIGINT) AS income_sek,
       records(o.record, n.permit_records, n.allowance_records, n.salary_records) AS records
FROM enough o
JOIN named n ON n.person_id = o.person_id AND n.severity = o.severity
LEFT JOIN death d ON d.person_id = o.person_id
WHERE o.case_place = 1
UNION ALL
SELECT e.person_id, e.permit_id, e.alert_key, min(a.period_from) AS anchor_at,
       greatest(min(greatest(a.first_known_time, CAST(a.period_from AS TIMESTAMP))), e.known_at, e.first_known_time, CAST(e.right_until + 1 AS TIMESTAMP)) AS alert_at,
       CASE WHEN e.what <> 'after-death' THEN d.known_at END AS cleared_at, 'deceased' AS cleared_reason, e.severity, e.what, e.since_on,
       min(a.period_from) AS first_period_from, count(*) AS periods, CAST(sum(a.amount_sek) AS BIGINT) AS allowance_sek,
       CAST(NULL AS BIGINT) AS income_sek,
       records(e.record, e.post_record, records_of(a.record)) AS records
FROM ended e
JOIN charged a ON a.person_id = e.person_id AND a.permit_id = e.permit_id AND a.period_from > e.right_until AND (e.again_from IS NULL OR a.period_from < e.again_from)
     AND (a.paid_on IS NULL OR a.paid_on > e.since_on)
LEFT JOIN death d ON d.person_id = e.person_id
GROUP BY e.person_id, e.permit_id, e.record, e.post_record, e.what, e.alert_key, e.since_on, e.right_until, e.known_at, e.first_known_time, e.severity, d.known_at
HAVING sum(a.amount_sek) > 0
