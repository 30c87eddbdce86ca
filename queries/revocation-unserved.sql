/*
id = "revocation-unserved"
number = "O1"
title.sv = "Beslut om återkallelse inte delgivet eller inte verkställt"
title.en = "Revocation not served or not carried out"
finding.sv = "Tillståndet återkallades {revoked_on}. [served_on: Delgivning: {served_on}. ][final_on: Laga kraft: {final_on}. ]Uppföljning: {what}. [last_sign: Senaste tecken på vistelse: {last_sign}. ]Omständighet att utreda."
finding.en = "The permit was revoked on {revoked_on}. [served_on: Served: {served_on}. ][final_on: Final: {final_on}. ]Follow-up: {what}. [last_sign: Latest sign of presence: {last_sign}. ]A circumstance to look into."
permit_classes = ["WORK_EMP", "BLUE_CARD", "ICT", "SEASONAL", "SELF_EMP", "JOBSEEK_HQ", "RESEARCH", "STUDY_HE", "STUDY_OTHER", "TRAINEE", "VOLUNTEER", "AUPAIR", "POST_STUDY", "FAMILY_SPOUSE", "FAMILY_CHILD", "FAMILY_OTHER", "DEPENDANT", "PROT_REFUGEE", "PROT_SUBSIDIARY", "PROT_TEMPORARY", "HUMANITARIAN", "PERMANENT", "LTR_EU"]
legal_basis = ["UtlL 8 kap. 21 §", "UF 7 kap. 7 a §", "FBL 32 c §"]
legal_gate = "request"
severity = "info"
owner = "return-unit"
readings = [
    "'Not served' needs a fresh sign of where the person is (address, employer, journey); without one it is info, counted and never queued.",
    "Whoever has a final decision was served by then at the latest; a day of service is shown only where one is recorded.",
    "A new permit ends it whatever its class, and also if it does not last as long as the revoked one would have.",
    "Somebody who has left ends it; somebody who has announced leaving does so on that day.",
]
purpose = "follow_up"
survives = ["permit_ended"]

[[counter_evidence]]
sv = "Färsk uppgift om var den som har tillståndet finns: adress, arbetsgivare, resa (utan en sådan endast noterad)"
en = "A fresh sign of where the holder is: address, employer, journey (noted only without one)"
column = "last_sign"
[[counter_evidence]]
sv = "Delgivet, eller beslutet har fått laga kraft (avslutar indikationen om delgivning)"
en = "Served, or the decision has become final (ends the indication about service)"
column = "served_on"
[[counter_evidence]]
sv = "Utflyttad enligt folkbokföringen, eller utresa styrkt med handling (avslutar indikationen, eller tar bort den)"
en = "Deregistered as emigrated, or an exit established from a document (ends or removes the indication)"
[[counter_evidence]]
sv = "Nytt tillstånd, eller ett annat som fortfarande gäller (avslutar indikationen eller tar bort den)"
en = "A new permit, or another that still holds (ends or removes the indication)"
[[counter_evidence]]
sv = "Verkställigheten inhiberad av domstol (avslutar indikationen)"
en = "Enforcement suspended by a court (ends the indication)"
[[counter_evidence]]
sv = "Lön för arbete månaden före (räknas till den månaden)"
en = "Pay for work in the month before (is counted to that month)"
column = "last_sign"
[[counter_evidence]]
sv = "Längre tid för frivillig avresa, eller hinder mot att resa"
en = "A longer time for voluntary departure, or an obstacle to travelling"
checked = false
[[counter_evidence]]
sv = "Utresa över en inre gräns som ingen har antecknat"
en = "An exit across an internal border that nobody recorded"
checked = false
[[counter_evidence]]
sv = "Andra myndigheter redan underrättade"
en = "Other authorities already informed"
checked = false

[params.first_days]
default = 30
doc.sv = "dagar efter beslutet inom vilka delgivning inväntas: endast noterad, även utan tecken på var personen är"
doc.en = "days after the decision within which service is awaited: info, also without a sign of where the person is"
source.sv = "eget antagande"
source.en = "own default"
[params.second_days]
default = 60
doc.sv = "inte delgiven inom så många dagar, med ett färskt tecken på var personen är: svag"
doc.en = "not served within so many days, with a fresh sign of where the person is: weak"
source.sv = "eget antagande"
source.en = "own default"
[params.third_days]
default = 90
doc.sv = "inte delgiven inom så många dagar, med ett sådant tecken: medel"
doc.en = "not served within so many days, with such a sign: medium"
source.sv = "eget antagande"
source.en = "own default"
[params.leave_days]
default = 28
doc.sv = "dagar efter att beslutet vann laga kraft inom vilka personen ska lämna landet"
doc.en = "days after the decision became final within which the person is to leave"
source.sv = "UtlL 8 kap. 21 §: fyra veckor"
source.en = "UtlL 8 kap. 21 §: four weeks"
*/
WITH another AS (   -- of revoked permits, when another one was held that goes on after the revocation, or is new, whatever its kind and length
    SELECT r.permit_id, min(greatest(o.first_known_time, CAST(o.valid_from AS TIMESTAMP))) AS held_at
    FROM whole_permits r
    JOIN permit_spells o ON o.person_id = r.person_id AND o.permit_id <> r.permit_id AND NOT o.annulled
         AND (o.carries_until IS NULL OR o.carries_until > coalesce(r.revoked_final_on, r.revoked_on))
    GROUP BY r.permit_id
),
revoked AS (   -- a permit, the steps of its revocation, and what ends the matter with the time from which that counts
    SELECT r.person_id, r.permit_id, r.permit_class, r.record, r.first_known_time, r.revoked_on,
           coalesce(r.revoked_served_on, r.revoked_final_on) AS served_on, r.revoked_final_on AS final_on, r.revoked_served_on AS recorded_on,
           CASE WHEN CAST(r.revoked_served_on AS TIMESTAMP) <= r.known_time THEN r.revoked_served_on END AS shown_served_on,   -- a day ahead is not yet
           CASE WHEN CAST(r.revoked_final_on AS TIMESTAMP) <= r.known_time THEN r.revoked_final_on END AS shown_final_on,
           CASE WHEN coalesce(r.revoked_served_on, r.revoked_final_on) IS NOT NULL
                THEN greatest(r.known_time, CAST(coalesce(r.revoked_served_on, r.revoked_final_on) AS TIMESTAMP)) END AS served_at,
           least(CASE WHEN r.inhibited THEN r.known_time END, a.held_at) AS ended_at
    FROM whole_permits r
    LEFT JOIN another a ON a.permit_id = r.permit_id
    WHERE r.permit_class <> 'ASYLUM_APPLICANT' AND (r.revoked_on IS NOT NULL OR r.revoked_final_on IS NOT NULL)
),
trace AS (   -- signs since the decision; salary as the gateways go. Some of them tell where the person can be found
    SELECT r.permit_id, s.kind, s.seen_on, s.known_at, s.record AS sign_record, s.kind IN ('salary', 'address', 'entry') AS findable
    FROM revoked r
    JOIN later_signs s ON s.person_id = r.person_id AND s.seen_on >= coalesce(r.revoked_on, r.final_on)
         AND (s.kind <> 'salary' OR r.permit_class IN ('WORK_EMP', 'BLUE_CARD', 'ICT', 'SEASONAL', 'SELF_EMP'))
),
unserved AS (   -- the decision alone, and each sign of where the person is since then
    SELECT permit_id, CAST(NULL AS VARCHAR) AS kind, revoked_on AS seen_on, first_known_time AS known_at, false AS findable, CAST(NULL AS VARCHAR) AS sign_record
    FROM revoked
    UNION ALL
    SELECT permit_id, kind, seen_on, known_at, findable, sign_record
    FROM trace
    WHERE findable
),
gone AS (   -- the last day in time on which each left since the decision, and the last sign
    SELECT r.permit_id, max(d.left_on) AS left_on, max(t.seen_on) AS seen_on
    FROM revoked r
    JOIN departures d ON d.person_id = r.person_id AND d.left_on >= coalesce(r.revoked_on, r.final_on) AND d.left_on <= r.final_on + $leave_days
    LEFT JOIN trace t ON t.permit_id = r.permit_id
    GROUP BY r.permit_id
),
stayed AS (   -- signs after the last day to leave; and that the person was still registered on that day, until the register ends it
    SELECT t.permit_id, t.kind, t.seen_on, t.known_at, t.sign_record, 'weak' AS severity, CAST(NULL AS TIMESTAMP) AS until_at
    FROM trace t
    JOIN revoked r ON r.permit_id = t.permit_id AND t.seen_on > r.final_on + $leave_days
    UNION ALL
    SELECT r.permit_id, 'registered' AS kind, r.final_on + $leave_days AS seen_on, n.first_known_time AS known_at, n.record AS sign_record,
           'info' AS severity, CAST(min(CASE WHEN d.dereg_code <> 'UV' THEN d.dereg_on END) AS TIMESTAMP) AS until_at
    FROM revoked r
    JOIN population n ON n.person_id = r.person_id
    LEFT JOIN deregistrations d ON d.person_id = r.person_id AND d.returned_on IS NULL   -- one that is told ahead ends it on its day
    LEFT JOIN gone g ON g.permit_id = r.permit_id
    WHERE r.final_on IS NOT NULL AND (g.left_on IS NULL OR g.seen_on > g.left_on)
    GROUP BY r.permit_id, r.final_on, n.first_known_time, n.record
    HAVING coalesce(min(d.dereg_on) > r.final_on + $leave_days, true)
)
SELECT r.person_id, r.permit_id, 'not-served' AS alert_key, r.revoked_on AS anchor_at,
       greatest(CAST(r.revoked_on + tier.days + 1 AS TIMESTAMP), r.first_known_time, u.known_at) AS alert_at,
       CAST(r.revoked_on + tier.days + 1 AS TIMESTAMP) AS due_at,
       least(r.served_at, r.ended_at, min(l.known_at)) AS cleared_at, tier.severity, 'not-served' AS what,
       r.revoked_on, r.shown_served_on AS served_on, r.shown_final_on AS final_on, CAST(u.seen_on AS VARCHAR) || ' ' || u.kind AS last_sign,
       records(r.record, records_of(u.sign_record)) AS records
FROM revoked r
JOIN unserved u ON u.permit_id = r.permit_id
JOIN (VALUES ($first_days, 'info'), ($second_days, 'weak'), ($third_days, 'medium')) AS tier(days, severity) ON u.findable OR tier.severity = 'info'
LEFT JOIN departures l ON l.person_id = r.person_id AND l.left_on >= u.seen_on
WHERE r.served_on IS NULL OR r.served_on > r.revoked_on + tier.days   -- without a day of decision there is one on which it was final
GROUP BY r.person_id, r.permit_id, r.record, r.first_known_time, r.revoked_on, r.served_on, r.shown_served_on, r.shown_final_on, r.served_at,
         r.ended_at, u.kind, u.seen_on, u.known_at, tier.days, tier.severity
UNION ALL
SELECT r.person_id, r.permit_id, 'not-left' AS alert_key, r.final_on AS anchor_at,
       greatest(CAST(r.final_on + $leave_days + 1 AS TIMESTAMP), r.first_known_time, s.known_at) AS alert_at,
       CASE s.kind WHEN 'registered' THEN CAST(r.final_on + $leave_days + 1 AS TIMESTAMP) END AS due_at,
       least(r.ended_at, min(l.known_at), s.until_at) AS cleared_at, s.severity, 'not-left' AS what,
       r.revoked_on, r.recorded_on AS served_on, r.final_on, CAST(s.seen_on AS VARCHAR) || ' ' || s.kind AS last_sign,
       records(r.record, s.sign_record) AS records
FROM revoked r
JOIN stayed s ON s.permit_id = r.permit_id
LEFT JOIN departures l ON l.person_id = r.person_id AND l.left_on >= s.seen_on
GROUP BY r.person_id, r.permit_id, r.record, r.first_known_time, r.revoked_on, r.recorded_on, r.final_on, r.ended_at,
         s.kind, s.seen_on, s.known_at, s.sign_record, s.severity, s.until_at
