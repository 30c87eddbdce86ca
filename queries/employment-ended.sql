/*
id = "employment-ended"
number = "R02"
title.sv = "Anställningen upphörd och omställningstiden passerad"
title.en = "Employment ended and the time to find another passed"
finding.sv = "Ingen lön är deklarerad för tiden efter {ended_on}, då anställningen av allt att döma upphörde, till och med {silent_until}. Tiden att finna en ny anställning är {grace_months} månader; ingen ansökan har kommit in inom den. Omständighet att utreda."
finding.en = "No salary has been declared for the time after {ended_on}, when the employment appears to have ended, up to {silent_until}. The time to find another employment is {grace_months} months; no application was received within it. A circumstance to look into."
permit_classes = ["WORK_EMP"]
legal_basis = ["UtlL 7 kap. 3 § 1 st. 2 p.", "UtlL 7 kap. 4 §", "UtlL 7 kap. 7 e § 2 st."]
legal_gate = "verify"
severity = "medium"
owner = "national-control"

[[counter_evidence]]
sv = "Lön från någon arbetsgivare för en senare månad (avslutar uppgiften) eller deklarerad sent (tar bort den)"
en = "Salary from any employer for a later month (ends the indication), or declared late (removes it)"
[[counter_evidence]]
sv = "Ansökan inlämnad innan tiden gått ut, eller tidigare och oavgjord när anställningen upphörde, om den inte avslås eller återkallas (tar bort uppgiften); ansökan som tillståndet självt är svaret på räknas inte"
en = "Application filed within the time, or earlier and undecided when the employment ended, unless it is refused or withdrawn (removes the indication); the application that the permit itself answers does not count"
[[counter_evidence]]
sv = "Underrättelse om en ny anställning inom tiden (tar bort uppgiften)"
en = "Notice of a new employment within the time (removes the indication)"
[[counter_evidence]]
sv = "Ursäktade månader, till exempel sjukdom eller föräldraledighet (räknas som anställning; tiden räknas från den sista)"
en = "Excused months, such as sickness or parental leave (count as employment; the time counts from the last one)"
[[counter_evidence]]
sv = "Avgångsvederlag eller annan slutlön som avser flera månader, mätt med medlet av de tre sista hela månaderna (flyttar fram tiden)"
en = "Severance or other final pay that covers several months, by the mean of the last three full months (moves the time forward)"
column = "last_month_sek"
[[counter_evidence]]
sv = "Arbetsgivarens deklarationer ofullständiga (sådana månader räknas inte)"
en = "The employer's declarations incomplete (such months do not count)"
[[counter_evidence]]
sv = "Obetald ledighet eller säsongsuppehåll som inte gett någon uppgift om ursäktad månad"
en = "Unpaid leave or a seasonal lay-off that no source has reported as an excused month"
checked = false
[[counter_evidence]]
sv = "Inkomst av eget bolag eller lön från utlandet"
en = "Income from an own company, or salary paid from abroad"
checked = false
[[counter_evidence]]
sv = "Ny anställning med lön i efterskott"
en = "A new employment that is paid in arrears"
checked = false
[[counter_evidence]]
sv = "Familj, barn och annan anknytning till Sverige (UtlL 7 kap. 4 §)"
en = "Family, children and other ties to Sweden (UtlL 7 kap. 4 §)"
checked = false

[params.long_held_months]
default = 24
doc = "months of unbroken permits after which the longer time applies"
source = "directive (EU) 2024/1233 art. 11; adoption in Swedish law to be confirmed"
*/
WITH final_pay AS (   -- months whose only pay is the last from an employment that had ended in the month before
    SELECT s.person_id, s.month, n.event_on AS ended_on, n.first_known_time AS known_at
    FROM salaries s
    JOIN salary_months t ON t.person_id = s.person_id AND t.month = s.month AND t.gross_sek = s.gross_sek
    JOIN notices n ON n.person_id = s.person_id AND n.kind = 'employment_end' AND n.employer_id = s.employer_id
         AND month_of(n.event_on) = add_months(s.month, -1)
),
idle AS (   -- unexplained months without pay, numbered from the end of the employment: as notified, else with its last month
    SELECT i.person_id, i.permit_id, i.permit_record, i.permit_known_at, i.month, i.last_month, i.last_paid_month, i.last_gross_sek, i.last_pay_record,
           i.employed_again_at, f.known_at AS ended_known_at, month_of(i.valid_from) AS first_month,
           coalesce(CASE WHEN coalesce(i.ended_on >= i.last_month, true) THEN i.ended_on END, f.ended_on, add_months(i.last_month, 1) - 1,
                    i.valid_from - 1) AS ended_on,
           coalesce(i.ended_on, f.ended_on, add_months(i.last_paid_month, 1) - 1, i.valid_from - 1) AS paid_until,
           i.idle_no + CASE WHEN i.ended_on IS NULL AND f.ended_on IS NOT NULL THEN 1 ELSE 0 END AS idle_no
    FROM idle_months i
    LEFT JOIN final_pay f ON f.person_id = i.person_id AND f.month = i.last_month
    WHERE i.permit_class = 'WORK_EMP' AND (i.last_paid_month IS NOT NULL OR NOT coalesce(i.first_grant, true))
),
allowed AS (   -- the longest of the times that apply to the holder
    SELECT i.permit_id, i.ended_on, max(g.value) AS grace_months
    FROM (SELECT permit_id, ended_on FROM idle GROUP BY permit_id, ended_on) i
    JOIN permits p ON p.permit_id = i.permit_id
    JOIN parameters g ON i.ended_on >= g.valid_from AND (g.valid_to IS NULL OR i.ended_on < g.valid_to)
         AND (g.name = 'unemployment_grace_months'
              OR (g.name = 'unemployment_grace_notified_months' AND p.investigation_notified_on <= i.ended_on)
              OR (g.name = 'unemployment_grace_long_months' AND i.ended_on >= add_months(p.held_since, $long_held_months)))
    GROUP BY i.permit_id, i.ended_on
),
due AS (   -- the month with which the time has passed
    SELECT i.person_id, i.permit_id, i.permit_record, i.permit_known_at, i.ended_on, i.paid_until, i.ended_known_at, coalesce(i.last_month, i.first_month) AS from_month,
           i.last_paid_month, i.last_gross_sek, i.last_pay_record, i.employed_again_at, a.grace_months, min(i.month) AS last_month
    FROM idle i
    JOIN allowed a ON a.permit_id = i.permit_id AND a.ended_on = i.ended_on
    WHERE i.idle_no >= a.grace_months
    GROUP BY i.person_id, i.permit_id, i.permit_record, i.permit_known_at, i.ended_on, i.paid_until, i.ended_known_at, i.last_month, i.first_month,
             i.last_paid_month, i.last_gross_sek, i.last_pay_record, i.employed_again_at, a.grace_months
),
passed AS (   -- unless the holder applied or found another employment within it, or before leave that followed
    SELECT d.person_id, d.permit_id, d.permit_record, d.ended_on, d.from_month, d.last_paid_month, d.last_gross_sek, d.last_pay_record,
           d.employed_again_at, d.grace_months, d.last_month, greatest(agi_complete(d.last_month), d.permit_known_at, d.ended_known_at) AS known_at
    FROM due d
    WHERE NOT EXISTS (SELECT 1 FROM other_applications a
                      WHERE a.permit_id = d.permit_id AND a.filed_on < add_months(d.last_month, 1)
                        AND coalesce(a.decided_on > d.paid_until, true) AND coalesce(a.outcome, 'granted') = 'granted')
      AND NOT EXISTS (SELECT 1 FROM notices n
                      WHERE n.person_id = d.person_id AND n.kind = 'employment_start' AND n.event_on > d.paid_until
                        AND n.event_on < add_months(d.last_month, 1))
),
departure AS (   -- moved abroad by the register, or seen leaving with a document, and not known to be back; from its day on
    SELECT person_id, dereg_on AS left_on, known_at, record
    FROM deregistrations
    WHERE dereg_code = 'UV' AND registered_again_at IS NULL
    UNION ALL
    SELECT person_id, observed_on AS left_on, greatest(first_known_time, CAST(observed_on AS TIMESTAMP)) AS known_at, record
    FROM (
        SELECT person_id, direction, observed_on, first_known_time, record, doc_seen,
               lead(direction) OVER (PARTITION BY person_id ORDER BY observed_on, direction DESC, record) AS next_direction
        FROM border
        WHERE direction IN ('exit', 'entry') AND transit IS NOT TRUE AND source <> 'tip'
    ) b
    WHERE direction = 'exit' AND doc_seen AND coalesce(next_direction, 'exit') = 'exit'
)
SELECT d.person_id, c.carrier_id AS permit_id, d.from_month AS alert_key, d.ended_on AS anchor_at,
       greatest(d.known_at, c.from_at, min(x.known_at)) AS alert_at, agi_complete(d.last_month) AS due_at,
       d.employed_again_at AS cleared_at, tier.severity, d.ended_on, d.last_paid_month, d.last_gross_sek AS last_month_sek,
       add_months(d.last_month, 1) - 1 AS silent_until, d.grace_months, min(x.left_on) AS left_on,
       records(d.permit_record, c.record, d.last_pay_record, min(x.record)) AS records
FROM (VALUES ('medium'), ('strong')) AS tier(severity)   -- strong from the day on which the holder has left
CROSS JOIN passed d
JOIN carriers c ON c.permit_id = d.permit_id AND (c.settled_on IS NULL OR CAST(d.known_at AS DATE) > c.settled_on)
LEFT JOIN departure x ON x.person_id = d.person_id AND tier.severity = 'strong' AND x.left_on >= coalesce(d.last_paid_month, d.ended_on)
GROUP BY tier.severity, d.person_id, c.carrier_id, c.record, c.from_at, d.permit_record, d.ended_on, d.known_at, d.from_month, d.last_paid_month,
         d.last_gross_sek, d.last_pay_record, d.employed_again_at, d.grace_months, d.last_month
HAVING tier.severity = 'medium' OR count(x.left_on) > 0
