/*
id = "seasonal-limit"
number = "R09"
title.sv = "Säsongsgränsen överskriden"
title.en = "Limit of seasonal work exceeded"
finding.sv = "[days_in_year: Tillstånden för säsongsarbete omfattar {days_in_year} dagar av de 365 som slutar med tillståndets sista dag (gräns {days_allowed}, överskriden senast {exceeded_on}). ][paid_month: Lön från säsongsarbetsgivaren är deklarerad för {paid_month}, efter tillståndets slut. ]Omständighet att utreda."
finding.en = "[days_in_year: Permits for seasonal work cover {days_in_year} of the 365 days that end with the permit's last day (limit {days_allowed}, exceeded by {exceeded_on}). ][paid_month: The seasonal employer declared salary for {paid_month}, after the permit's end. ]A circumstance to look into."
permit_classes = ["SEASONAL"]
legal_basis = ["UtlL 6 c kap. 9 § 2 st.", "UtlL 6 c kap. 12 och 13 §§"]
legal_gate = "request"
severity = "medium"
owner = "national-control"
survives = ["permit_ended"]

[[counter_evidence]]
sv = "Tillstånd för en hel följd av sex (nio) kalendermånader är alltid inom gränsen"
en = "A permit for a run of six (nine) calendar months is always within the limit"
column = "days_allowed"
[[counter_evidence]]
sv = "Lön i efterskott: månader som börjar inom 31 dagar från tillståndets slut räknas inte"
en = "Pay in arrears: months that begin within 31 days of the permit's end do not count"
[[counter_evidence]]
sv = "Nytt tillstånd, eller ansökan i rätt tid som ger rätt att arbeta (tar bort uppgiften)"
en = "A new permit, or an application filed in time that gives a right to work (removes the indication)"
[[counter_evidence]]
sv = "Semesterersättning eller annan slutlön som betalats sent"
en = "Holiday pay or other final pay that was paid late"
checked = false
[[counter_evidence]]
sv = "Dagar då innehavaren inte var i Sverige"
en = "Days on which the holder was not in Sweden"
checked = false

[params.arrears_days]
default = 31
doc = "pay for a month that begins no more than so many days after the permit's end is in arrears"
source = "own default"
[params.amount_sek]
default = 5000
doc = "least monthly salary from the seasonal employer that counts"
source = "own default"
*/
WITH season AS (
    SELECT person_id, permit_id, record_key, first_known_time, coalesce(application_on, decided_on, valid_from) AS applied_on, valid_from, held_until,
           next_from, next_known_at
    FROM permit_spells
    WHERE permit_class = 'SEASONAL'
),
season_year AS (   -- days with such permits among the 365 that end with each permit's last day
    SELECT e.person_id, e.permit_id, e.record_key, e.held_until, l.value AS days_allowed, max(i.first_known_time) AS known_at,
           sum(CAST(i.held_until - greatest(i.valid_from, e.held_until - 364) + 1 AS BIGINT)) AS days_in_year
    FROM season e
    JOIN season i ON i.person_id = e.person_id AND i.valid_from <= e.valid_from AND i.held_until >= e.held_until - 364
    JOIN parameters l ON l.name = 'seasonal_days' AND e.applied_on >= l.valid_from AND (l.valid_to IS NULL OR e.applied_on < l.valid_to)
    GROUP BY e.person_id, e.permit_id, e.record_key, e.held_until, l.value
),
excess AS (   -- the day on which the count is over the limit at the latest: within a permit it never falls, and rises by one a day at most.
              -- A permit that stays within the limit would exceed it after its end, and gives a row that never holds
    SELECT person_id, permit_id, record_key, held_until, days_allowed, known_at, CAST(days_in_year AS BIGINT) AS days_in_year,
           held_until - CAST(days_in_year - days_allowed - 1 AS INT) AS exceeded_on
    FROM season_year
),
late_pay AS (   -- months in which the seasonal employer paid after the permit, and no permit or application allowed it
    SELECT s.person_id, s.permit_id, s.record_key, s.next_known_at, p.month, p.first_key, greatest(agi_complete(p.month), p.known_at) AS known_at
    FROM season s
    JOIN permitted_employers pe ON pe.permit_id = s.permit_id
    JOIN salaries p ON p.person_id = s.person_id AND p.employer_id = pe.employer_id AND p.gross_sek >= $amount_sek
         AND p.month > s.held_until + $arrears_days AND (s.next_from IS NULL OR p.month < s.next_from)
    WHERE NOT EXISTS (SELECT 1 FROM work_rights w
                      WHERE w.person_id = s.person_id AND w.from_on < add_months(p.month, 1) AND (w.to_on IS NULL OR w.to_on >= p.month))
)
SELECT person_id, permit_id, 'days' AS alert_key, exceeded_on AS anchor_at, greatest(CAST(exceeded_on AS TIMESTAMP), known_at) AS alert_at,
       CAST(NULL AS TIMESTAMP) AS due_at, CAST(held_until + 1 AS TIMESTAMP) AS cleared_at, 'permit_ended' AS cleared_reason,
       exceeded_on, days_in_year, days_allowed, CAST(NULL AS DATE) AS paid_month, record_key AS record_keys
FROM excess
UNION ALL
SELECT person_id, permit_id, 'work-after-end' AS alert_key, min(month) AS anchor_at, min(known_at) AS alert_at,
       agi_complete(min(month)) AS due_at, CASE WHEN next_known_at > min(known_at) THEN next_known_at END AS cleared_at, 'new_permit' AS cleared_reason,
       CAST(NULL AS DATE) AS exceeded_on, CAST(NULL AS BIGINT) AS days_in_year, CAST(NULL AS BIGINT) AS days_allowed, min(month) AS paid_month,
       concat_ws(',', record_key, min(first_key)) AS record_keys
FROM late_pay
GROUP BY person_id, permit_id, record_key, next_known_at
