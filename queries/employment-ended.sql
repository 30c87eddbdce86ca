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
readings = [
    "Only an application filed within the time to find another employment counts, or one filed before and still undecided when the employment ended; a refused one excuses nothing, and a permit is not hidden by the application that it answers.",
    "An extension under which nothing was ever declared is looked at from its first day.",
    "A notice of a new employment within the time does not excuse for good: its first month and, since pay may be in arrears, the next are months of employment, and without pay the time counts from there.",
    "Where pay is declared for the month in which a notice says that the employment ended, the time to apply counts from the end of that month.",
    "A notice that an employment ended tells of one under a first permit, too, for which no pay was ever declared.",
    "Severance is measured by the mean of the last three full months, not by the lower of two.",
]

[[counter_evidence]]
sv = "Lön från någon arbetsgivare för en senare månad (avslutar indikationen) eller deklarerad sent (tar bort den)"
en = "Salary from any employer for a later month (ends the indication), or declared late (removes it)"
[[counter_evidence]]
sv = "Ansökan inlämnad innan tiden gått ut, eller tidigare och oavgjord när anställningen upphörde, om den inte avslås eller återkallas (tar bort indikationen); ansökan som tillståndet självt är svaret på räknas inte"
en = "Application filed within the time, or earlier and undecided when the employment ended, unless it is refused or withdrawn (removes the indication); the application that the permit itself answers does not count"
[[counter_evidence]]
sv = "Underrättelse om en ny anställning inom tiden (tiden räknas på nytt efter dess två första månader)"
en = "Notice of a new employment within the time (the time counts anew after its first two months)"
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
doc.sv = "månader med tillstånd utan avbrott efter vilka den längre tiden gäller"
doc.en = "months of unbroken permits after which the longer time applies"
source.sv = "direktiv (EU) 2024/1233 art. 11; genomförandet i svensk rätt ska bekräftas"
source.en = "directive (EU) 2024/1233 art. 11; adoption in Swedish law to be confirmed"
*/
WITH final_pay AS (   -- months whose only pay is the last from an employment that had ended in the month before
    SELECT s.person_id, s.month, n.event_on AS ended_on, n.first_known_time AS known_at, n.record AS notice_record
    FROM salaries s
    JOIN salary_months t ON t.person_id = s.person_id AND t.month = s.month AND t.gross_sek = s.gross_sek
    JOIN notices n ON n.person_id = s.person_id AND n.kind = 'employment_end' AND n.employer_id = s.employer_id
         AND month_of(n.event_on) = add_months(s.month, -1)
),
silent AS (   -- unexplained months without pay, numbered from the end of the employment: as notified, else with its last month
    SELECT i.person_id, i.permit_id, i.permit_record, i.permit_known_at, i.taken_back_at, i.month, i.last_month, i.last_paid_month, i.last_gross_sek, i.last_pay_record,
           f.known_at AS ended_known_at, f.notice_record, month_of(i.valid_from) AS first_month,
           coalesce(CASE WHEN coalesce(i.ended_on >= i.last_month, true) THEN i.ended_on END, f.ended_on, add_months(i.last_month, 1) - 1,
                    i.valid_from - 1) AS ended_on,
           coalesce(i.ended_on, f.ended_on, add_months(i.last_paid_month, 1) - 1, i.valid_from - 1) AS paid_until,
           i.idle_no + CASE WHEN i.ended_on IS NULL AND f.ended_on IS NOT NULL THEN 1 ELSE 0 END AS idle_no
    FROM idle_months i
    LEFT JOIN final_pay f ON f.person_id = i.person_id AND f.month = i.last_month
    WHERE i.permit_class = 'WORK_EMP' AND (i.last_paid_month IS NOT NULL OR i.ended_on IS NOT NULL OR NOT coalesce(i.first_grant, true))
),
started AS (   -- of such a month the last notice of a new employment since the old one ended
    SELECT i.permit_id, i.month, max(n.event_on) AS started_on
    FROM silent i
    JOIN notices n ON n.person_id = i.person_id AND n.kind = 'employment_start' AND n.event_on > i.paid_until AND n.event_on < add_months(i.month, 1)
    GROUP BY i.permit_id, i.month
),
idle AS (   -- a new employment that was notified is one in its first month and, since pay may be in arrears, the next; the time counts from there
    SELECT i.* EXCLUDE (idle_no),
           CASE WHEN s.started_on IS NULL THEN i.idle_no
                ELSE sum(CASE WHEN i.month > add_months(month_of(s.started_on), 1) THEN 1 ELSE 0 END)
                         OVER (PARTITION BY i.permit_id, i.last_month, s.started_on, i.notice_record ORDER BY i.month ROWS UNBOUNDED PRECEDING) END AS idle_no,
           max(i.taken_back_at) OVER (PARTITION BY i.permit_id, i.last_month, i.notice_record ORDER BY i.month ROWS UNBOUNDED PRECEDING) AS stands_since
    FROM silent i
    LEFT JOIN started s ON s.permit_id = i.permit_id AND s.month = i.month
),
allowed AS (   -- the longest of the times that apply to the holder
    SELECT i.permit_id, i.ended_on, max(g.value) AS grace_months
    FROM (SELECT permit_id, ended_on FROM idle GROUP BY permit_id, ended_on) i
    JOIN whole_permits p ON p.permit_id = i.permit_id
    LEFT JOIN rights r ON r.permit_id = i.permit_id
    JOIN parameters g ON i.ended_on >= g.valid_from AND (g.valid_to IS NULL OR i.ended_on < g.valid_to)
         AND (g.name = 'unemployment_grace_months'
              OR (g.name = 'unemployment_grace_notified_months' AND p.investigation_notified_on <= i.ended_on)
              OR (g.name = 'unemployment_grace_long_months' AND i.ended_on > add_months(least(r.right_from, p.held_since), $long_held_months)))
    GROUP BY i.permit_id, i.ended_on
),
due AS (   -- the month with which the time has passed
    SELECT i.person_id, i.permit_id, i.permit_record, i.permit_known_at, i.ended_on, i.paid_until, i.ended_known_at, i.last_month AS employed_month, i.first_month,
           i.last_paid_month, i.last_gross_sek, i.last_pay_record, a.grace_months, min(i.month) AS first_idle,
           min(CASE WHEN i.idle_no >= a.grace_months THEN i.month END) AS last_month,
           min(CASE WHEN i.idle_no >= a.grace_months THEN coalesce(i.stands_since, TIMESTAMP '1900-01-01 00:00:00') END) AS stands_since   -- it only grows
    FROM idle i
    JOIN allowed a ON a.permit_id = i.permit_id AND a.ended_on = i.ended_on
    GROUP BY i.person_id, i.permit_id, i.permit_record, i.permit_known_at, i.ended_on, i.paid_until, i.ended_known_at, i.last_month, i.first_month,
             i.last_paid_month, i.last_gross_sek, i.last_pay_record, a.grace_months
    HAVING max(i.idle_no) >= a.grace_months
),
asked AS (   -- other applications filed within the time, from the end, the last month's pay, the months that a final payment covers, or a new employment's first two
    SELECT d.permit_id, d.last_month, a.outcome, a.decided_on
    FROM due d
    LEFT JOIN started s ON s.permit_id = d.permit_id AND s.month = d.last_month
    JOIN other_applications a ON a.permit_id = d.permit_id AND coalesce(a.decided_on > d.paid_until, true)
         AND a.filed_on < add_months(CASE WHEN s.started_on IS NOT NULL THEN add_months(month_of(s.started_on), 2)
                                          WHEN d.ended_known_at IS NOT NULL THEN d.ended_on + 1
                                          WHEN d.first_idle = add_months(month_of(d.ended_on), 1) THEN greatest(d.ended_on + 1, add_months(d.last_paid_month, 1))
                                          ELSE d.first_idle END, d.grace_months)
),
refused AS (   -- an application excuses to the end of the day on which it is refused or withdrawn
    SELECT permit_id, last_month, max(decided_on) AS refused_on
    FROM asked
    GROUP BY permit_id, last_month
),
passed AS (   -- unless the holder applied within it
    SELECT d.* EXCLUDE (stands_since), greatest(agi_complete(d.last_month), d.permit_known_at, d.ended_known_at, CAST(r.refused_on + 1 AS TIMESTAMP)) AS known_at,
           greatest(agi_complete(d.last_month), d.ended_known_at, CAST(r.refused_on + 1 AS TIMESTAMP), d.stands_since) AS stands_since
    FROM due d
    LEFT JOIN refused r ON r.permit_id = d.permit_id AND r.last_month = d.last_month
    WHERE NOT EXISTS (SELECT 1 FROM asked a
                      WHERE a.permit_id = d.permit_id AND a.last_month = d.last_month AND coalesce(a.outcome, 'granted') = 'granted')
),
earlier AS (   -- of a permit never worked under, the last month of employment before it
    SELECT d.permit_id, d.last_month, max(s.month) AS month
    FROM passed d
    JOIN salary_months s ON s.person_id = d.person_id AND s.month < d.first_month
    WHERE s.gross_sek > 0 OR s.excused = 1
    GROUP BY d.permit_id, d.last_month
),
again AS (   -- from when a later month of employment counts, whatever the permit: its pay became known, or it was excused and had begun
    SELECT d.permit_id, d.last_month, min(CASE WHEN s.gross_sek > 0 THEN s.known_at ELSE greatest(s.excused_at, CAST(s.month AS TIMESTAMP)) END) AS at
    FROM passed d
    JOIN salary_months s ON s.person_id = d.person_id AND s.month > d.last_month
    WHERE s.gross_sek > 0 OR s.excused = 1
    GROUP BY d.permit_id, d.last_month
),
departure AS (   -- moved abroad by the register until that says otherwise, or seen leaving with a document, and not known to be back; from its day on
    SELECT d.person_id, true AS moved, d.dereg_on AS left_on, d.known_at, min(o.known_at) AS until_at, d.record
    FROM deregistrations d
    LEFT JOIN deregistrations o ON o.person_id = d.person_id AND o.version > d.version AND o.dereg_code <> 'UV'
    WHERE d.dereg_code = 'UV' AND d.registered_again_at IS NULL
    GROUP BY d.person_id, d.dereg_on, d.known_at, d.record
    UNION ALL
    SELECT person_id, false AS moved, observed_on AS left_on, greatest(first_known_time, CAST(observed_on AS TIMESTAMP)) AS known_at,
           CAST(NULL AS TIMESTAMP) AS until_at, record
    FROM (
        SELECT person_id, direction, observed_on, first_known_time, record, doc_seen,
               lead(direction) OVER (PARTITION BY person_id ORDER BY observed_on, direction DESC, record) AS next_direction
        FROM border
        WHERE direction IN ('exit', 'entry') AND transit IS NOT TRUE AND source <> 'tip'
    ) b
    WHERE direction = 'exit' AND doc_seen AND coalesce(next_direction, 'exit') = 'exit'
),
gone AS (   -- who moved under the right, or was seen leaving since the employment ended, unless it was known, and had happened, at the permit's decision
    SELECT d.permit_id, d.last_month, x.left_on, x.known_at, x.until_at, x.record
    FROM departure x
    JOIN passed d ON d.person_id = x.person_id
    JOIN rights r ON r.permit_id = d.permit_id
    WHERE x.left_on >= CASE WHEN x.moved THEN r.right_from ELSE d.paid_until END
      AND (r.is_first OR r.decided_on IS NULL OR CAST(x.known_at AS DATE) > r.decided_on)
),
told AS (   -- strong from the day on which the holder has left
    SELECT tier.severity, d.person_id, d.permit_id, c.carrier_id, coalesce(d.employed_month, e.month, d.first_month) AS from_month, d.ended_on,
           greatest(d.known_at, c.from_at, min(x.known_at)) AS alert_at,
           least(n.at, CASE WHEN count(x.until_at) = count(x.left_on) THEN max(x.until_at) END) AS cleared_at, d.last_paid_month, d.last_gross_sek,
           d.last_month, d.grace_months, min(x.left_on) AS left_on, records(d.permit_record, c.record, d.last_pay_record, min(x.record)) AS records
    FROM (VALUES ('medium'), ('strong')) AS tier(severity)
    CROSS JOIN passed d
    JOIN carriers c ON c.permit_id = d.permit_id AND (c.settled_on IS NULL OR CAST(greatest(d.stands_since, CASE WHEN NOT c.is_own THEN d.permit_known_at END) AS DATE) > c.settled_on)
    LEFT JOIN earlier e ON e.permit_id = d.permit_id AND e.last_month = d.last_month
    LEFT JOIN again n ON n.permit_id = d.permit_id AND n.last_month = d.last_month
    LEFT JOIN gone x ON x.permit_id = d.permit_id AND x.last_month = d.last_month AND tier.severity = 'strong'
    WHERE tier.severity = 'medium' OR x.left_on IS NOT NULL
    GROUP BY tier.severity, d.person_id, d.permit_id, c.carrier_id, c.record, c.from_at, d.permit_record, d.ended_on, d.known_at, d.employed_month, d.first_month,
             e.month, n.at, d.last_paid_month, d.last_gross_sek, d.last_pay_record, d.grace_months, d.last_month
),
first_told AS (   -- one unemployment that goes on under a renewal is one alert: as it was told of the earlier permit
    SELECT told.*, row_number() OVER (PARTITION BY carrier_id, from_month, severity ORDER BY last_month, permit_id, ended_on, alert_at, cleared_at, last_paid_month, last_gross_sek,
                                        grace_months, left_on, records) AS place
    FROM told
)
SELECT t.person_id, t.carrier_id AS permit_id, t.from_month AS alert_key, t.ended_on AS anchor_at, t.alert_at, agi_complete(t.last_month) AS due_at,
       t.cleared_at, t.severity, t.ended_on, t.last_paid_month, t.last_gross_sek AS last_month_sek,
       add_months(t.last_month, 1) - 1 AS silent_until, t.grace_months, t.left_on,
       records(t.records, records_of(CASE WHEN n.event_on >= coalesce(t.last_paid_month, t.from_month) AND n.event_on < add_months(t.last_month, 1) THEN n.record END),
               records_of(CASE WHEN x.month >= t.from_month AND x.month <= t.last_month THEN x.record END),
               records_of(CASE WHEN a.outcome <> 'granted' AND a.decided_on >= t.ended_on AND a.decided_on < CAST(t.alert_at AS DATE) THEN a.record END)) AS records
FROM first_told t   -- with the notices of an employment's end or start, the excused months and the refused applications that set the time
LEFT JOIN notices n ON n.person_id = t.person_id AND n.kind IN ('employment_end', 'employment_start')
LEFT JOIN excused_months x ON x.person_id = t.person_id
LEFT JOIN applications a ON a.person_id = t.person_id
WHERE t.place = 1
GROUP BY t.person_id, t.carrier_id, t.from_month, t.ended_on, t.alert_at, t.last_month, t.cleared_at, t.severity, t.last_paid_month, t.last_gross_sek,
         t.grace_months, t.left_on, t.records
