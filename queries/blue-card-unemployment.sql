/*
id = "blue-card-unemployment"
number = "R03"
title.sv = "Sammanlagd arbetslöshet över gränsen för EU-blåkort"
title.en = "Unemployment over the limit of an EU Blue Card"
finding.sv = "Under tid med blåkort saknas deklarerad lön för {months_without_pay} hela månader, den senaste {last_month}; gränsen är {months_allowed} månader. Omständighet att utreda."
finding.en = "While a card was held no salary was declared for {months_without_pay} full months, the latest {last_month}; the limit is {months_allowed} months. A circumstance to look into."
permit_classes = ["BLUE_CARD"]
legal_basis = ["UtlL 6 a kap. 8 §", "UtlL 6 a kap. 12 § 1 st. 3 p.", "UtlL 6 a kap. 12 § 2 st.", "UtlL 6 a kap. 12 a § 4 p."]
legal_gate = "request"
severity = "medium"
owner = "national-control"
yields_to = ["application_pending"]

[[counter_evidence]]
sv = "Ursäktade månader, till exempel sjukdom eller föräldraledighet (räknas inte)"
en = "Excused months, such as sickness or parental leave (do not count)"
[[counter_evidence]]
sv = "Avtal om en anställning som börjar senare (månaderna dit räknas inte)"
en = "A contract for an employment that begins later (the months until then do not count)"
[[counter_evidence]]
sv = "Utflyttad till ett annat EU-land inom rörligheten (månader därefter räknas inte)"
en = "Moved to another EU country under mobility (months after that do not count)"
[[counter_evidence]]
sv = "Avgångsvederlag eller annan slutlön som avser flera månader (sådana månader räknas inte)"
en = "Severance or other final pay that covers several months (such months do not count)"
[[counter_evidence]]
sv = "Arbetsgivarens deklarationer ofullständiga (sådana månader räknas inte)"
en = "The employer's declarations incomplete (such months do not count)"
[[counter_evidence]]
sv = "Ansökan under prövning (indikationen vilar)"
en = "Application pending (the indication rests)"
[[counter_evidence]]
sv = "Underrättelse om att anställningen upphört har lämnats"
en = "Notice that the employment ended has been given"
column = "end_notice_on"
[[counter_evidence]]
sv = "Lön från utlandet, eller ledighet som inte gett någon uppgift om ursäktad månad"
en = "Salary paid from abroad, or leave that no source has reported as an excused month"
checked = false

[params.months]
default = 3
doc.sv = "tillåtna månader av arbetslöshet sammanlagt, över kort som följer på varandra"
doc.en = "months of unemployment allowed in all, over cards that follow one another"
source = "UtlL 6 a kap. 12 § 2 st."
[params.long_months]
default = 6
doc.sv = "tillåtna månader för den som har haft kort länge"
doc.en = "months allowed to those who have held a card for long"
source = "UtlL 6 a kap. 12 § 2 st."
[params.long_held_months]
default = 24
doc.sv = "månader med kort utan avbrott efter vilka den längre tiden gäller"
doc.en = "months of unbroken cards after which the longer time applies"
source = "UtlL 6 a kap. 12 § 2 st."
*/
WITH contract AS (   -- from the month in which a later start was notified until that of the start; of a start notified afterwards that month alone
    SELECT person_id, month_of(least(CAST(first_known_time AS DATE), event_on)) AS from_month, month_of(event_on) AS to_month
    FROM notices
    WHERE kind = 'employment_start'
),
card AS (   -- cards of one right are held from the first day of the first, or since when the register says
    SELECT permit_id, right_id, min(least(held_since, valid_from)) OVER (PARTITION BY person_id, right_id) AS held_from
    FROM rights
    WHERE permit_class = 'BLUE_CARD'
),
agreed AS (   -- the same of notices that said so when a permit was decided and that another took the place of, and until when
    SELECT e.person_id, month_of(least(CAST(e.from_at AS DATE), e.event_on)) AS from_month, month_of(e.event_on) AS to_month, e.until_at
    FROM earlier_notices e
    JOIN whole_permits d ON d.person_id = e.person_id AND CAST(e.from_at AS DATE) <= d.decided_on AND d.decided_on < CAST(e.until_at AS DATE)
    WHERE e.about = 'employment' AND e.kind = 'employment_start'
),
idle AS (   -- months without pay or explanation, counted over the unbroken right from the first card's first day
    SELECT i.person_id, i.permit_id, i.permit_record, i.month, i.permit_known_at, greatest(agi_complete(i.month), i.permit_known_at) AS known_at,
           greatest(agi_complete(i.month), i.taken_back_at, max(a.until_at)) AS stands_since, k.right_id,
           CASE WHEN i.month >= add_months(k.held_from, $long_held_months) THEN $long_months ELSE $months END AS months_allowed,
           row_number() OVER (PARTITION BY i.person_id, k.right_id ORDER BY i.month, i.permit_id) AS idle_no
    FROM idle_months i
    JOIN card k ON k.permit_id = i.permit_id
    LEFT JOIN agreed a ON a.person_id = i.person_id AND a.from_month <= i.month AND i.month <= a.to_month
    WHERE NOT EXISTS (SELECT 1 FROM contract c WHERE c.person_id = i.person_id AND c.from_month <= i.month AND i.month <= c.to_month)
      AND NOT EXISTS (SELECT 1 FROM population n
                      WHERE n.person_id = i.person_id AND n.dereg_code = 'UV' AND n.foreign_in_eu AND month_of(n.dereg_on) <= i.month)
    GROUP BY i.person_id, i.permit_id, i.permit_record, i.month, i.permit_known_at, i.taken_back_at, k.held_from, k.right_id
),
known AS (   -- how many of a right's months were known when each of its cards was decided
    SELECT r.permit_id, count(*) AS months
    FROM rights r
    JOIN idle e ON e.person_id = r.person_id AND e.right_id = r.right_id
    WHERE CAST(greatest(e.stands_since, CASE WHEN e.permit_id <> r.permit_id THEN e.permit_known_at END) AS DATE) <= r.decided_on
    GROUP BY r.permit_id
),
excess AS (   -- months that are too many, told of their card and of later ones whose decision could not weigh them: the first for each
    SELECT i.person_id, c.carrier_id AS permit_id, i.permit_record, c.record, i.month AS last_month, i.idle_no AS months_without_pay, i.months_allowed,
           greatest(i.known_at, c.from_at) AS known_at, row_number() OVER (PARTITION BY c.carrier_id ORDER BY i.month, i.permit_id, c.is_own) AS place
    FROM idle i
    JOIN carriers c ON c.permit_id = i.permit_id
    LEFT JOIN known n ON n.permit_id = c.carrier_id
    WHERE i.idle_no > i.months_allowed
      AND (c.settled_on IS NULL OR CAST(greatest(i.stands_since, CASE WHEN NOT c.is_own THEN i.permit_known_at END) AS DATE) > c.settled_on
           OR coalesce(n.months <= i.months_allowed, true))   -- too few were known
),
notified AS (
    SELECT person_id, max(event_on) AS end_notice_on, records_of(record) AS records
    FROM notices
    WHERE kind = 'employment_end'
    GROUP BY person_id
)
SELECT o.person_id, o.permit_id, 'unemployed' AS alert_key, o.last_month AS anchor_at, o.known_at AS alert_at, agi_complete(o.last_month) AS due_at,
       o.last_month, CAST(o.months_without_pay AS BIGINT) AS months_without_pay, o.months_allowed, n.end_notice_on,
       records(o.permit_record, o.record, n.records) AS records
FROM excess o
LEFT JOIN notified n ON n.person_id = o.person_id
WHERE o.place = 1
