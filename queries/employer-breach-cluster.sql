/*
id = "employer-breach-cluster"
number = "R28"
title.sv = "Arbetsgivare med många avvikelser"
title.en = "Employer with many deviations"
finding.sv = "För {breaching} av {holders} tillståndshavare hos arbetsgivaren under ett år har minst en indikation av minst medelstyrka noterats ({rule_mix}). Branschens andel är {sector_rate_bp}; med en sannolikhet av {posterior_bp} är arbetsgivarens andel mer än {factor} gånger så stor. Arbetsgivaren kan behöva granskas; ingenting följer av detta för någon enskild."
finding.en = "For {breaching} of the employer's {holders} permit holders within a year, at least one indication of medium strength or more was noted ({rule_mix}). The sector's share is {sector_rate_bp}; with a probability of {posterior_bp} the employer's share is more than {factor} times that. The employer may need a review; nothing follows from this for any one person."
permit_classes = ["WORK_EMP", "BLUE_CARD", "ICT", "SEASONAL"]
key = "employer_id"
cadence = "P1D"
subject = "employer_id"
legal_basis = ["UtlL 5 b kap. 12 §", "UtlL 6 a kap. 3 a §", "UtlL 6 a kap. 12 a §", "UtlL 6 b kap. 5 §", "UtlL 6 c kap. 6 §", "UF 6 kap. 6 b-6 e §§"]
legal_gate = "request"
severity = "info"
owner = "employer-review"

[[counter_evidence]]
sv = "Arbetsgivaren är försatt i konkurs (avslutar indikationen; personerna kan vara utsatta)"
en = "The employer is bankrupt (ends the indication; the persons may be victims)"
column = "bankrupt_on"
[[counter_evidence]]
sv = "Ofullständiga arbetsgivardeklarationer: sådana månader ger ingen indikation om någon anställd"
en = "Incomplete employer declarations: such months give no indication about any employee"
[[counter_evidence]]
sv = "Avslutade indikationer räknas inte, och ingen indikation längre än tolv månader"
en = "Indications that have ended do not count, and none counts for more than twelve months"
[[counter_evidence]]
sv = "Samma person räknas en gång, hur många indikationer som än finns"
en = "A person counts once, however many indications there are"
column = "rule_mix"
[[counter_evidence]]
sv = "Säsongsstängning, omstrukturering eller överlåtelse av verksamheten"
en = "Seasonal closure, restructuring or transfer of the business"
checked = false
[[counter_evidence]]
sv = "En orsak som även rör andra arbetsgivare i branschen eller på orten"
en = "A cause that touches other employers of the sector or the place as well"
checked = false

[params.holders]
default = 8
doc.sv = "minsta antal tillståndshavare under månaderna för att en andel ska säga något"
doc.en = "least number of permit holders within the months for a rate to mean anything"
source.sv = "eget antagande"
source.en = "own default"
[params.breaches]
default = 3
doc.sv = "minsta antal tillståndshavare med en indikation"
doc.en = "least number of holders with an indication"
source.sv = "eget antagande"
source.en = "own default"
[params.months]
default = 12
doc.sv = "månader som en tidigare tillståndshavare, och en indikation, räknas"
doc.en = "months for which a former holder, and an indication, counts"
source.sv = "eget antagande"
source.en = "own default"
[params.factor]
default = 2
doc.sv = "så många gånger branschens andel som arbetsgivarens andel ska överstiga"
doc.en = "how many times the sector's rate the employer's rate must exceed"
source.sv = "eget antagande"
source.en = "own default"
[params.posterior_bp]
default = 9900
doc.sv = "sannolikheten för det ska vara större än detta"
doc.en = "the probability that it does must be greater than this"
source.sv = "eget antagande"
source.en = "own default"
[params.prior_with]
default = 2
min = 1
doc.sv = "betafördelningens första parameter: tillståndshavare med en indikation i ett tänkt tidigare urval"
doc.en = "first parameter of the Beta prior: holders with an indication in an imagined earlier sample"
source.sv = "eget antagande: ett medelvärde av fem procent, med fyrtio tillståndshavares vikt"
source.en = "own default: a mean of five per cent, the weight of forty holders"
[params.prior_without]
default = 38
min = 1
doc.sv = "betafördelningens andra parameter: tillståndshavare utan indikation"
doc.en = "second parameter of the Beta prior: holders without one"
source.sv = "eget antagande: ett medelvärde av fem procent, med fyrtio tillståndshavares vikt"
source.en = "own default: a mean of five per cent, the weight of forty holders"
*/
WITH indication AS (   -- how long an indication of medium strength or more counts
    SELECT person_id, employer_id, holder_id, rule_number, record_key, alert_at AS from_at,
           least(until_at, CAST(add_months(CAST(alert_at AS DATE), $months) AS TIMESTAMP)) AS to_at
    FROM employer_indications
    WHERE severity_rank(severity) >= 2
),
candidate AS (   -- an employer with enough holders that one was ever about: few are, and only they cost what follows
    SELECT person_id
    FROM (SELECT person_id, holder_id FROM indication GROUP BY person_id, holder_id) b
    GROUP BY person_id
    HAVING count(*) >= $breaches
),
span AS (   -- how long a holder, and an indication about one, counts; each indication for all rules together and for its own
    SELECT p.person_id, p.employer_id, p.holder_id, 'holder' AS what, 0 AS line, p.record_key,
           greatest(CAST(p.from_on AS TIMESTAMP), p.known_at) AS from_at,
           coalesce(CAST(add_months(p.to_on, $months) + 1 AS TIMESTAMP), TIMESTAMP '2199-12-31 00:00:00') AS to_at
    FROM employer_permits p
    JOIN candidate c ON c.person_id = p.person_id
    UNION ALL
    SELECT i.person_id, i.employer_id, i.holder_id, coalesce(k.what, i.rule_number) AS what, k.line, i.record_key, i.from_at, i.to_at
    FROM (VALUES ('breach', 1), (CAST(NULL AS VARCHAR), 2)) AS k(what, line)
    CROSS JOIN indication i
    JOIN candidate c ON c.person_id = i.person_id
),
bound AS (
    SELECT s.person_id, s.employer_id, s.holder_id, s.what, s.line, s.record_key, b.change,
           CASE WHEN b.change = 1 THEN s.from_at ELSE s.to_at END AS moment
    FROM (VALUES (1), (-1)) AS b(change)
    CROSS JOIN span s
    WHERE s.from_at < s.to_at   -- what was over when it became known never counted
),
step AS (   -- one more or one less: a holder's spans of one kind that overlap are one; the bankruptcy is a step as well
    SELECT person_id, employer_id, what, moment, change
    FROM (
        SELECT person_id, employer_id, what, moment, change,   -- each holder and kind ends at 0, where the next begins
               sum(change) OVER (PARTITION BY person_id ORDER BY what, holder_id, moment, change DESC, record_key, line
                                 ROWS UNBOUNDED PRECEDING) AS going_on
        FROM bound
    ) b
    WHERE going_on = CASE WHEN change = 1 THEN 1 ELSE 0 END
    UNION ALL
    SELECT p.person_id, p.employer_id, 'bankrupt' AS what, CAST(e.bankrupt_on AS TIMESTAMP) AS moment, 0 AS change
    FROM (SELECT person_id, employer_id FROM indication GROUP BY person_id, employer_id) p
    JOIN employers e ON e.employer_id = p.employer_id
),
day_step AS (
    SELECT person_id, employer_id, CAST(moment AS DATE) AS day, max(moment) AS moment,
           sum(CASE WHEN what = 'holder' THEN change ELSE 0 END) AS holders, sum(CASE WHEN what = 'breach' THEN change ELSE 0 END) AS breaching
    FROM step
    GROUP BY person_id, employer_id, CAST(moment AS DATE)
),
counted AS (   -- how many there are from each day on
    SELECT person_id, employer_id, day, moment, CAST(sum(holders) OVER so_far AS BIGINT) AS holders,
           CAST(sum(breaching) OVER so_far AS BIGINT) AS breaching
    FROM day_step
    WINDOW so_far AS (PARTITION BY person_id, employer_id ORDER BY day ROWS UNBOUNDED PRECEDING)
),
rated AS (   -- beside the rate of all employers of the sector, or of all employers
    SELECT c.person_id, c.employer_id, c.day, c.moment, c.holders, c.breaching, e.bankrupt_on,
           coalesce(max(CASE WHEN r.name <> 'breach_rate_bp' THEN r.value END), max(r.value)) AS sector_rate_bp
    FROM counted c
    LEFT JOIN employers e ON e.employer_id = c.employer_id
    JOIN parameters r ON (r.name = 'breach_rate_bp' OR r.name = concat('breach_rate_bp_', e.sector))
         AND c.day >= r.valid_from AND (r.valid_to IS NULL OR c.day < r.valid_to)
    GROUP BY c.person_id, c.employer_id, c.day, c.moment, c.holders, c.breaching, e.bankrupt_on
),
judged AS (
    SELECT rated.*, beta_tail_bp(breaching, holders, $prior_with, $prior_without, $factor * sector_rate_bp) AS posterior_bp
    FROM rated
),
flagged AS (
    SELECT judged.*, coalesce(holders >= $holders AND breaching >= $breaches AND posterior_bp > $posterior_bp
                              AND (bankrupt_on IS NULL OR day < bankrupt_on), false) AS hit
    FROM judged
),
run AS (
    SELECT flagged.*,
           min(CASE WHEN NOT hit THEN moment END)
               OVER (PARTITION BY person_id, employer_id ORDER BY day, bankrupt_on ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS quiet_again_at,
           lag(CASE WHEN hit THEN breaching END) OVER (PARTITION BY person_id, employer_id ORDER BY day, bankrupt_on) AS breaching_before
    FROM flagged
),
named AS (   -- how many holders each rule speaks of, on days on which it begins or the holders with an indication become more
    SELECT r.person_id, r.employer_id, r.day, r.moment, r.quiet_again_at, r.holders, r.breaching, r.sector_rate_bp,
           r.posterior_bp, r.bankrupt_on, s.what, sum(s.change) AS of_rule
    FROM run r
    JOIN step s ON s.person_id = r.person_id AND s.moment <= r.moment
    WHERE r.hit AND (r.breaching_before IS NULL OR r.breaching > r.breaching_before) AND s.what NOT IN ('holder', 'breach')
    GROUP BY r.person_id, r.employer_id, r.day, r.moment, r.quiet_again_at, r.holders, r.breaching, r.sector_rate_bp,
             r.posterior_bp, r.bankrupt_on, s.what
    HAVING sum(s.change) > 0
)
SELECT person_id, employer_id, 'cluster' AS alert_key, day AS anchor_at, moment AS alert_at, CAST(day AS TIMESTAMP) AS due_at,
       quiet_again_at AS cleared_at, 'info' AS severity, holders, breaching,
       string_agg(concat(what, ':', CAST(of_rule AS VARCHAR)), ' ' ORDER BY what) AS rule_mix,
       sector_rate_bp, posterior_bp, $factor AS factor, bankrupt_on
FROM named
GROUP BY person_id, employer_id, day, moment, quiet_again_at, holders, breaching, sector_rate_bp, posterior_bp, bankrupt_on
