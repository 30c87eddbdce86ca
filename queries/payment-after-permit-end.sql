/*
id = "payment-after-permit-end"
number = "R26"
title.sv = "Utbetalning efter återkallelse eller utgång"
title.en = "Payment after revocation or expiry"
finding.sv = "Bosättningsbaserad förmån har betalats för tid från {first_period_from}, mer än {wait_days} dagar efter att rätten att vistas här upphörde {right_until} ({why}). Omständighet att utreda, riktad till den som betalar ut."
finding.en = "A residence-based benefit was paid for time from {first_period_from}, more than {wait_days} days after the right to stay ended on {right_until} ({why}). A circumstance to look into, addressed to the paying authority."
permit_classes = ["WORK_EMP", "BLUE_CARD", "ICT", "SEASONAL", "SELF_EMP", "JOBSEEK_HQ", "RESEARCH", "STUDY_HE", "STUDY_OTHER", "TRAINEE", "VOLUNTEER", "AUPAIR", "POST_STUDY", "FAMILY_SPOUSE", "FAMILY_CHILD", "FAMILY_OTHER", "DEPENDANT", "PROT_REFUGEE", "PROT_SUBSIDIARY", "PROT_TEMPORARY", "HUMANITARIAN", "PERMANENT", "LTR_EU"]
legal_basis = ["SFB 5 kap. 12 §", "UF 7 kap. 7 a § och 15 a § 10 p.", "lag 2008:206"]
legal_gate = "open"
severity = "medium"
owner = "payment-control"
readings = [
    "A new permit ends it whatever its class, and also if it does not last as long as a revoked one would have.",
]
purpose = "payment_control"
survives = ["permit_ended"]

[[counter_evidence]]
sv = "Ansökan inlämnad i tid: rätten räknas till beslutet (SFB 5 kap. 12 § 2 st.)"
en = "Application filed in time: the right counts until the decision"
column = "application_decided_on"
[[counter_evidence]]
sv = "Nytt tillstånd eller uppehållsrätt (tar bort eller avslutar indikationen)"
en = "New permit or right of residence (removes or ends the indication)"
[[counter_evidence]]
sv = "Verkställigheten inhiberad (tar bort indikationen)"
en = "Enforcement suspended by a court (removes the indication)"
[[counter_evidence]]
sv = "Beslut om återkallelse som inte har fått laga kraft (räknas inte)"
en = "A decision to revoke that is not final (does not count)"
[[counter_evidence]]
sv = "Utbetalning för tid före upphörandet, eller arbetsbaserad förmån (räknas inte)"
en = "Payment for time before the end, or a work-based benefit (does not count)"
[[counter_evidence]]
sv = "Återbetalat belopp (dras av)"
en = "Amount paid back (deducted)"
[[counter_evidence]]
sv = "Rätt enligt EU-rätten (förordning 883/2004) som inte framgår av tillstånden"
en = "A right under EU law (regulation 883/2004) that the permits do not show"
checked = false

[params.wait_days]
default = 31
doc.sv = "dagar efter att rätten upphörde inom vilka en påbörjad period inte räknas"
doc.en = "days after the end of the right within which a started period does not count"
source.sv = "eget antagande"
source.en = "own default"
*/
WITH ended AS (   -- permits whose right to stay has an end: final revocation, else the last day on which the right goes on
    SELECT person_id, permit_id, record, first_known_time, held_until,
           CASE WHEN revoked_final_on <= coalesce(valid_to, revoked_final_on) THEN revoked_final_on
                WHEN end_kind = 'revoked' AND carries_until < coalesce(valid_to, DATE '2199-12-31') THEN valid_to   -- not final: does not count
                ELSE carries_until END AS right_until,
           CASE WHEN revoked_final_on <= coalesce(valid_to, revoked_final_on) THEN 'revoked' ELSE 'expired' END AS why
    FROM permit_spells
    WHERE NOT coalesce(inhibited, false)
),
another AS (   -- the first other permit since then, whatever its kind and length
    SELECT e.permit_id, min(o.valid_from) AS from_on, min(greatest(o.first_known_time, CAST(o.valid_from AS TIMESTAMP))) AS held_at
    FROM ended e
    JOIN permit_spells o ON o.person_id = e.person_id AND NOT o.annulled AND o.valid_from > e.right_until
    GROUP BY e.permit_id
),
refused AS (   -- the applications whose refusal or withdrawal ended the right
    SELECT e.permit_id, records_of(CASE WHEN a.decided_on = e.right_until AND e.right_until > e.held_until THEN a.record END) AS records
    FROM ended e
    JOIN applications a ON a.person_id = e.person_id
    GROUP BY e.permit_id
)
SELECT e.person_id, e.permit_id, b.source AS alert_key, min(b.period_from) AS anchor_at,
       greatest(min(b.known_at), e.first_known_time) AS alert_at,
       CAST(e.right_until + $wait_days + 1 AS TIMESTAMP) AS due_at, n.held_at AS cleared_at, 'medium' AS severity,
       e.why, e.right_until, CASE WHEN e.right_until > e.held_until THEN e.right_until END AS application_decided_on, $wait_days AS wait_days,
       min(b.period_from) AS first_period_from, max(b.period_from) AS last_period_from, count(*) AS payments,
       CAST(sum(b.amount_sek) AS BIGINT) AS amount_sek,
       records(e.record, x.records, records_of(b.record)) AS records
FROM ended e
LEFT JOIN another n ON n.permit_id = e.permit_id
JOIN (SELECT person_id, record, source, coalesce(period_from, month) AS period_from, amount_sek,
             greatest(first_known_time, CAST(coalesce(period_from, month) AS TIMESTAMP)) AS known_at   -- paid ahead: from its first day
      FROM payments WHERE kind = 'benefit' AND basis = 'residence') b
  ON b.person_id = e.person_id AND b.period_from > e.right_until + $wait_days AND (n.from_on IS NULL OR b.period_from < n.from_on)
LEFT JOIN refused x ON x.permit_id = e.permit_id
WHERE NOT EXISTS (SELECT 1 FROM permit_spells o   -- a permit beside it that went on
                  WHERE o.person_id = e.person_id AND o.permit_id <> e.permit_id AND NOT o.annulled
                    AND o.valid_from <= e.right_until AND (o.carries_until IS NULL OR o.carries_until > e.right_until))
GROUP BY e.person_id, e.permit_id, e.record, e.first_known_time, n.held_at, b.source, e.why, e.right_until, e.held_until, x.records
HAVING sum(b.amount_sek) > 0
