/*
id = "serious-crime-notice"
number = "O2"
title.sv = "Domstols underrättelse väntar på prövning"
title.en = "A court's notice awaits examination"
finding.sv = "En underrättelse enligt UF 7 kap. 11 § av {noticed_on} har kommit in. Månader utan antecknat beslut: {months_waited}. Innehållet visas inte här. Omständighet att utreda."
finding.en = "A notice under UF 7 kap. 11 § of {noticed_on} has been received. Months without a recorded decision: {months_waited}. What it says is not shown here. A circumstance to look into."
permit_classes = ["PROT_SUBSIDIARY"]
legal_basis = ["UtlL 4 kap. 2 c § 2 p.", "UtlL 4 kap. 5 c §", "UF 7 kap. 11 §"]
legal_gate = "closed"
severity = "info"
owner = "exclusion-unit"
stage = "draft"

[[counter_evidence]]
sv = "Underrättelsen återkallad av avsändaren (tar bort indikationen)"
en = "The notice was withdrawn by its sender (removes the indication)"
[[counter_evidence]]
sv = "Beslut om återkallelse antecknat sedan underrättelsen kom in (avslutar indikationen)"
en = "A decision to revoke has been recorded since the notice came in (ends the indication)"
[[counter_evidence]]
sv = "Känt när tillståndet förlängdes: redan prövat (räknas inte på förlängningen)"
en = "Known when the permit was extended: already weighed (does not count on the extension)"
[[counter_evidence]]
sv = "Domen ändrad, eller inte slutlig"
en = "The judgment was changed, or is not final"
checked = false
[[counter_evidence]]
sv = "Prövat med utgången att statusen består: det antecknas inte i flödena"
en = "Examined, and the status stands: the feeds do not record that"
checked = false

[params.wait_months]
default = 6
doc.sv = "månader från att underrättelsen kom in inom vilka ett beslut inväntas"
doc.en = "months after the notice came in within which a decision is awaited"
source.sv = "eget antagande"
source.en = "own default"
*/
WITH notice AS (   -- routed as it came: nothing of what it says is read, nor does it matter whether its day belongs to a permit
    SELECT p.person_id, p.permit_id, p.record, n.record AS notice_record, n.event_on, CAST(n.first_known_time AS DATE) AS came_on,
           greatest(n.first_known_time, CAST(n.event_on AS TIMESTAMP)) AS known_at,
           greatest(p.first_known_time, CAST(p.valid_from AS TIMESTAMP)) AS held_at
    FROM rights p   -- the permit that carries the right, unless the decision to extend could weigh the notice
    JOIN notices n ON n.person_id = p.person_id AND n.kind = 'court_notice'
         AND (p.is_first OR p.decided_on IS NULL OR CAST(n.first_known_time AS DATE) > p.decided_on)
    WHERE p.permit_class = 'PROT_SUBSIDIARY'
),
decision AS (   -- the day of the decision to revoke a permit, and when it became known
    SELECT p.person_id, p.permit_id, p.revoked_on, min(h.known_from) AS known_at
    FROM whole_permits p
    JOIN permits_history h ON h.permit_id = p.permit_id AND h.revoked_on = p.revoked_on
    GROUP BY p.person_id, p.permit_id, p.revoked_on
)
SELECT n.person_id, n.permit_id, n.event_on AS alert_key, n.event_on AS anchor_at,
       greatest(n.known_at, n.held_at, CAST(add_months(CAST(n.known_at AS DATE), t.months) AS TIMESTAMP)) AS alert_at,
       CAST(add_months(CAST(n.known_at AS DATE), t.months) AS TIMESTAMP) AS due_at, d.known_at AS cleared_at, t.severity,
       n.event_on AS noticed_on, t.months AS months_waited, records(n.record, n.notice_record) AS records
FROM (VALUES ('info', 0), ('medium', $wait_months)) AS t(severity, months)
CROSS JOIN notice n
LEFT JOIN decision d ON d.permit_id = n.permit_id AND d.revoked_on >= n.came_on   -- one that was made before could not weigh it
