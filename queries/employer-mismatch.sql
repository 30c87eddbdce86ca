/*
id = "employer-mismatch"
number = "R07"
title.sv = "Annan arbetsgivare än tillståndet avser"
title.en = "Another employer than the permit allows"
finding.sv = "Under de tre månaderna till och med {last_month} är lön deklarerad av en arbetsgivare som tillståndet inte avser, som mest {other_sek} i månaden. [mismatch_months: Månader med lön bara från en sådan: {mismatch_months}. ][mixed_months: Månader med lön även från en arbetsgivare som tillståndet avser: {mixed_months}. ]Omständighet att utreda."
finding.en = "In the three months up to {last_month}, salary was declared by an employer that the permit does not allow, at most {other_sek} in a month. [mismatch_months: Months with salary from such an employer alone: {mismatch_months}. ][mixed_months: Months with salary from an employer that the permit allows as well: {mixed_months}. ]A circumstance to look into."
permit_classes = ["WORK_EMP", "BLUE_CARD", "SEASONAL", "ICT"]
legal_basis = ["UtlL 6 kap. 2 a § 2 st.", "UtlL 6 a kap. 8 §", "UtlL 7 kap. 3 § 1 st. 1 p.", "UtlL 20 kap. 3 §"]
legal_gate = "verify"
severity = "medium"
owner = "national-control"
readings = [
    "Months are counted over permits of one class that continue one another, each under its own permit's employers.",
    "Months elsewhere that a renewal's decision could weigh raise nothing on the renewal by themselves, also where it is valid from before its decision.",
    "An application excuses pay from the employer that it names, and from no other.",
]

[[counter_evidence]]
sv = "Verksamheten har övergått till den nya arbetsgivaren (räknas som tillåten)"
en = "The business was transferred to the new employer (counts as allowed)"
[[counter_evidence]]
sv = "Ett annat tillstånd som gällde samtidigt avser den arbetsgivaren (räknas inte)"
en = "Another permit held at the time allows that employer (does not count)"
[[counter_evidence]]
sv = "Utbetalaren är försäkringsgivare, myndighet (även lönegaranti) eller löneadministratör (räknas inte)"
en = "The payer is an insurer, an authority (wage guarantee too) or a payroll provider (does not count)"
[[counter_evidence]]
sv = "Ansökan som avser den arbetsgivaren är inlämnad eller beviljad (räknas inte, förrän den avslås eller återkallas)"
en = "An application for that employer is filed or granted (does not count, until it is refused or withdrawn)"
[[counter_evidence]]
sv = "Den tillåtna arbetsgivarens deklaration är ofullständig den månaden (räknas inte)"
en = "The allowed employer's declaration for the month is incomplete (does not count)"
[[counter_evidence]]
sv = "Även lön från tillåten arbetsgivare (endast information, om inte två månader är helt utan sådan)"
en = "Salary from an allowed employer as well (information only, unless two months are wholly without it)"
column = "mixed_months"
[[counter_evidence]]
sv = "En ursäktad månad räknas som en månad hos den tillåtna arbetsgivaren"
en = "An excused month counts as one with the allowed employer"
[[counter_evidence]]
sv = "Styrelsearvode eller annan ersättning som inte är anställning"
en = "Board fee or other pay that is not employment"
checked = false
[[counter_evidence]]
sv = "Slutlön från en tidigare arbetsgivare"
en = "Final pay from a former employer"
checked = false

[params.amount_sek]
default = 5000
doc.sv = "lägsta månadslön från en arbetsgivare som räknas"
doc.en = "least monthly salary from one employer that counts"
source.sv = "eget antagande"
source.en = "own default"
[params.complete_pct]
default = 95
doc.sv = "en arbetsgivares månad är komplett när deklarationerna omfattar denna andel av den vanliga personalen"
doc.en = "an employer's month is complete when its declarations cover this share of the usual staff"
source.sv = "eget antagande"
source.en = "own default"
*/
WITH tied AS (   -- permits whose employer binds
    SELECT p.person_id, coalesce(h.chain_id, p.permit_id) AS chain_id, p.permit_id, p.record, p.decided_on, p.valid_from,
           coalesce(p.application_on, p.decided_on, p.valid_from) AS applied_on, least(p.held_until, p.tied_until) AS tied_until
    FROM permit_spells p
    LEFT JOIN permit_chains h ON h.permit_id = p.permit_id
    WHERE p.permit_class IN ('WORK_EMP', 'BLUE_CARD', 'SEASONAL', 'ICT') AND coalesce(p.work_right, 'employer') NOT IN ('any', 'occupation')
),
pay AS (   -- full months under the tie with the salary of each employer, and whether the permit allows that employer
    SELECT t.* EXCLUDE (valid_from, tied_until), s.month, s.employer_id, s.gross_sek, s.known_at,
           pe.employer_id IS NOT NULL AS permitted
    FROM tied t
    JOIN salaries s ON s.person_id = t.person_id AND s.month >= t.valid_from AND (t.tied_until IS NULL OR add_months(s.month, 1) <= t.tied_until + 1)
    LEFT JOIN permitted_employers pe ON pe.permit_id = t.permit_id AND pe.employer_id = s.employer_id
         AND pe.from_on < add_months(s.month, 1) AND (pe.to_on IS NULL OR pe.to_on >= s.month)
),
elsewhere AS (   -- permits under which, or those they renew, another employer ever paid enough: of the others there is nothing to say
    SELECT person_id, chain_id
    FROM pay
    WHERE NOT permitted AND gross_sek >= $amount_sek
    GROUP BY person_id, chain_id
),
beside AS (   -- employers that another permit allowed while it was held
    SELECT c.permit_id, e.employer_id, greatest(e.from_on, b.valid_from) AS from_on, least(e.to_on, b.held_until) AS to_on
    FROM elsewhere o
    JOIN permit_chains c ON c.person_id = o.person_id AND c.chain_id = o.chain_id
    JOIN permit_spells b ON b.person_id = c.person_id AND b.permit_id <> c.permit_id
    JOIN permit_employers e ON e.permit_id = b.permit_id
),
incomplete AS (   -- months in which an allowed employer's silence shows nothing
    SELECT pe.permit_id, m.month
    FROM permitted_employers pe
    JOIN employer_months m ON m.employer_id = pe.employer_id AND m.reported_pct < $complete_pct
    GROUP BY pe.permit_id, m.month
),
begun AS (   -- of each employer and month with less than enough declared when a permit was decided: until when
    SELECT e.person_id, e.month, e.employer_id, max(e.until_at) AS until_at
    FROM elsewhere o
    JOIN earlier_pay e ON e.person_id = o.person_id AND e.gross_sek < $amount_sek
    JOIN whole_permits d ON d.person_id = e.person_id AND CAST(e.from_at AS DATE) <= d.decided_on AND d.decided_on < CAST(e.until_at AS DATE)
    GROUP BY e.person_id, e.month, e.employer_id
),
taken_back AS (   -- of each permit and month the pay of an allowed employer, or the excuse, that was there when a permit was decided: until when
    SELECT t.permit_id, e.month, max(CASE WHEN NOT e.excused THEN e.until_at END) AS paid_until, max(CASE WHEN e.excused THEN e.until_at END) AS excused_until
    FROM elsewhere o
    JOIN tied t ON t.person_id = o.person_id AND t.chain_id = o.chain_id
    JOIN earlier_pay e ON e.person_id = t.person_id
    JOIN whole_permits d ON d.person_id = e.person_id AND CAST(e.from_at AS DATE) <= d.decided_on AND d.decided_on < CAST(e.until_at AS DATE)
    LEFT JOIN permitted_employers pe ON pe.permit_id = t.permit_id AND pe.employer_id = e.employer_id
         AND pe.from_on < add_months(e.month, 1) AND (pe.to_on IS NULL OR pe.to_on >= e.month)
    WHERE e.excused OR (pe.employer_id IS NOT NULL AND e.gross_sek > 0)
    GROUP BY t.permit_id, e.month
),
refused AS (   -- an application excuses until it is refused or withdrawn, the last one for an employer; one that was granted does on
    SELECT s.permit_id, s.month, s.employer_id, max(r.decided_on) AS refused_on
    FROM elsewhere o
    JOIN pay s ON s.person_id = o.person_id AND s.chain_id = o.chain_id
    JOIN applications r ON r.person_id = s.person_id AND r.employer_id = s.employer_id AND r.filed_on < add_months(s.month, 1)
    GROUP BY s.permit_id, s.month, s.employer_id
),
counted AS (   -- what each employer paid: `other_sek` if neither permit nor application allows it, and since when that has been so
    SELECT s.person_id, s.chain_id, s.permit_id, s.record, s.decided_on, s.month, s.gross_sek, s.permitted, b.until_at,
           greatest(s.known_at, CAST(r.refused_on + 1 AS TIMESTAMP)) AS known_at,
           CASE WHEN NOT s.permitted AND a.employer_id IS NULL AND h.employer_id IS NULL AND coalesce(e.payer_kind, 'normal') = 'normal' THEN s.gross_sek ELSE 0 END AS other_sek
    FROM elsewhere o
    JOIN pay s ON s.person_id = o.person_id AND s.chain_id = o.chain_id
    LEFT JOIN employers e ON e.employer_id = s.employer_id
    LEFT JOIN applications a ON a.person_id = s.person_id AND a.employer_id = s.employer_id AND a.filed_on < add_months(s.month, 1)
         AND coalesce(a.outcome, 'granted') = 'granted'
         AND (a.decided_on IS NULL OR a.decided_on >= s.month OR a.filed_on >= s.applied_on)
    LEFT JOIN refused r ON r.permit_id = s.permit_id AND r.month = s.month AND r.employer_id = s.employer_id
    LEFT JOIN beside h ON h.permit_id = s.permit_id AND h.employer_id = s.employer_id AND h.from_on < add_months(s.month, 1)
         AND (h.to_on IS NULL OR h.to_on >= s.month)
    LEFT JOIN begun b ON b.person_id = s.person_id AND b.month = s.month AND b.employer_id = s.employer_id
),
paid_month AS (   -- months with any salary: the largest from an employer outside the tie, since when there is one, and whether one inside it paid
    SELECT c.person_id, c.chain_id, c.permit_id, c.record, c.decided_on, c.month, max(c.other_sek) AS other_sek,
           max(CASE WHEN c.permitted THEN c.gross_sek ELSE 0 END) AS permitted_sek,
           greatest(agi_complete(c.month), min(CASE WHEN c.other_sek >= $amount_sek THEN c.known_at END)) AS evaluated_at,
           min(CASE WHEN c.other_sek >= $amount_sek THEN greatest(c.known_at, c.until_at) END) AS other_at
    FROM counted c
    LEFT JOIN incomplete i ON i.permit_id = c.permit_id AND i.month = c.month
    WHERE i.month IS NULL
    GROUP BY c.person_id, c.chain_id, c.permit_id, c.record, c.decided_on, c.month
    HAVING max(c.gross_sek) > 0   -- a statement of nothing says nothing of an employer
),
excused AS (   -- an excused month, with salary or without, is one with the allowed employer
    SELECT t.person_id, t.chain_id, t.permit_id, t.record, t.decided_on, x.month
    FROM elsewhere o
    JOIN tied t ON t.person_id = o.person_id AND t.chain_id = o.chain_id
    JOIN excused_months x ON x.person_id = t.person_id AND x.month >= t.valid_from AND (t.tied_until IS NULL OR add_months(x.month, 1) <= t.tied_until + 1)
    GROUP BY t.person_id, t.chain_id, t.permit_id, t.record, t.decided_on, x.month
),
flagged AS (
    SELECT p.* EXCLUDE (permitted_sek, other_at), false AS is_excused,
           greatest(p.evaluated_at, p.other_at, CASE WHEN p.permitted_sek <= 0 THEN b.paid_until END, b.excused_until) AS stands_since,   -- as it stands
           CASE WHEN p.other_sek >= $amount_sek AND p.permitted_sek <= 0 THEN 1 ELSE 0 END AS mismatch,
           CASE WHEN p.other_sek >= $amount_sek AND p.permitted_sek > 0 THEN 1 ELSE 0 END AS mixed
    FROM paid_month p
    LEFT JOIN excused x ON x.permit_id = p.permit_id AND x.month = p.month
    LEFT JOIN taken_back b ON b.permit_id = p.permit_id AND b.month = p.month
    WHERE x.month IS NULL
    UNION ALL
    SELECT excused.*, 0 AS other_sek, agi_complete(month) AS evaluated_at, true AS is_excused, agi_complete(month) AS stands_since, 0 AS mismatch, 0 AS mixed
    FROM excused
),
recent AS (   -- each month with those of the two calendar months before it
    SELECT person_id, chain_id, permit_id, record, month, evaluated_at, row_number() OVER w AS place,
           greatest(other_sek, lag(other_sek) OVER w,   -- whoever has a grade has another such month within two before it
                    CASE WHEN lag(month, 2) OVER w >= add_months(month, -2) THEN lag(other_sek, 2) OVER w END) AS other_sek,
           mismatch + mixed > 0 AS elsewhere, mismatch + CASE WHEN lag(month) OVER w >= add_months(month, -2) THEN lag(mismatch) OVER w ELSE 0 END
                    + CASE WHEN lag(month, 2) OVER w >= add_months(month, -2) THEN lag(mismatch, 2) OVER w ELSE 0 END AS mismatch_3,
           mixed + CASE WHEN lag(month) OVER w >= add_months(month, -2) THEN lag(mixed) OVER w ELSE 0 END
                 + CASE WHEN lag(month, 2) OVER w >= add_months(month, -2) THEN lag(mixed, 2) OVER w ELSE 0 END AS mixed_3,
           greatest(evaluated_at, lag(evaluated_at) OVER w,
                    CASE WHEN lag(month, 2) OVER w >= add_months(month, -2) THEN lag(evaluated_at, 2) OVER w END) AS known_at,
           max(CASE WHEN mismatch + mixed > 0 THEN stands_since END) OVER last3 AS elsewhere_at
    FROM flagged
    WINDOW w AS (PARTITION BY person_id, chain_id ORDER BY month, permit_id, is_excused),
           last3 AS (PARTITION BY person_id, chain_id ORDER BY month, permit_id, is_excused ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)
),
graded AS (   -- a month elsewhere beside one of both kinds adds up with it; a month elsewhere that is alone ends nothing
    SELECT recent.*, CASE WHEN mismatch_3 >= 2 THEN 'medium' WHEN mismatch_3 + mixed_3 >= 2 THEN 'info' END AS severity,
           mismatch_3 + mixed_3 < 2 AND NOT elsewhere AS good
    FROM recent
),
run AS (   -- months with a grade are one episode, until the next good month
    SELECT graded.*,
           max(CASE WHEN good THEN month END) OVER (PARTITION BY person_id, chain_id ORDER BY place ROWS UNBOUNDED PRECEDING) AS last_good_month,
           min(CASE WHEN good THEN known_at END)
               OVER (PARTITION BY person_id, chain_id ORDER BY place ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS good_again_at
    FROM graded
),
told AS (
    SELECT run.*, min(month) OVER (PARTITION BY person_id, chain_id, last_good_month ORDER BY place ROWS UNBOUNDED PRECEDING) AS episode
    FROM run
    WHERE severity IS NOT NULL
),
step AS (   -- with all that was declared for the three months or excused in them, their permits, and refused applications for another employer
    SELECT t.person_id, t.permit_id, t.record, t.episode, t.month, t.known_at, t.good_again_at, t.severity, t.mismatch_3, t.mixed_3, t.other_sek, t.elsewhere_at,
           records_of(CASE WHEN f.to_month >= add_months(t.month, -2)
                            AND CASE f.kind WHEN 'salary' THEN f.to_month <= t.month
                                            ELSE f.from_month <= t.month AND coalesce(f.permit_class IN ('WORK_EMP', 'BLUE_CARD', 'SEASONAL', 'ICT'), true) END
                           THEN f.record END) AS month_records,
           records_of(CASE WHEN a.outcome <> 'granted' AND a.decided_on >= add_months(t.month, -2) AND a.filed_on < add_months(t.month, 1) THEN a.record END) AS refused_records
    FROM told t
    JOIN pay_records f ON f.person_id = t.person_id
    LEFT JOIN applications a ON a.person_id = t.person_id
    GROUP BY t.person_id, t.permit_id, t.record, t.episode, t.month, t.known_at, t.good_again_at, t.severity, t.mismatch_3, t.mixed_3, t.other_sek, t.elsewhere_at
),
allowed AS (   -- which employers the permit allows
    SELECT permit_id, records_of(record) AS records FROM permit_employers GROUP BY permit_id
)
SELECT s.person_id, c.carrier_id AS permit_id, s.episode AS alert_key, s.month AS anchor_at, greatest(s.known_at, c.from_at) AS alert_at,
       agi_complete(s.month) AS due_at, s.good_again_at AS cleared_at, s.severity,
       s.month AS last_month, CAST(s.mismatch_3 AS BIGINT) AS mismatch_months, CAST(s.mixed_3 AS BIGINT) AS mixed_months, s.other_sek,
       records(s.record, c.record, e.records, s.month_records, s.refused_records) AS records
FROM step s
JOIN carriers c ON c.permit_id = s.permit_id AND (c.settled_on IS NULL OR CAST(s.elsewhere_at AS DATE) > c.settled_on)
LEFT JOIN allowed e ON e.permit_id = s.permit_id
