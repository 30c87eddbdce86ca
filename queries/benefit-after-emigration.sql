/*
id = "benefit-after-emigration"
number = "R25"
title.sv = "Bosättningsbaserad förmån efter utflyttning"
title.en = "Residence-based benefit after emigration"
finding.sv = "Bosättningsbaserad förmån har betalats för tid från {first_period_from}, mer än {wait_days} dagar efter avregistreringen som utflyttad {moved_on}: {amount_sek}, antal utbetalningar {payments}. Omständighet att utreda, riktad till den som betalar ut."
finding.en = "A residence-based benefit was paid for time from {first_period_from}, more than {wait_days} days after the deregistration as emigrated on {moved_on}: {amount_sek}, number of payments {payments}. A circumstance to look into, addressed to the paying authority."
permit_classes = ["WORK_EMP", "BLUE_CARD", "ICT", "SEASONAL", "SELF_EMP", "JOBSEEK_HQ", "RESEARCH", "STUDY_HE", "STUDY_OTHER", "TRAINEE", "VOLUNTEER", "AUPAIR", "POST_STUDY", "FAMILY_SPOUSE", "FAMILY_CHILD", "FAMILY_OTHER", "DEPENDANT", "PROT_REFUGEE", "PROT_SUBSIDIARY", "PROT_TEMPORARY", "HUMANITARIAN", "PERMANENT", "LTR_EU"]
legal_basis = ["SFB 5 kap. 13-14 §§", "lag 2008:206"]
legal_gate = "open"
severity = "medium"
owner = "payment-control"
readings = [
    "What is told ahead, a move or a benefit's period, counts from its day; a renewal decided before that day settles nothing of it.",
]
purpose = "payment_control"
survives = ["permit_ended"]

[[counter_evidence]]
sv = "Efterbetalning för tid före utflyttningen (räknas inte: det är tiden som förmånen avser som räknas)"
en = "Arrears for time before the move (do not count: what counts is the time that the benefit is for)"
column = "first_period_from"
[[counter_evidence]]
sv = "Arbetsbaserad förmån (räknas inte)"
en = "Work-based benefit (does not count)"
[[counter_evidence]]
sv = "Flytt inom EU: förmånen kan följa med enligt förordning 883/2004 (lägre styrka)"
en = "Move within the EU: the benefit may be kept under regulation 883/2004 (lower severity)"
column = "within_eu"
[[counter_evidence]]
sv = "Avregistreringen rättad, eller återflytt (tar bort indikationen respektive tiden därefter)"
en = "Deregistration corrected, or a move back (removes the indication or the time after it)"
column = "returned_on"
[[counter_evidence]]
sv = "Utsänd i statlig tjänst (tar bort indikationen)"
en = "Posted abroad in state service (removes the indication)"
[[counter_evidence]]
sv = "Återbetalat belopp (dras av)"
en = "Amount paid back (deducted)"
[[counter_evidence]]
sv = "Känt när tillståndet förlängdes: redan prövat (räknas inte på förlängningen)"
en = "Known when the permit was extended: already weighed (does not count on the extension)"
[[counter_evidence]]
sv = "Förmån som får betalas vid utlandsvistelse i högst sex månader"
en = "A benefit that may be paid during a stay abroad of at most six months"
checked = false

[params.wait_days]
default = 7
doc.sv = "dagar efter flytten inom vilka en påbörjad period inte räknas"
doc.en = "days after the move within which a started period does not count"
source.sv = "eget antagande"
source.en = "own default"
[params.service_months]
default = 12
doc.sv = "en underrättelse om statlig tjänst förklarar en flytt högst så många månader senare"
doc.en = "a notice of state service explains a move at most so many months later"
source.sv = "eget antagande, som för permanenta tillstånd (R15)"
source.en = "own default, as for permanent-permit-emigrated"
*/
WITH eu_country AS (   -- countries that the register says are in the EU
    SELECT person_id, foreign_country FROM population_posts WHERE foreign_in_eu GROUP BY person_id, foreign_country
),
benefit AS (
    SELECT person_id, record_key, record, source, first_known_time, coalesce(period_from, month) AS period_from, amount_sek,
           greatest(first_known_time, CAST(coalesce(period_from, month) AS TIMESTAMP)) AS known_at   -- paid ahead: from its first day
    FROM payments
    WHERE kind = 'benefit' AND basis = 'residence'
),
paid_before AS (   -- of each benefit the first day and amount that it had before it was corrected, until when
    SELECT h.person_id, h.record_key, coalesce(h.period_from, h.month) AS period_from, h.basis, h.amount_sek, h.known_from AS from_at, min(n.known_from) AS until_at
    FROM payments_history h
    JOIN payments_history n ON n.person_id = h.person_id AND n.record_key = h.record_key AND n.version > h.version AND (n.kind = 'benefit' OR n.op = 'retract')
    WHERE h.kind = 'benefit' AND NOT h.is_latest
    GROUP BY h.person_id, h.record_key, h.record, h.period_from, h.month, h.basis, h.amount_sek, h.known_from
    HAVING min(n.known_from) > h.known_from
),
held AS (   -- permits with the first day of the right and of the next one, and when the next permit of the right took over
    SELECT r.person_id, r.permit_id, r.record, greatest(r.first_known_time, CAST(r.valid_from AS TIMESTAMP)) AS held_at, r.decided_on,
           r.is_first,
           CASE WHEN r.right_from > min(r.right_from) OVER (PARTITION BY r.person_id) THEN r.right_from END AS later_right_from,
           first_value(CASE WHEN r.is_first THEN r.right_from END IGNORE NULLS)
               OVER (PARTITION BY r.person_id ORDER BY r.valid_from, r.permit_id
                     ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS next_right_from,
           CASE WHEN s.continued THEN greatest(s.next_known_at, CAST(s.next_from AS TIMESTAMP)) END AS taken_over_at
    FROM rights r
    JOIN permit_spells s ON s.permit_id = r.permit_id
),
due AS (   -- each benefit after a move: since when it has been known to be one, as far as the decision on each permit goes
    SELECT p.permit_id, b.record, a.record AS post_record,
           greatest(b.known_at, max(CASE WHEN NOT coalesce(o.basis = 'residence' AND o.amount_sek > 0 AND o.period_from > a.dereg_on + $wait_days
                                                           AND (a.returned_on IS NULL OR o.period_from < a.returned_on), false) THEN o.until_at END),
                    max(w.until_at)) AS stands_since
    FROM benefit b
    JOIN deregistrations a ON a.person_id = b.person_id AND a.dereg_code = 'UV'
    JOIN rights p ON p.person_id = b.person_id
    LEFT JOIN paid_before o ON o.person_id = b.person_id AND o.record_key = b.record_key AND CAST(o.from_at AS DATE) <= p.decided_on
    LEFT JOIN earlier_notices w ON w.person_id = a.person_id AND w.about = 'service'   -- that excused it before
         AND w.event_on >= add_months(a.dereg_on, -$service_months) AND w.event_on <= a.dereg_on + $wait_days AND CAST(w.from_at AS DATE) <= p.decided_on
    GROUP BY p.permit_id, b.record, b.known_at, a.record
)
SELECT p.person_id, p.permit_id, concat(CAST(a.dereg_on AS VARCHAR), ':', b.source) AS alert_key, min(b.period_from) AS anchor_at,
       greatest(a.known_at, min(b.known_at), p.held_at) AS alert_at,
       CAST(a.dereg_on + $wait_days + 1 AS TIMESTAMP) AS due_at, p.taken_over_at AS cleared_at, 'permit_ended' AS cleared_reason,
       CASE WHEN count(e.person_id) > 0 THEN 'weak' ELSE 'medium' END AS severity,
       a.dereg_on AS moved_on, a.foreign_country, count(e.person_id) > 0 AS within_eu, a.returned_on, $wait_days AS wait_days,
       min(b.period_from) AS first_period_from, max(b.period_from) AS last_period_from, count(*) AS payments,
       CAST(sum(b.amount_sek) AS BIGINT) AS amount_sek,
       records(p.record, a.record, records_of(b.record)) AS records
FROM held p   -- of the right within which the move was, else the last one before it, else the first: the permit that carries it, also when it has ended
JOIN deregistrations a ON a.person_id = p.person_id AND a.dereg_code = 'UV' AND (p.later_right_from IS NULL OR a.dereg_on >= p.later_right_from)
     AND (p.next_right_from IS NULL OR a.dereg_on < p.next_right_from)
JOIN benefit b ON b.person_id = a.person_id AND b.period_from > a.dereg_on + $wait_days AND (a.returned_on IS NULL OR b.period_from < a.returned_on)
JOIN due s ON s.permit_id = p.permit_id AND s.record = b.record AND s.post_record = a.record
     AND (p.is_first OR p.decided_on IS NULL OR CAST(greatest(s.stands_since, a.known_at) AS DATE) > p.decided_on)
LEFT JOIN eu_country e ON e.person_id = a.person_id AND e.foreign_country = a.foreign_country
WHERE NOT EXISTS (SELECT 1 FROM notices n
                  WHERE n.person_id = a.person_id AND n.kind = 'state_service_abroad'
                    AND n.event_on >= add_months(a.dereg_on, -$service_months) AND n.event_on <= a.dereg_on + $wait_days)
GROUP BY p.person_id, p.permit_id, p.record, p.held_at, p.taken_over_at, a.record, a.dereg_on, a.foreign_country, a.known_at, a.returned_on,
         b.source
HAVING sum(b.amount_sek) > 0
