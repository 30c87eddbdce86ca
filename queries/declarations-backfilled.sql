/*
id = "declarations-backfilled"
number = "R29"
title.sv = "Sena arbetsgivaruppgifter inför en ansökan om förlängning"
title.en = "Salary declarations made late, close to an application for extension"
finding.sv = "För {months_touched} månader under tillståndet har lön deklarerats mer än {late_days} dagar för sent, eller rättats upp till kravet ({required_sek}), inom {window_days} dagar från ansökan {filed_on}. Omständighet att utreda; arbetsgivaren kan ha haft skäl som inte syns här."
finding.en = "For {months_touched} months under the permit, salary was declared more than {late_days} days late, or corrected up to the requirement ({required_sek}), within {window_days} days of the application of {filed_on}. A circumstance to look into; the employer may have had reasons that do not show here."
permit_classes = ["WORK_EMP", "BLUE_CARD"]
legal_basis = ["UtlL 6 kap. 4 a § 2 st. 4 p.", "UtlL 7 kap. 1 §"]
legal_gate = "request"
severity = "weak"
owner = "national-control"
readings = [
    "An application for extension is one for a work permit or an EU Blue Card, whichever of them is held: one to study or to stay with family asks about other terms.",
]
uses = ["employment-ended", "salary-below-floor"]

[[counter_evidence]]
sv = "Arbetsgivaren saknade deklarationer för mer än hälften av de anställda den månaden (räknas inte)"
en = "The employer's declarations were missing for more than half of the staff that month (does not count)"
[[counter_evidence]]
sv = "Ursäktade månader (räknas inte)"
en = "Excused months (do not count)"
[[counter_evidence]]
sv = "Uppgifter som var kända när förlängningen beslutades (prövade i det beslutet)"
en = "Declarations that were known when the extension was decided (weighed in that decision)"
[[counter_evidence]]
sv = "Tidigare indikation på upphörd anställning eller låg lön (utan en sådan högst svag)"
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
doc.sv = "så många månader som deklarerats sent eller rättats upp till kravet"
doc.en = "so many months declared late or lifted to the requirement"
source.sv = "eget antagande"
source.en = "own default"
[params.late_days]
default = 45
doc.sv = "en månad är sen om den deklareras första gången mer än så många dagar efter den 12 i månaden efter, i januari och augusti den 17"
doc.en = "a month is late when it is first declared more than so many days after the 12th of the month after, or the 17th in January and August"
source.sv = "eget antagande"
source.en = "own default"
[params.window_days]
default = 90
doc.sv = "dagar före och efter ansökan inom vilka deklarationerna gjordes"
doc.en = "days before and after the application within which the declarations were made"
source.sv = "eget antagande"
source.en = "own default"
[params.staff_pct]
default = 50
doc.sv = "deklarationer för mindre än denna andel av personalen visar att arbetsgivaren som helhet var sen"
doc.en = "declarations for less than this share of the staff show that the employer as a whole was late"
source.sv = "eget antagande"
source.en = "own default"
*/
WITH statement AS (   -- each version of a salary statement, with the amount that it replaced
    SELECT person_id, record, payer_id, month, CAST(registered_at AS DATE) AS declared_on, known_from, amount_sek,
           add_months(month, 1) + CASE WHEN date_part('month', month) IN (7, 12) THEN 16 ELSE 11 END AS due_on,
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
asked AS (   -- days on which a permit to work was applied for, also if only the permit that came tells of it
    SELECT person_id, filed_on, min(known_at) AS known_at, records_of(record) AS records
    FROM (
        SELECT person_id, permit_class, filed_on, first_known_time AS known_at, record
        FROM applications
        UNION ALL
        SELECT person_id, permit_class, application_on AS filed_on, first_known_time AS known_at, record
        FROM rights
        WHERE NOT is_first
    ) a
    WHERE permit_class IN ('WORK_EMP', 'BLUE_CARD')
    GROUP BY person_id, filed_on
),
extension AS (   -- those under a permit or while one filed under it was pending, with the salary that it asks for; of one from before it no month is looked at
    SELECT p.person_id, p.permit_id, records(p.record, a.records) AS records, a.known_at AS application_known_at,
           a.filed_on, month_of(p.right_from) AS first_month, r.required_sek
    FROM rights p
    JOIN asked a ON a.person_id = p.person_id AND a.filed_on >= p.valid_from AND (p.carries_until IS NULL OR a.filed_on <= p.carries_until)
    LEFT JOIN salary_requirements r ON r.permit_id = p.permit_id AND r.requirement <> 'offered'
    WHERE p.permit_class IN ('WORK_EMP', 'BLUE_CARD')
),
touched AS (   -- months of the unbroken right declared late or lifted to the requirement, close to the application
    SELECT x.person_id, x.permit_id, x.records, x.application_known_at, x.filed_on, x.required_sek,
           s.month, min(s.known_from) AS declared_at, records_of(s.record) AS pay_record
    FROM extension x
    JOIN statement s ON s.person_id = x.person_id AND s.month >= x.first_month
         AND s.declared_on >= x.filed_on - $window_days AND s.declared_on <= x.filed_on + $window_days
    LEFT JOIN late_employer e ON e.employer_id = s.payer_id AND e.month = s.month
    WHERE e.employer_id IS NULL
      AND NOT EXISTS (SELECT 1 FROM excused_months m WHERE m.person_id = s.person_id AND m.month = s.month)
      AND ((s.replaced_sek IS NULL AND s.amount_sek > 0 AND s.declared_on > s.due_on + $late_days)
           OR (s.replaced_sek < x.required_sek AND s.amount_sek >= x.required_sek))
    GROUP BY x.person_id, x.permit_id, x.records, x.application_known_at, x.filed_on, x.required_sek, s.month
),
numbered AS (
    SELECT person_id, permit_id, records, filed_on, required_sek, pay_record, declared_at,
           greatest(declared_at, application_known_at) AS known_at,
           row_number() OVER (PARTITION BY permit_id, filed_on ORDER BY declared_at, month, required_sek) AS month_no,
           count(*) OVER (PARTITION BY permit_id, filed_on) AS months_touched
    FROM touched
),
told AS (   -- from so many months on, of the permit and of later ones, where its decision could not weigh them: the first for each
    SELECT n.person_id, n.permit_id, c.carrier_id, records(n.records, c.record) AS records, n.filed_on, n.required_sek, n.declared_at,
           greatest(n.known_at, c.from_at) AS alert_at, n.months_touched,
           row_number() OVER (PARTITION BY c.carrier_id, n.filed_on ORDER BY n.month_no, n.permit_id, c.is_own) AS place
    FROM numbered n
    JOIN carriers c ON c.permit_id = n.permit_id AND (c.settled_on IS NULL OR CAST(n.declared_at AS DATE) > c.settled_on)
    WHERE n.month_no >= $months
),
named AS (   -- the statements of all months that are counted
    SELECT n.carrier_id, n.filed_on, records_of(m.pay_record) AS records
    FROM told n
    JOIN numbered m ON m.permit_id = n.permit_id AND m.filed_on = n.filed_on
    WHERE n.place = 1
    GROUP BY n.carrier_id, n.filed_on
)
SELECT n.person_id, n.carrier_id AS permit_id, n.filed_on AS alert_key, n.filed_on AS anchor_at, n.alert_at, CAST(NULL AS TIMESTAMP) AS due_at,
       CASE WHEN count(i.alert_key) > 0 THEN 'medium' ELSE 'weak' END AS severity,
       n.filed_on, CAST(n.months_touched AS BIGINT) AS months_touched, n.required_sek, $late_days AS late_days, $window_days AS window_days,
       count(i.alert_key) AS earlier_indications, records(n.records, a.records) AS records
FROM told n
JOIN named a ON a.carrier_id = n.carrier_id AND a.filed_on = n.filed_on
LEFT JOIN indications i ON i.permit_id = n.permit_id AND i.alert_at <= n.declared_at
WHERE n.place = 1
GROUP BY n.person_id, n.carrier_id, n.alert_at, n.records, n.filed_on, n.required_sek, n.declared_at,
         n.months_touched, a.records
