/*
id = "study-interrupted"
number = "R11"
title.sv = "Studieavbrott"
title.en = "Studies interrupted"
finding.sv = "Studierna vid ett lärosäte rapporterades avbrutna den {stopped_on} ({stop_kind}). Inom {days_waited} dagar har ingen annan pågående eller ny registrering om minst {credits_needed} kommit in. Omständighet att utreda."
finding.en = "Studies at an institution were reported to have stopped on {stopped_on} ({stop_kind}). Within {days_waited} days no other or new registration of at least {credits_needed} has been received. A circumstance to look into."
permit_classes = ["STUDY_HE"]
legal_basis = ["UtlL 5 b kap. 21 §", "förordning 1993:1153 6 a § 2 st."]
legal_gate = "open"
severity = "medium"
owner = "study-control"
readings = [
    "Held against the unbroken right, the time between an application made in time and its decision included; a renewal settles what was known, and had happened, at its decision.",
]

[[counter_evidence]]
sv = "Ny registrering, eller pågående registrering vid ett annat lärosäte, till exempel efter byte av utbildning (tar bort eller avslutar indikationen)"
en = "A new registration, or a running one at another institution, such as after a change of programme (removes or ends the indication)"
column = "other_credits_tenths"
[[counter_evidence]]
sv = "Studieuppehåll, anstånd, utbytestermin, doktorandanställning eller examen (tar bort eller avslutar indikationen)"
en = "Approved leave, deferral, exchange abroad, doctoral employment or degree (removes or ends the indication)"
column = "exempt_from"
[[counter_evidence]]
sv = "Avbrott på en enstaka kurs, inte på utbildningen (ingen indikation)"
en = "A single course was dropped, not the programme (no indication)"
[[counter_evidence]]
sv = "Känt när tillståndet förlängdes: redan prövat (räknas inte på förlängningen)"
en = "Known when the permit was extended: already weighed (does not count on the extension)"
[[counter_evidence]]
sv = "Annan utbildning vid samma lärosäte som personen redan var registrerad på före avbrottet"
en = "Another programme at the same institution that the person was already registered on before the interruption"
checked = false
[[counter_evidence]]
sv = "Antagen till ny utbildning men ännu inte registrerad; studier utanför Ladok"
en = "Admitted to a new programme but not yet registered; studies that do not reach the feed"
checked = false

[params.wait_days]
default = 30
doc.sv = "dagar från avbrottet inom vilka en annan registrering inväntas"
doc.en = "days from the interruption within which another registration is awaited"
source.sv = "eget antagande"
source.en = "own default"
[params.min_credits]
default = 15
doc.sv = "registreringar om sammanlagt minst så många högskolepoäng visar att studierna fortsätter"
doc.en = "registrations of together at least these credits show that studies go on"
source.sv = "eget antagande: halva heltidsstudier under en termin"
source.en = "own default: half of full-time studies in a term"
*/
WITH told AS (   -- reports that studies stopped, and since when they have said so, as far as the decision on each permit goes
    SELECT p.permit_id, s.person_id, s.record, s.kind, s.institution_id, s.event_on, s.first_known_time,
           greatest(s.first_known_time,
                    max(CASE WHEN e.event_on > s.event_on OR e.credits_tenths < 150 OR e.institution_id <> coalesce(s.institution_id, '') THEN e.until_at END)) AS stands_since
    FROM rights p
    JOIN study_stops s ON s.person_id = p.person_id
    LEFT JOIN earlier_studies e ON e.person_id = s.person_id AND e.record_key = s.record_key AND e.about = 'stop' AND CAST(e.from_at AS DATE) <= p.decided_on
    GROUP BY p.permit_id, s.person_id, s.record, s.kind, s.institution_id, s.event_on, s.first_known_time
),
registered_then AS (   -- registrations that outlived each stop by what they said when each permit was decided, and until when they said it
    SELECT p.permit_id, s.record AS stop_record, e.record_key, coalesce(e.credits_tenths, 300) AS credits_tenths, e.until_at
    FROM rights p
    JOIN study_stops s ON s.person_id = p.person_id
    JOIN earlier_studies e ON e.person_id = s.person_id AND e.about = 'registration'
         AND CAST(e.from_at AS DATE) <= p.decided_on AND p.decided_on < CAST(e.until_at AS DATE)
         AND coalesce(e.ends_on, coalesce(e.starts_on, e.event_on) + 150) > s.event_on
    LEFT JOIN study_stops x ON x.person_id = e.person_id AND x.event_on > e.event_on AND x.event_on <= s.event_on
         AND (x.institution_id = e.institution_id OR x.institution_id IS NULL)
    WHERE x.record IS NULL
),
going_then AS (   -- enough of them, together with those that still say the same: until when
    SELECT n.permit_id, n.stop_record, max(n.until_at) AS until_at
    FROM (
        SELECT permit_id, stop_record, record_key, credits_tenths, until_at FROM registered_then
        UNION ALL
        SELECT p.permit_id, s.record AS stop_record, r.record_key, r.credits_tenths, CAST(NULL AS TIMESTAMP) AS until_at
        FROM rights p
        JOIN study_stops s ON s.person_id = p.person_id
        JOIN study_registrations r ON r.person_id = s.person_id AND r.until_on > s.event_on AND CAST(r.known_at AS DATE) <= p.decided_on
        LEFT JOIN earlier_studies t ON t.person_id = r.person_id AND t.record_key = r.record_key AND t.about = 'registration'
             AND CAST(t.from_at AS DATE) <= p.decided_on AND p.decided_on < CAST(t.until_at AS DATE)
        WHERE t.record IS NULL
    ) n
    GROUP BY n.permit_id, n.stop_record
    HAVING sum(n.credits_tenths) >= $min_credits * 10
),
excused_then AS (   -- the same of reasons to owe none that held when the permit was decided, or while a registration was awaited
    SELECT p.permit_id, s.record AS stop_record, max(e.until_at) AS until_at
    FROM rights p
    JOIN study_stops s ON s.person_id = p.person_id
    JOIN earlier_studies e ON e.person_id = s.person_id AND e.about = 'exemption' AND CAST(e.from_at AS DATE) <= p.decided_on
         AND coalesce(e.starts_on, e.event_on) <= greatest(s.event_on + $wait_days, p.decided_on)
         AND coalesce(e.ends_on, CASE WHEN e.kind IN ('deferred', 'exchange_out') THEN coalesce(e.starts_on, e.event_on) + 150 ELSE DATE '2199-12-31' END) >= s.event_on
    LEFT JOIN studies x ON x.person_id = e.person_id AND x.event_on > coalesce(e.starts_on, e.event_on) AND x.event_on < s.event_on
         AND ((e.kind = 'leave_granted' AND x.kind = 'leave_ended') OR (e.kind = 'degree' AND x.kind IN ('registered', 're_registered')))
    WHERE x.record IS NULL
    GROUP BY p.permit_id, s.record
),
stop AS (   -- reports that studies stopped within the unbroken right, unless the decision to extend knew of them
    SELECT p.person_id, p.permit_id, p.record AS permit_record, greatest(p.first_known_time, CAST(p.valid_from AS TIMESTAMP)) AS held_at,
           s.record AS stop_record, s.first_known_time AS stop_known_at, s.kind, s.institution_id, s.event_on, s.event_on + $wait_days AS due_on
    FROM rights p
    JOIN told s ON s.permit_id = p.permit_id AND s.event_on >= p.right_from
    LEFT JOIN going_then g ON g.permit_id = p.permit_id AND g.stop_record = s.record
    LEFT JOIN excused_then x ON x.permit_id = p.permit_id AND x.stop_record = s.record
    WHERE (p.is_first OR p.decided_on IS NULL OR greatest(s.event_on, CAST(s.stands_since AS DATE), CAST(g.until_at AS DATE), CAST(x.until_at AS DATE)) > p.decided_on) AND p.permit_class = 'STUDY_HE'
),
going AS (   -- registrations that outlived each stop, in the order in which they became known
    SELECT x.person_id, x.record AS stop_record, r.known_at,
           sum(r.credits_tenths) OVER (PARTITION BY x.person_id, x.record ORDER BY r.known_at, r.record
                                       ROWS UNBOUNDED PRECEDING) AS so_far
    FROM study_stops x
    JOIN study_registrations r ON r.person_id = x.person_id AND r.until_on > x.event_on
),
enough AS (
    SELECT person_id, stop_record, CAST(max(so_far) AS BIGINT) AS credits_tenths,
           min(CASE WHEN so_far >= $min_credits * 10 THEN known_at END) AS known_at
    FROM going
    GROUP BY person_id, stop_record
),
exempt AS (   -- reasons that hold on the day of the stop or begin later
    SELECT x.person_id, x.record AS stop_record, min(e.from_on) AS from_on,
           min(greatest(e.known_at, CAST(e.from_on AS TIMESTAMP))) AS known_at
    FROM study_stops x
    JOIN study_exemptions e ON e.person_id = x.person_id AND (e.until_on IS NULL OR e.until_on >= x.event_on)
    GROUP BY x.person_id, x.record
)
SELECT s.person_id, s.permit_id, s.event_on AS alert_key, s.event_on AS anchor_at,
       greatest(CAST(s.due_on AS TIMESTAMP), s.stop_known_at, s.held_at) AS alert_at, CAST(s.due_on AS TIMESTAMP) AS due_at,
       least(n.known_at, e.known_at) AS cleared_at,
       s.event_on AS stopped_on, s.kind AS stop_kind, s.institution_id, $wait_days AS days_waited, $min_credits AS credits_needed,
       coalesce(n.credits_tenths, 0) AS other_credits_tenths, e.from_on AS exempt_from,
       records(s.permit_record, s.stop_record) AS records
FROM stop s
LEFT JOIN enough n ON n.person_id = s.person_id AND n.stop_record = s.stop_record
LEFT JOIN exempt e ON e.person_id = s.person_id AND e.stop_record = s.stop_record
WHERE e.from_on IS NULL OR e.from_on > s.due_on
