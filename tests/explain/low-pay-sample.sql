/*
id = "low-pay-sample"
number = "R00"
title.sv = "Lön under kravet (exempel)"
title.en = "Salary below the requirement (sample)"
finding.sv = "Lönen var sammanlagt {sum_sek} under {months} månader till och med {last_month}, från {payer_id}; försörjningskravet är {floor_sek} i månaden. Omständighet att utreda."
finding.en = "Salary came to {sum_sek} over {months} months up to {last_month}, from {payer_id}; the livelihood requirement is {floor_sek} a month. A circumstance to look into."
permit_classes = ["WORK_EMP"]
legal_basis = ["UtlL 7 kap. 7 e § 1 st. 1 p.", "UF 5 kap. 8 a §", "lag 2008:206"]
legal_gate = "verify"
severity = "weak"
owner = "tests"

[[counter_evidence]]
sv = "Ursäktade månader räknas inte (högst svag)"
en = "Excused months do not count (weak at most)"
column = "months_excused"
[[counter_evidence]]
sv = "Lön från en annan arbetsgivare"
en = "Salary from another employer"
[[counter_evidence]]
sv = "Förmåner som deklareras för sig"
en = "Benefits in kind that are declared separately"
checked = false

[params.share_pct]
default = 95
doc.sv = "lönen ska ligga under denna andel av kravet"
doc.en = "the salary must be below this share of the requirement"
source.sv = "eget antagande"
source.en = "own default"
[params.medium_months]
default = 2
doc.sv = "från så många månader är uppgiften medel"
doc.en = "from so many months on the indication is medium"
source.sv = "eget antagande"
source.en = "own default"
*/
SELECT p.person_id, p.permit_id, min(s.month) AS alert_key, max(s.month) AS anchor_at, max(s.first_known_time) AS alert_at,
       CASE WHEN count(*) >= $medium_months THEN 'medium' ELSE 'weak' END AS severity,
       max(s.month) AS last_month, count(*) AS months, CAST(sum(s.amount_sek) AS BIGINT) AS sum_sek, max(f.value) AS floor_sek,
       max(s.payer_id) AS payer_id, count(e.month) AS months_excused, max(n.allegation) AS tip_allegation,
       'kr < krav & "mer"' AS remark,
       records(p.record, records_of(s.record), max(n.record)) AS records
FROM permits p
JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary'
JOIN parameters f ON f.name = 'livelihood_floor_sek' AND p.application_on >= f.valid_from AND p.application_on < f.valid_to
LEFT JOIN excused_months e ON e.person_id = s.person_id AND e.month = s.month
LEFT JOIN notices n ON n.person_id = p.person_id AND n.kind = 'tip'
WHERE s.amount_sek * 100 < f.value * $share_pct
GROUP BY p.person_id, p.permit_id, p.record
