/*
id = "study-not-registered"
number = "R10"
title.sv = "Ingen studieregistrering"
title.en = "No study registration"
finding.sv = "Ingen registrering på studier har kommit in för {term} från något lärosäte inom {days_waited} dagar räknat från {counted_from}. Omständighet att utreda."
finding.en = "No study registration for the {term} has been received from any institution within {days_waited} days of {counted_from}. A circumstance to look into."
permit_classes = ["STUDY_HE", "STUDY_OTHER"]
legal_basis = ["UtlL 5 b kap. 3 §", "UtlL 5 b kap. 21 § 1 och 4 p.", "förordning 1993:1153 6 a §"]
legal_gate = "open"
severity = "medium"
owner = "study-control"
readings = [
    "A permit that names no institution is fulfilled by a registration anywhere.",
    "A term that was missed and followed by a registered one is fulfilled, and does not stand.",
]

[[counter_evidence]]
sv = "Registrering vid något annat lärosäte, eller för en senare termin (tar bort eller avslutar indikationen)"
en = "Registration at any other institution, or for a later term (removes or ends the indication)"
column = "registrations"
[[counter_evidence]]
sv = "Anstånd, studieuppehåll, utbytestermin, doktorandanställning eller examen (tar bort eller avslutar indikationen)"
en = "Deferral, approved leave, exchange abroad, doctoral employment or degree (removes or ends the indication)"
[[counter_evidence]]
sv = "Sent beslut om tillstånd flyttar fristen"
en = "A late permit decision moves the time limit"
column = "counted_from"
[[counter_evidence]]
sv = "Kurs som börjar senare än terminen flyttar fristen"
en = "A course that begins later than the term moves the time limit"
column = "counted_from"
[[counter_evidence]]
sv = "Skolan rapporterar inte till Ladok: tystnad visar ingenting (ingen indikation)"
en = "The school's registrations do not reach the feed: silence shows nothing (no indication)"
[[counter_evidence]]
sv = "Känt när tillståndet förlängdes: redan prövat (räknas inte på förlängningen)"
en = "Known when the permit was extended: already weighed (does not count on the extension)"
[[counter_evidence]]
sv = "Tillståndet anger ingen skola, och den kan vara en som inte rapporterar till Ladok"
en = "The permit names no school, and it may be one whose registrations do not reach the feed"
checked = false
[[counter_evidence]]
sv = "Lärosätet har rapporterat att studenten uteblev"
en = "The institution reported that the student did not appear"
column = "no_show_reported"
[[counter_evidence]]
sv = "Registrerad under interimsnummer eller annat nummer som ännu inte kopplats"
en = "Registered under an interim or other number that is not yet linked"
checked = false
[[counter_evidence]]
sv = "Sen ankomst på grund av försenad visering eller resa"
en = "Late arrival because of a delayed visa or journey"
checked = false

[params.first_days]
default = 30
doc.sv = "dagar från terminens början till den första indikationen"
doc.en = "days from the start of term to the first indication"
source.sv = "eget antagande; lärosäten ska rapportera utan dröjsmål enligt 1993:1153 6 a §"
source.en = "own default; 1993:1153 6 a § asks institutions to report without delay"
[params.second_days]
default = 60
doc.sv = "dagar från terminens början till den starka indikationen"
doc.en = "days from the start of term to the strong indication"
source.sv = "eget antagande"
source.en = "own default"
[params.late_decision_days]
default = 21
doc.sv = "ett beslut senare än så många dagar före terminen räknas från beslutet plus dessa dagar"
doc.en = "a decision later than so many days before term counts from the decision plus these days"
source.sv = "eget antagande"
source.en = "own default"
[params.overlap_days]
default = 14
doc.sv = "en studieperiod hör till en termin som den överlappar med mer än så många dagar"
doc.en = "a study period belongs to a term that it overlaps by more than these days"
source.sv = "eget antagande"
source.en = "own default"
[params.open_days]
default = 150
doc.sv = "längd på en studieperiod, ett utbyte eller ett anstånd vars slut inte anges"
doc.en = "length of a study period, exchange or deferral whose end is not given"
source.sv = "eget antagande: en termin"
source.en = "own default: a term"
*/
WITH study AS (   -- permits to study, and whether the right to study begins with each; one that names no school asks them all
    SELECT p.person_id, p.permit_id, p.record, p.first_known_time, p.decided_on, p.valid_from, p.held_until, p.right_until,
           p.next_from, p.is_first OR p.previous_class <> p.permit_class AS begins
    FROM (
        SELECT r.person_id, r.permit_id, r.permit_class, r.record, r.first_known_time, r.decided_on, r.valid_from, r.held_until,
               r.right_until, r.is_first, s.institution_id, CASE WHEN s.continued THEN s.next_from END AS next_from,
               lag(r.permit_class) OVER (PARTITION BY r.person_id, s.beside ORDER BY r.valid_from, r.permit_id) AS previous_class
        FROM rights r
        JOIN permit_spells s ON s.permit_id = r.permit_id
    ) p
    LEFT JOIN institutions i ON i.institution_id = p.institution_id
    WHERE p.permit_class IN ('STUDY_HE', 'STUDY_OTHER')
      AND coalesce(i.reports_studies, p.permit_class = 'STUDY_HE' OR p.institution_id IS NULL)
),
due AS (   -- terms within the right, each under the permit in force when it began, with the day from which the wait counts
    SELECT p.person_id, p.permit_id, p.record, p.first_known_time, p.decided_on, t.term, t.starts_on, t.ends_on,
           greatest(t.starts_on, p.valid_from, p.decided_on + $late_decision_days) AS waits_from
    FROM study p
    JOIN terms t ON t.ends_on >= p.valid_from + $second_days AND (p.begins OR t.starts_on >= p.valid_from)
         AND (p.next_from IS NULL OR t.starts_on < p.next_from)
         AND (p.right_until IS NULL OR t.starts_on + $first_days <= p.right_until)
         AND (p.held_until IS NULL OR t.starts_on <= p.held_until OR t.ends_on >= p.next_from)
),
seen AS (   -- what the institutions have said about each term; a registration for a later one makes up for it
    SELECT d.person_id, d.permit_id, d.record, d.first_known_time, d.decided_on, d.term, d.starts_on,
           greatest(d.waits_from, min(CASE WHEN s.kind = 'admitted' AND s.starts_on >= d.starts_on THEN s.starts_on END)) AS counted_from,
           min(CASE WHEN s.kind IN ('registered', 're_registered') THEN s.first_known_time END) AS registered_at,
           count(*) FILTER (WHERE s.kind IN ('registered', 're_registered')) AS registrations,
           min(CASE WHEN s.kind IN ('leave_granted', 'degree', 'deferred', 'doctoral_employment', 'exchange_out')
                    THEN coalesce(s.starts_on, s.event_on) END) AS exempt_from,
           min(CASE WHEN s.kind IN ('leave_granted', 'degree', 'deferred', 'doctoral_employment', 'exchange_out')
                    THEN greatest(s.first_known_time, CAST(coalesce(s.starts_on, s.event_on) AS TIMESTAMP)) END) AS exempt_at,
           count(*) FILTER (WHERE s.kind = 'no_show') > 0 AS no_show_reported,
           records_of(s.record) AS study_records
    FROM due d
    LEFT JOIN study_periods s ON s.person_id = d.person_id
         AND s.kind IN ('registered', 're_registered', 'admitted', 'no_show', 'leave_granted', 'degree', 'deferred', 'doctoral_employment', 'exchange_out')
         AND (s.kind IN ('registered', 're_registered') OR coalesce(s.starts_on, s.event_on) <= d.ends_on - $overlap_days)
         AND (s.ends_on >= d.starts_on + $overlap_days
              OR (s.ends_on IS NULL AND (s.kind IN ('leave_granted', 'degree', 'doctoral_employment')
                                         OR coalesce(s.starts_on, s.event_on) + $open_days >= d.starts_on + $overlap_days)))
    GROUP BY d.person_id, d.permit_id, d.record, d.first_known_time, d.decided_on, d.term, d.starts_on, d.waits_from
),
taken_back AS (   -- registrations and exemptions that there were by the decision of each carrier: until when
    SELECT d.permit_id, c.carrier_id, d.term, max(s.until_at) AS until_at
    FROM due d
    JOIN earlier_studies s ON s.person_id = d.person_id AND s.about IN ('registration', 'exemption')
         AND (s.about = 'registration' OR coalesce(s.starts_on, s.event_on) <= d.ends_on - $overlap_days)
         AND (s.ends_on >= d.starts_on + $overlap_days
              OR (s.ends_on IS NULL AND (s.kind IN ('leave_granted', 'degree', 'doctoral_employment')
                                         OR coalesce(s.starts_on, s.event_on) + $open_days >= d.starts_on + $overlap_days)))
    JOIN carriers c ON c.permit_id = d.permit_id AND CAST(s.from_at AS DATE) <= c.settled_on
         AND (s.about = 'registration' OR coalesce(s.starts_on, s.event_on) <= c.settled_on)   -- leave that lay ahead excused nothing yet
    GROUP BY d.permit_id, c.carrier_id, d.term
)
SELECT n.person_id, c.carrier_id AS permit_id, n.term AS alert_key, n.starts_on AS anchor_at,
       greatest(CAST(n.counted_from + tier.days AS TIMESTAMP), n.first_known_time, c.from_at) AS alert_at,
       CAST(n.counted_from + tier.days AS TIMESTAMP) AS due_at,
       least(n.registered_at, n.exempt_at) AS cleared_at, tier.severity,
       n.term, n.counted_from, CAST(tier.days AS BIGINT) AS days_waited, n.decided_on, n.registrations, n.no_show_reported,
       records(n.record, c.record, n.study_records) AS records
FROM seen n
CROSS JOIN (VALUES ('weak', $first_days), ('strong', $second_days)) AS tier(severity, days)
JOIN carriers c ON c.permit_id = n.permit_id
LEFT JOIN taken_back b ON b.permit_id = n.permit_id AND b.carrier_id = c.carrier_id AND b.term = n.term
WHERE (c.settled_on IS NULL OR greatest(n.counted_from + tier.days, CASE WHEN NOT c.is_own THEN CAST(n.first_known_time AS DATE) END, CAST(b.until_at AS DATE)) > c.settled_on)
  AND (n.exempt_from IS NULL OR n.exempt_from > n.counted_from + tier.days)
