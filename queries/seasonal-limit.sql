/*
id = "seasonal-limit"
number = "R09"
title.sv = "Säsongsgränsen överskriden"
title.en = "Limit of seasonal work exceeded"
finding.sv = "[days_in_year: Tillstånden för säsongsarbete omfattar {days_in_year} av de 365 dagar som slutar {exceeded_on} (gräns {days_allowed}). ][paid_month: Lön från säsongsarbetsgivaren är deklarerad för {paid_month}, efter tillståndets slut. ]Omständighet att utreda."
finding.en = "[days_in_year: Permits for seasonal work cover {days_in_year} of the 365 days that end on {exceeded_on} (limit {days_allowed}). ][paid_month: The seasonal employer declared salary for {paid_month}, after the permit's end. ]A circumstance to look into."
permit_classes = ["SEASONAL"]
legal_basis = ["UtlL 6 c kap. 9 § 2 st.", "UtlL 6 c kap. 12 och 13 §§"]
legal_gate = "request"
severity = "medium"
owner = "national-control"
readings = [
    "Any window of 365 days counts, not only the one that ends with the permit; a day under two permits counts once.",
    "The limit in force on the day that passes it applies, but never a stricter one than at the application.",
    "Work after the limit: a payment that is known raises weak at once, as in R08.",
    "What is said of the days ends with the permit (permit_ended), or with an application in time once it is refused; what is said of work after its end does not.",
]
survives = ["permit_ended"]

[[counter_evidence]]
sv = "Tillstånd för en hel följd av sex (nio) kalendermånader är alltid inom gränsen"
en = "A permit for a run of six (nine) calendar months is always within the limit"
column = "days_allowed"
[[counter_evidence]]
sv = "Gränsen är den som gäller den dag då den passeras, men aldrig en strängare än vid ansökan"
en = "The limit is the one in force on the day that passes it, but never a stricter one than at the application"
column = "days_allowed"
[[counter_evidence]]
sv = "Arbetsgivaren kan rätta uppgiften om lön tills månadens deklarationer är kompletta (högst svag till dess)"
en = "The employer may correct the declaration of salary until the month's declarations are complete (weak at most until then)"
[[counter_evidence]]
sv = "Lön i efterskott: månader som börjar inom 31 dagar från tillståndets slut, eller från avslaget på en ansökan i rätt tid, räknas inte"
en = "Pay in arrears: months that begin within 31 days of the permit's end, or of the refusal of an application filed in time, do not count"
[[counter_evidence]]
sv = "Tillstånd, eller ansökan i rätt tid, som gav rätt att arbeta (tar bort indikationen)"
en = "A permit, or an application filed in time, that gave a right to work (removes the indication)"
[[counter_evidence]]
sv = "Ett senare tillstånd, när lönen var känd vid beslutet (avslutar indikationen)"
en = "A later permit, where the pay was known when it was decided (ends the indication)"
[[counter_evidence]]
sv = "Tillståndets slut, och avslaget på en ansökan i rätt tid (avslutar indikationen om dagar, inte den om arbete därefter)"
en = "The permit's end, and the refusal of an application filed in time (ends the indication of days, not that of work after it)"
[[counter_evidence]]
sv = "Semesterersättning eller annan slutlön som betalats sent"
en = "Holiday pay or other final pay that was paid late"
checked = false
[[counter_evidence]]
sv = "Dagar då innehavaren inte var i Sverige"
en = "Days on which the holder was not in Sweden"
checked = false

[params.least_days]
default = 184
doc.sv = "dagarna med säsongstillstånd räknas om de är fler än så många sammanlagt: den lägsta gräns som finns"
doc.en = "the days of a holder's seasonal permits are counted if there are more than so many in all: the lowest limit there is"
source = "UtlL 6 c kap. 9 §"
[params.arrears_days]
default = 31
doc.sv = "lön för en månad som börjar högst så många dagar efter tillståndets slut, eller efter den tid då en ansökan i rätt tid prövades, är efterbetalning"
doc.en = "pay for a month that begins no more than so many days after the permit's end, or that of the time in which an application in time was pending, is in arrears"
source.sv = "eget antagande"
source.en = "own default"
[params.amount_sek]
default = 5000
doc.sv = "lägsta månadslön från säsongsarbetsgivaren som räknas"
doc.en = "least monthly salary from the seasonal employer that counts"
source.sv = "eget antagande"
source.en = "own default"
*/
WITH season AS (   -- of a permit without an end a year is enough to count
    SELECT person_id, permit_id, record, first_known_time, applied_on, valid_from, held_until, counted_until, carries_until, next_from,
           greatest(valid_from, max(counted_until) OVER (PARTITION BY person_id ORDER BY valid_from, permit_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + 1)
               AS counted_from,   -- a day under two of them counts once
           sum(CAST(counted_until - valid_from + 1 AS BIGINT)) OVER (PARTITION BY person_id) AS days_in_all
    FROM (
        SELECT person_id, permit_id, record, first_known_time, coalesce(application_on, decided_on, valid_from) AS applied_on, valid_from, held_until,
               coalesce(held_until, valid_from + 364) AS counted_until, carries_until, next_from
        FROM permit_spells
        WHERE permit_class = 'SEASONAL'
    ) s
),
counted AS (   -- days with such permits among the 365 that end with each day of one, of holders who have had them for so long at all
    SELECT e.person_id, e.permit_id, e.record, e.carries_until, e.applied_on, d.day, max(i.first_known_time) AS known_at, records_of(i.record) AS permit_records,
           CAST(sum(CAST(least(i.counted_until, d.day) - greatest(i.counted_from, d.day - 364) + 1 AS BIGINT)) AS BIGINT) AS days_in_year
    FROM season e
    JOIN days d ON d.day >= e.valid_from AND d.day <= e.counted_until
    JOIN season i ON i.person_id = e.person_id AND i.counted_from <= least(i.counted_until, d.day) AND i.counted_until >= d.day - 364
    WHERE e.days_in_all > $least_days
    GROUP BY e.person_id, e.permit_id, e.record, e.carries_until, e.applied_on, d.day
),
excess AS (   -- the days that pass the limit in force on them, and each that was in force since the application
    SELECT c.person_id, c.permit_id, c.record, c.carries_until, c.day AS exceeded_on, c.known_at, c.permit_records, c.days_in_year, max(l.value) AS days_allowed,
           row_number() OVER (PARTITION BY c.permit_id ORDER BY c.day) AS place
    FROM counted c
    JOIN parameters l ON l.name = 'seasonal_days' AND l.valid_from <= c.day AND (l.valid_to IS NULL OR l.valid_to > c.applied_on)
    GROUP BY c.person_id, c.permit_id, c.record, c.carries_until, c.day, c.known_at, c.permit_records, c.days_in_year
    HAVING c.days_in_year > max(l.value)
),
late_pay AS (   -- months in which the seasonal employer paid after the permit, and no permit or application allowed it
    SELECT s.person_id, s.permit_id, s.record, p.month, p.employer_id, p.first_record, p.known_at
    FROM season s
    JOIN permitted_employers pe ON pe.permit_id = s.permit_id
    JOIN salaries p ON p.person_id = s.person_id AND p.employer_id = pe.employer_id AND p.gross_sek >= $amount_sek
         AND p.month > s.carries_until + $arrears_days AND (s.next_from IS NULL OR p.month < s.next_from)
    WHERE NOT EXISTS (SELECT 1 FROM work_rights w
                      WHERE w.person_id = s.person_id AND w.from_on < add_months(p.month, 1) AND (w.to_on IS NULL OR w.to_on >= p.month))
),
weighed AS (   -- months whose pay was known, and no less was declared, when a later permit was decided: that ends the matter once it is known
    SELECT p.permit_id, p.month, min(s.first_known_time) AS weighed_at
    FROM late_pay p
    JOIN whole_permits s ON s.person_id = p.person_id AND s.valid_from >= add_months(p.month, 1) AND CAST(p.known_at AS DATE) <= coalesce(s.decided_on, s.valid_from)
    WHERE s.permit_class <> 'ASYLUM_APPLICANT' AND NOT s.annulled
      AND NOT EXISTS (SELECT 1 FROM earlier_pay b
                      WHERE b.person_id = p.person_id AND b.month = p.month AND b.employer_id = p.employer_id AND b.gross_sek < $amount_sek
                        AND CAST(b.from_at AS DATE) <= coalesce(s.decided_on, s.valid_from) AND CAST(b.until_at AS DATE) > coalesce(s.decided_on, s.valid_from))
    GROUP BY p.permit_id, p.month
),
told AS (   -- what is paid is paid; the employer may correct it until the month is complete
    SELECT tier.severity, w.weighed_at, p.person_id, p.permit_id, p.record, p.month, p.first_record,
           CASE tier.severity WHEN 'weak' THEN p.known_at ELSE greatest(agi_complete(p.month), p.known_at) END AS told_at
    FROM (VALUES ('weak'), ('medium')) AS tier(severity)
    CROSS JOIN late_pay p
    LEFT JOIN weighed w ON w.permit_id = p.permit_id AND w.month = p.month
)
SELECT person_id, permit_id, 'days' AS alert_key, exceeded_on AS anchor_at, greatest(CAST(exceeded_on AS TIMESTAMP), known_at) AS alert_at,
       CASE WHEN CAST(exceeded_on AS TIMESTAMP) > known_at THEN CAST(exceeded_on AS TIMESTAMP) END AS due_at, CAST(carries_until + 1 AS TIMESTAMP) AS cleared_at, 'permit_ended' AS cleared_reason, 'medium' AS severity,
       exceeded_on, days_in_year, days_allowed, CAST(NULL AS DATE) AS paid_month, records(record, permit_records) AS records
FROM excess
WHERE place = 1
UNION ALL
SELECT person_id, permit_id, 'work-after-end' AS alert_key, min(month) AS anchor_at, min(told_at) AS alert_at,
       CASE severity WHEN 'medium' THEN agi_complete(min(month)) END AS due_at,
       weighed_at AS cleared_at, 'new_permit' AS cleared_reason, severity,
       CAST(NULL AS DATE) AS exceeded_on, CAST(NULL AS BIGINT) AS days_in_year, CAST(NULL AS BIGINT) AS days_allowed, min(month) AS paid_month,
       records(record, records_of(first_record)) AS records
FROM told
GROUP BY severity, weighed_at, person_id, permit_id, record
