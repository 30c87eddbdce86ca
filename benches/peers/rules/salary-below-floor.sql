/*
id = "salary-below-floor"
number = "R04"
title.sv = "Lön under försörjningskravet"
title.en = "Salary below the livelihood requirement"
finding.sv = "Förenklad regel för jämförelsen mellan system. Omständighet att utreda."
finding.en = "A reduced rule for the comparison of systems. A circumstance to look into."
permit_classes = ["WORK_EMP"]
legal_basis = ["UtlL 6 kap. 2 § 1 st. 1 p."]
legal_gate = "verify"
severity = "medium"
owner = "national-control"
*/
WITH paid AS (
    SELECT person_id, month, CAST(sum(amount_sek) AS BIGINT) AS gross_sek
    FROM payments
    WHERE kind = 'salary'
    GROUP BY person_id, month
),
sliding AS (
    SELECT person_id, month, lag(month, 2) OVER w AS first_month,
           gross_sek + lag(gross_sek) OVER w + lag(gross_sek, 2) OVER w AS sum_3
    FROM paid
    WHERE gross_sek > 0
    WINDOW w AS (PARTITION BY person_id ORDER BY month)
)
SELECT p.person_id, p.permit_id, min(s.month) AS alert_key, min(s.month) AS anchor_at, agi_complete(min(s.month)) AS alert_at,
       agi_complete(min(s.month)) AS due_at, CAST(least(p.valid_to, p.ended_on) + 1 AS TIMESTAMP) AS cleared_at, min(s.month) AS last_month
FROM permits p
JOIN sliding s ON s.person_id = p.person_id AND s.first_month >= p.valid_from AND s.month <= least(p.valid_to, p.ended_on)
WHERE p.permit_class = 'WORK_EMP' AND s.first_month = add_months(s.month, -2) AND s.sum_3 * 100 < 3 * p.floor_sek * 95
GROUP BY p.person_id, p.permit_id, p.valid_to, p.ended_on
