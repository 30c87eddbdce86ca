/*
id = "employer-mismatch"
number = "R07"
title.sv = "Annan arbetsgivare än tillståndet avser"
title.en = "Another employer than the permit allows"
finding.sv = "Förenklad regel för jämförelsen mellan system. Omständighet att utreda."
finding.en = "A reduced rule for the comparison of systems. A circumstance to look into."
permit_classes = ["WORK_EMP", "BLUE_CARD", "SEASONAL", "ICT"]
legal_basis = ["UtlL 6 kap. 2 a § 2 st."]
legal_gate = "verify"
severity = "medium"
owner = "national-control"
*/
WITH paid AS (
    SELECT person_id, month, payer_id, CAST(sum(amount_sek) AS BIGINT) AS gross_sek
    FROM payments
    WHERE kind = 'salary'
    GROUP BY person_id, month, payer_id
),
mismatch AS (
    SELECT p.person_id, p.permit_id, p.valid_to, p.ended_on, s.month
    FROM permits p
    JOIN paid s ON s.person_id = p.person_id AND s.month >= p.valid_from AND s.month <= least(p.valid_to, p.ended_on, p.tied_until)
    LEFT JOIN employers e ON e.employer_id = s.payer_id
    LEFT JOIN permit_employers x ON x.person_id = p.person_id AND x.permit_id = p.permit_id AND x.employer_id = s.payer_id
         AND x.from_on < add_months(s.month, 1) AND (x.to_on IS NULL OR x.to_on >= s.month)
    WHERE p.permit_class IN ('WORK_EMP', 'BLUE_CARD', 'SEASONAL', 'ICT') AND coalesce(p.work_right, 'employer') NOT IN ('any', 'occupation')
      AND s.gross_sek >= 5000 AND coalesce(e.payer_kind, 'normal') = 'normal' AND x.record_key IS NULL
    GROUP BY p.person_id, p.permit_id, p.valid_to, p.ended_on, s.month
),
sliding AS (
    SELECT person_id, permit_id, valid_to, ended_on, month, lag(month) OVER (PARTITION BY permit_id ORDER BY month) AS previous_month
    FROM mismatch
)
SELECT person_id, permit_id, min(month) AS alert_key, min(month) AS anchor_at, agi_complete(min(month)) AS alert_at,
       agi_complete(min(month)) AS due_at, CAST(least(valid_to, ended_on) + 1 AS TIMESTAMP) AS cleared_at, min(month) AS last_month
FROM sliding
WHERE previous_month >= add_months(month, -2)
GROUP BY person_id, permit_id, valid_to, ended_on
