/*
id = "declarations-backfilled"
number = "R29"
title.sv = "Sena arbetsgivaruppgifter inför en ansökan om förlängning"
title.en = "Salary declarations made late, close to an application for extension"
finding.sv = "För {months_touched} månader under tillståndet har lön deklarerats mer än {late_days} dagar för sent, eller rättats upp till kravet ({required_sek} kr), inom {window_days} dagar från ansökan {filed_on}. Omständighet att utreda; arbetsgivaren kan ha haft skäl som inte syns här."
finding.en = "For {months_touched} months under the permit, salary was declared more than {late_days} days late, or corrected up to the requirement ({required_sek} SEK), within {window_days} days of the application of {filed_on}. A circumstance to look into; the employer may have had reasons that do not show here."
permit_classes = ["WORK_EMP", "BLUE_CARD"]
legal_basis = ["UtlL 6 kap. 4 a § 2 st. 4 p.", "UtlL 7 kap. 1 §"]
legal_gate = "request"
severity = "weak"
owner = "national-control"
uses = ["employment-ended", "salary-below-floor"]
survives = ["permit_ended"]

[[counter_evidence]]
sv = "Arbetsgivaren saknade deklarationer för mer än hälften av de anställda den månaden (räknas inte)"
en = "The employer's declarations were missing for more than half of the staff that month (does not count)"
[[counter_evidence]]
sv = "Ursäktade månader (räknas inte)"
en = "Excused months (do not count)"
[[counter_evidence]]
sv = "Tidigare uppgift om upphörd anställning eller låg lön (utan en sådan högst svag)"
en = "An earlier indication of ended employment or low salary (weak at most without one)"
column = "earlier_indications"
[[counter_evidence]]
sv = "Byte av lönesystem hos arbetsgivaren"
en = "The employer changed its payroll system"
checked = false
[[counter_evidence]]
sv = "Rättelse efter beslut av Skatteverket"
en = "Correction after a decision of the tax authority"
checked = false
[[counter_evidence]]
sv = "Arbetsgivaren rättade samtidigt för många anställda"
en = "The employer made corrections for many employees at once"
checked = false

[params.months]
default = 3
doc = "so many months declared late or lifted to the requirement"
source = "own default"
[params.late_days]
default = 45
doc = "a month is late when it is first declared more than so many days after the 12th of the month after"
source = "own default"
[params.window_days]
default = 90
doc = "days before and after the application within which the declarations were made"
source = "own default"
[params.staff_pct]
default = 50
doc = "declarations for less than this share of the staff show that the employer as a whole was late, per cent"
source = "own default"
*/
WITH statement AS (   -- each version of a salary statement, with the amount that it replaced
    SELECT person_id, record, payer_id, month, CAST(registered_at AS DATE) AS declared_on, known_from, amount_sek,
           lag(amount_sek) OVER (PARTITION BY person_id, record_key ORDER BY version) AS replaced_sek
    FROM payments_history
    WHERE kind = 'salary'
),
late_employer AS (   -- months for which an employer as a whole was late
    SELECT employer_id, month
    FROM employer_months_history
    WHERE reported_pct < $staff_pct
    GROUP BY employer_id, month
),
extension AS (   -- applications filed before a permit's end, with the salary that it asks for; of one from before it no month is looked at
    SELECT p.person_id, p.permit_id, p.record AS permit_record, a.record AS application_record, a.first_known_time AS application_known_at,
           a.filed_on, a.decided_on, month_of(p.valid_from) AS first_month, r.required_sek
    FROM permit_spells p
    JOIN applications a ON a.person_id = p.person_id AND (p.held_until IS NULL OR a.filed_on <= p.held_until)
    LEFT JOIN salary_requirements r ON r.permit_id = p.permit_id AND r.requirement <> 'offered'
    WHERE p.permit_class IN ('WORK_EMP', 'BLUE_CARD')
),
touched AS (   -- months declared late or lifted to the requirement, close to the application
    SELECT x.person_id, x.permit_id, x.permit_record, x.application_record, x.application_known_at, x.filed_on, x.decided_on, x.required_sek,
           s.month, min(s.known_from) AS declared_at, min(s.record) AS pay_record
    FROM extension x
    JOIN statement s ON s.person_id = x.person_id AND s.month >= x.first_month AND s.month < x.filed_on
         AND s.declared_on >= x.filed_on - $window_days AND s.declared_on <= x.filed_on + $window_days
    LEFT JOIN late_employer e ON e.employer_id = s.payer_id AND e.month = s.month
    WHERE e.employer_id IS NULL
      AND NOT EXISTS (SELECT 1 FROM excused_months m WHERE m.person_id = s.person_id AND m.month = s.month)
      AND ((s.replaced_sek IS NULL AND s.declared_on > add_months(s.month, 1) + 11 + $late_days)
           OR (s.replaced_sek < x.required_sek AND s.amount_sek >= x.required_sek))
    GROUP BY x.person_id, x.permit_id, x.permit_record, x.application_record, x.application_known_at, x.filed_on, x.decided_on, x.required_sek, s.month
),
numbered AS (
    SELECT person_id, permit_id, permit_record, application_record, application_known_at, filed_on, decided_on, required_sek, declared_at, pay_record,
           row_number() OVER (PARTITION BY permit_id, application_record ORDER BY declared_at, month) AS months_touched
    FROM touched
)
SELECT n.person_id, n.permit_id, n.filed_on AS alert_key, n.filed_on AS anchor_at, greatest(n.declared_at, n.application_known_at) AS alert_at,
       CAST(NULL AS TIMESTAMP) AS due_at, CAST(n.decided_on AS TIMESTAMP) AS cleared_at, 'decided' AS cleared_reason,
       CASE WHEN count(i.alert_key) > 0 THEN 'medium' ELSE 'weak' END AS severity,
       n.filed_on, CAST(n.months_touched AS BIGINT) AS months_touched, n.required_sek, $late_days AS late_days, $window_days AS window_days,
       count(i.alert_key) AS earlier_indications, records(n.permit_record, n.application_record, n.pay_record) AS records
FROM numbered n
LEFT JOIN indications i ON i.permit_id = n.permit_id AND i.alert_at <= n.declared_at
WHERE n.months_touched = $months
GROUP BY n.person_id, n.permit_id, n.permit_record, n.application_record, n.application_known_at, n.filed_on, n.decided_on, n.required_sek, n.declared_at,
         n.months_touched, n.pay_record
