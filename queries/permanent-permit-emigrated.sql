/*
id = "permanent-permit-emigrated"
number = "R15"
title.sv = "Innehavare av permanent uppehållstillstånd utflyttad"
title.en = "Holder of a permanent permit has emigrated"
finding.sv = "Avregistrerad som utflyttad sedan {moved_on}. [keep_notice_on: Anmälan om att behålla tillståndet: {keep_notice_on}. ]Omständighet att utreda."
finding.en = "Deregistered as emigrated on {moved_on}. [keep_notice_on: Notice to keep the permit: {keep_notice_on}. ]A circumstance to look into."
permit_classes = ["PERMANENT"]
legal_basis = ["UtlL 7 kap. 7 §", "FBL 20 §"]
legal_gate = "open"
severity = "strong"
owner = "national-control"
readings = [
    "A move told ahead counts from its day: a decision before that day settles nothing of it.",
    "Held against the unbroken right. A status as long-term resident, then or since, makes it medium; the two are held beside each other and end neither.",
]

[[counter_evidence]]
sv = "Ny folkbokföring (avslutar indikationen) eller rättelse av avregistreringen (tar bort den)"
en = "New registration (ends the indication) or correction of the deregistration (removes it)"
[[counter_evidence]]
sv = "Anmälan före utflyttningen om att behålla tillståndet flyttar fristen två år"
en = "A notice before the move to keep the permit moves the time limit by two years"
column = "keep_notice_on"
[[counter_evidence]]
sv = "Utsänd i statlig tjänst (tar bort indikationen)"
en = "Posted abroad in state service (removes the indication)"
[[counter_evidence]]
sv = "Ställning som varaktigt bosatt (lägre styrka)"
en = "Status as long-term resident (lower severity)"
column = "long_term_resident"
[[counter_evidence]]
sv = "Känt när tillståndet förlängdes: redan prövat (räknas inte på förlängningen)"
en = "Known when the permit was extended: already weighed (does not count on the extension)"
[[counter_evidence]]
sv = "Anställd vid EU:s institutioner"
en = "Employed by the institutions of the EU"
checked = false
[[counter_evidence]]
sv = "Anmälan om att behålla tillståndet gjord men inte registrerad"
en = "Notice to keep the permit made but not recorded"
checked = false

[params.wait_days]
default = 30
doc.sv = "dagar att invänta en rättelse efter att avregistreringen blev känd"
doc.en = "days to wait for a correction after the deregistration first became known"
source.sv = "eget antagande"
source.en = "own default"
[params.service_months]
default = 12
doc.sv = "en underrättelse om statlig tjänst förklarar en flytt högst så många månader senare"
doc.en = "a notice of state service explains a move at most so many months later"
source.sv = "eget antagande"
source.en = "own default"
[params.keep_months]
default = 24
doc.sv = "månader som tillståndet behålls efter en anmälan"
doc.en = "months for which a permit is kept after a notice"
source = "UtlL 7 kap. 7 §"
*/
WITH move AS (   -- moves abroad within the unbroken right, each with the end of the wait and the statuses as long-term resident then or since
    SELECT p.person_id, p.permit_id, p.record, greatest(p.first_known_time, CAST(p.valid_from AS TIMESTAMP)) AS held_at, p.keep_notice_on,
           d.dereg_on, d.foreign_country, d.registered_again_at, d.record AS post_record, count(DISTINCT l.record) AS ltr_permits,
           greatest(CASE WHEN p.keep_notice_on <= d.dereg_on THEN CAST(add_months(d.dereg_on, $keep_months) AS TIMESTAMP) END,
                    CAST(CAST(d.known_at AS DATE) + $wait_days AS TIMESTAMP)) AS due_at
    FROM rights p
    JOIN deregistrations d ON d.person_id = p.person_id AND d.dereg_code = 'UV' AND d.dereg_on >= p.right_from
    LEFT JOIN whole_permits l ON l.person_id = p.person_id AND l.permit_class = 'LTR_EU'
         AND (l.valid_to IS NULL OR l.valid_to >= d.dereg_on) AND (l.ended_on IS NULL OR l.ended_on >= d.dereg_on)
    LEFT JOIN earlier_notices w ON w.person_id = p.person_id AND w.about = 'service'   -- that excused it by the decision
         AND w.event_on >= add_months(d.dereg_on, -$service_months) AND w.event_on <= d.dereg_on + $wait_days
         AND CAST(w.from_at AS DATE) <= p.decided_on
    WHERE p.permit_class = 'PERMANENT'
    GROUP BY p.person_id, p.permit_id, p.record, p.first_known_time, p.valid_from, p.keep_notice_on,
             d.dereg_on, d.foreign_country, d.registered_again_at, d.record, d.known_at, p.is_first, p.decided_on
    HAVING p.is_first OR p.decided_on IS NULL OR CAST(greatest(d.known_at, max(w.until_at)) AS DATE) > p.decided_on   -- the decision did not know of it, or it was yet to come
)
SELECT m.person_id, m.permit_id, m.dereg_on AS alert_key, m.dereg_on AS anchor_at, greatest(m.due_at, m.held_at) AS alert_at, m.due_at,
       m.registered_again_at AS cleared_at, CASE WHEN m.ltr_permits > 0 THEN 'medium' ELSE 'strong' END AS severity,
       m.dereg_on AS moved_on, m.foreign_country, m.keep_notice_on, m.ltr_permits > 0 AS long_term_resident,
       records(m.record, m.post_record) AS records
FROM move m
WHERE NOT EXISTS (SELECT 1 FROM notices n
                  WHERE n.person_id = m.person_id AND n.kind = 'state_service_abroad'
                    AND n.event_on >= add_months(m.dereg_on, -$service_months) AND n.event_on <= m.dereg_on + $wait_days)
