/*
id = "work-not-started"
number = "R01"
title.sv = "Arbetet inte påbörjat inom fyra månader"
title.en = "Work not started within four months"
finding.sv = "Förenklad regel för jämförelsen mellan system. Omständighet att utreda."
finding.en = "A reduced rule for the comparison of systems. A circumstance to look into."
permit_classes = ["WORK_EMP"]
legal_basis = ["UtlL 7 kap. 7 e § 1 st. 2 p."]
legal_gate = "request"
severity = "medium"
owner = "national-control"
*/
WITH due AS (
    SELECT person_id, permit_id, valid_from, least(valid_to, ended_on) AS until_on, month_of(valid_from) AS first_month,
           add_months(month_of(add_months(valid_from, 4)), 1) AS last_month
    FROM permits
    WHERE permit_class = 'WORK_EMP' AND first_grant
)
SELECT d.person_id, d.permit_id, 'not-started' AS alert_key, d.valid_from AS anchor_at, agi_complete(d.last_month) AS alert_at,
       agi_complete(d.last_month) AS due_at, CAST(d.until_on + 1 AS TIMESTAMP) AS cleared_at, d.valid_from
FROM due d
LEFT JOIN payments s ON s.person_id = d.person_id AND s.kind = 'salary' AND s.month >= d.first_month AND s.month <= d.last_month
WHERE NOT EXISTS (SELECT 1 FROM notices t
                  WHERE t.person_id = d.person_id AND t.kind = 'employment_start'
                    AND t.event_on >= d.valid_from - 31 AND t.event_on < add_months(d.last_month, 1))
GROUP BY d.person_id, d.permit_id, d.valid_from, d.until_on, d.last_month
HAVING coalesce(sum(s.amount_sek), 0) <= 0
