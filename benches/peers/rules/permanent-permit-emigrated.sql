/*
id = "permanent-permit-emigrated"
number = "R15"
title.sv = "Innehavare av permanent uppehållstillstånd utflyttad"
title.en = "Holder of a permanent permit has emigrated"
finding.sv = "Förenklad regel för jämförelsen mellan system. Omständighet att utreda."
finding.en = "A reduced rule for the comparison of systems. A circumstance to look into."
permit_classes = ["PERMANENT"]
legal_basis = ["UtlL 7 kap. 7 §"]
legal_gate = "open"
severity = "strong"
owner = "national-control"
*/
SELECT p.person_id, p.permit_id, n.dereg_on AS alert_key, n.dereg_on AS anchor_at, CAST(n.dereg_on + 30 AS TIMESTAMP) AS alert_at,
       CAST(n.dereg_on + 30 AS TIMESTAMP) AS due_at, CAST(least(p.valid_to, p.ended_on) + 1 AS TIMESTAMP) AS cleared_at, n.dereg_on AS moved_on
FROM permits p
JOIN population n ON n.person_id = p.person_id AND n.dereg_code = 'UV' AND n.dereg_on >= p.valid_from
WHERE p.permit_class = 'PERMANENT'
