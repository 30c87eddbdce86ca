/*
id = "work-without-right"
number = "R08"
title.sv = "Arbete utan rätt att arbeta"
title.en = "Work without a right to work"
finding.sv = "Lön är deklarerad för {first_month} ({gross_sek}), utan att någon känd rätt att arbeta fanns den månaden eller månaden före. Skyldigheten att kontrollera rätten är i första hand arbetsgivarens. Omständighet att utreda."
finding.en = "Salary was declared for {first_month} ({gross_sek}), while no known right to work covered that month or the one before. The duty to check the right is the employer's in the first place. A circumstance to look into."
permit_classes = ["WORK_EMP", "SELF_EMP"]
legal_basis = ["UtlL 7 kap. 3 § 1 st. 1 p.", "UtlL 7 kap. 3 § 3 st.", "UtlL 20 kap. 3 och 5 §§", "UF 5 kap. 1-4 §§", "UF 6 kap. 13 a §"]
legal_gate = "request"
severity = "medium"
owner = "national-control"
readings = [
    "A payment that is known is known: weak at once, and the ordinary severity when the month's declarations are complete, since an employer may still correct.",
]
survives = ["permit_ended"]

[[counter_evidence]]
sv = "Ansökan om förlängning inlämnad medan tillståndet gällde och ännu inte avgjord (tar bort indikationen)"
en = "An extension applied for while the permit held and not yet decided (removes the indication)"
[[counter_evidence]]
sv = "Lön i efterskott: månaden efter den sista med rätt att arbeta räknas inte"
en = "Pay in arrears: the month after the last with a right to work does not count"
[[counter_evidence]]
sv = "Annat tillstånd eller uppehållsrätt med rätt att arbeta, eller beslut som en domstol har stoppat (tar bort indikationen)"
en = "Another permit or right of residence with a right to work, or a decision that a court has suspended (removes the indication)"
[[counter_evidence]]
sv = "Ursäktade månader, till exempel sjukdom eller föräldraledighet (räknas inte)"
en = "Excused months, such as sickness or parental leave (do not count)"
[[counter_evidence]]
sv = "Utbetalaren är försäkringsgivare eller myndighet, även lönegaranti (räknas inte)"
en = "The payer is an insurer or an authority, wage guarantee too (does not count)"
[[counter_evidence]]
sv = "Arbetsgivaren kan rätta uppgiften tills månadens deklarationer är kompletta (högst svag till dess)"
en = "The employer may correct the declaration until the month's declarations are complete (weak at most until then)"
[[counter_evidence]]
sv = "Mer än tre års vistelse med tillstånd (högst svag)"
en = "More than three years' stay with a permit (weak at most)"
column = "first_permit_from"
[[counter_evidence]]
sv = "Ett senare tillstånd, när lönen var känd vid beslutet (avslutar indikationen)"
en = "A later permit, where the pay was known when it was decided (ends the indication)"
[[counter_evidence]]
sv = "Överklagat avslag på en ansökan i rätt tid"
en = "Appeal against the refusal of an application filed in time"
checked = false
[[counter_evidence]]
sv = "Undantag från kravet på arbetstillstånd (UF 5 kap.), till exempel för vissa yrken"
en = "Exemption from the work permit requirement (UF 5 kap.), for certain occupations for instance"
checked = false
[[counter_evidence]]
sv = "Tillstånd av annan klass eller asylansökan därefter (prövas inte här: lönedeklarationer får inte användas för den klassen)"
en = "A permit of another class or an asylum application since (not looked at here: salary declarations may not be used for that class)"
[[counter_evidence]]
sv = "Semesterersättning, uppsägningslön eller annan slutlön"
en = "Holiday pay, pay for a period of notice or other final pay"
checked = false

[params.amount_sek]
default = 5000
doc.sv = "lägsta månadslön sammanlagt som räknas"
doc.en = "least monthly salary in all that counts"
source.sv = "eget antagande"
source.en = "own default"
[params.stay_months]
default = 36
doc.sv = "månader med tillstånd efter vilka grunden för återkallelse inte längre finns"
doc.en = "months with permits after which the ground for revocation is no longer there"
source = "UtlL 7 kap. 3 § 3 st."
*/
WITH paid AS (   -- months with pay for work, from all employers, and no excuse
    SELECT s.person_id, s.month, sum(s.gross_sek) AS gross_sek, greatest(max(s.known_at), CAST(s.month AS TIMESTAMP)) AS known_at
    FROM salaries s
    LEFT JOIN employers e ON e.employer_id = s.employer_id
    WHERE coalesce(e.payer_kind, 'normal') NOT IN ('insurer', 'public_payer')
      AND NOT EXISTS (SELECT 1 FROM excused_months x WHERE x.person_id = s.person_id AND x.month = s.month)
    GROUP BY s.person_id, s.month
),
allowed AS (   -- since when a person has had permits
    SELECT person_id, min(least(held_since, valid_from)) AS first_permit_from
    FROM permit_spells
    WHERE NOT annulled
    GROUP BY person_id
),
unlawful AS (   -- such months, and the one before, without any right to work; about the permit or case that was the last by then
    SELECT h.person_id, h.permit_id, h.permit_class, h.valid_from, h.record, p.month, p.gross_sek, p.known_at,
           row_number() OVER (PARTITION BY p.person_id, p.month ORDER BY h.valid_from DESC, h.permit_id DESC, h.is_case) AS place
    FROM paid p
    JOIN last_held h ON h.person_id = p.person_id AND h.valid_from < add_months(p.month, 1) AND (h.last_until IS NULL OR h.last_until >= add_months(p.month, 1) - 1)
    WHERE p.gross_sek >= $amount_sek
      AND NOT EXISTS (SELECT 1 FROM work_rights w
                      WHERE w.person_id = p.person_id AND w.from_on < add_months(p.month, 1)
                        AND (w.to_on IS NULL OR w.to_on >= add_months(p.month, -1)))
),
asked AS (
    SELECT u.*, a.first_permit_from, lag(u.month) OVER (PARTITION BY u.person_id, u.permit_id ORDER BY u.month) AS previous_month
    FROM unlawful u
    JOIN allowed a ON a.person_id = u.person_id
    WHERE u.place = 1 AND u.permit_class IN ('WORK_EMP', 'SELF_EMP')
),
run AS (   -- months in a row are one episode
    SELECT asked.*,
           max(CASE WHEN previous_month IS NULL OR previous_month < add_months(month, -1) THEN month END)
               OVER (PARTITION BY person_id, permit_id ORDER BY month ROWS UNBOUNDED PRECEDING) AS episode
    FROM asked
),
weighed AS (   -- months whose pay was known when a later permit was decided, and neither too little nor excused: that ends the matter once it is known
    SELECT r.permit_id, r.month, min(s.first_known_time) AS weighed_at
    FROM run r
    JOIN whole_permits s ON s.person_id = r.person_id AND s.valid_from >= add_months(r.month, 1) AND CAST(r.known_at AS DATE) <= coalesce(s.decided_on, s.valid_from)
    WHERE s.permit_class <> 'ASYLUM_APPLICANT' AND NOT s.annulled
      AND NOT EXISTS (SELECT 1 FROM earlier_pay e
                      WHERE e.person_id = r.person_id AND e.month = r.month AND e.whole AND (e.excused OR e.gross_sek < $amount_sek)
                        AND CAST(e.from_at AS DATE) <= coalesce(s.decided_on, s.valid_from) AND CAST(e.until_at AS DATE) > coalesce(s.decided_on, s.valid_from))
    GROUP BY r.permit_id, r.month
),
named AS (   -- all that was declared for the month, and the applications that were refused or withdrawn by then since the permit began
    SELECT r.permit_id, r.month, records_of(CASE WHEN f.kind = 'salary' AND f.to_month = r.month THEN f.record END) AS pay_records,
           records_of(CASE WHEN a.outcome <> 'granted' AND a.filed_on >= r.valid_from AND a.decided_on < add_months(r.month, 1) THEN a.record END) AS refused_records
    FROM run r
    JOIN pay_records f ON f.person_id = r.person_id
    LEFT JOIN applications a ON a.person_id = r.person_id
    GROUP BY r.permit_id, r.month
),
told AS (   -- what is paid is paid; the employer may correct it until the month is complete
    SELECT tier.complete, w.weighed_at, n.pay_records, n.refused_records, r.*,
           CASE WHEN tier.complete THEN greatest(agi_complete(r.month), r.known_at) ELSE r.known_at END AS told_at
    FROM (VALUES (false), (true)) AS tier(complete)
    CROSS JOIN run r
    JOIN named n ON n.permit_id = r.permit_id AND n.month = r.month
    LEFT JOIN weighed w ON w.permit_id = r.permit_id AND w.month = r.month
)
SELECT person_id, permit_id, episode AS alert_key, episode AS anchor_at, min(told_at) AS alert_at,
       CASE WHEN complete THEN agi_complete(episode) END AS due_at,
       weighed_at AS cleared_at, 'new_permit' AS cleared_reason,
       CASE WHEN complete AND add_months(first_permit_from, $stay_months) > episode THEN 'medium' ELSE 'weak' END AS severity,
       episode AS first_month, CAST(max(CASE WHEN month = episode THEN gross_sek END) AS BIGINT) AS gross_sek,
       first_permit_from, records(record, records_of(pay_records), records_of(refused_records)) AS records
FROM told
WHERE episode IS NOT NULL   -- every month has one
GROUP BY complete, weighed_at, person_id, permit_id, record, first_permit_from, episode
