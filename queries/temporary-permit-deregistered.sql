/*
id = "temporary-permit-deregistered"
number = "R16"
title.sv = "Avregistrerad under tillståndstiden"
title.en = "Deregistered while the permit is valid"
finding.sv = "Avregistrerad från folkbokföringen sedan {deregistered_on} ({dereg_code}). [valid_to: Tillståndets sista dag: {valid_to}. ][before_first_day: Det var så redan före tillståndstidens första dag. ][ground: Särskild grund för klassen: {ground}. ]Omständighet att utreda."
finding.en = "Deregistered from the population register on {deregistered_on} ({dereg_code}). [valid_to: Last day of the permit: {valid_to}. ][before_first_day: It was so before the first day of the right to stay. ][ground: The class's own ground: {ground}. ]A circumstance to look into."
permit_classes = ["WORK_EMP", "BLUE_CARD", "ICT", "SEASONAL", "SELF_EMP", "JOBSEEK_HQ", "RESEARCH", "STUDY_HE", "STUDY_OTHER", "TRAINEE", "VOLUNTEER", "AUPAIR", "POST_STUDY", "FAMILY_SPOUSE", "FAMILY_CHILD", "FAMILY_OTHER", "DEPENDANT", "PROT_REFUGEE", "PROT_SUBSIDIARY", "PROT_TEMPORARY", "HUMANITARIAN"]
legal_basis = ["UtlL 5 b kap. 21 § 1 och 4 p.", "UtlL 6 a kap. 12 a § 3 p.", "UtlL 6 b kap. 16 § 3 p.", "UtlL 7 kap. 7 e § 1 p.", "FBL 20-21 §§"]
legal_gate = "verify"
severity = "medium"
owner = "national-control"
readings = [
    "Held against the unbroken right. UV followed by OB is one matter: one alert, updated.",
    "Who was deregistered before the first day, and still is on it, is indicated on the first day, weakly.",
    "A deregistration told ahead counts from its day; withdrawn before it, it never was. A renewal decided before that day settles nothing of it.",
    "The time that a renewal adds counts as left only if its decision could not weigh the deregistration, or was awaited when it came.",
]

[[counter_evidence]]
sv = "Ny folkbokföring (avslutar indikationen) eller rättelse av avregistreringen (tar bort den)"
en = "New registration (ends the indication) or correction of the deregistration (removes it)"
[[counter_evidence]]
sv = "Försvunnen enligt folkbokföringen, inte utflyttad (lägre styrka)"
en = "Disappeared according to the register, not moved abroad (lower severity)"
column = "dereg_code"
[[counter_evidence]]
sv = "Avregistrerad redan före tillståndstidens första dag: ännu inte folkbokförd igen (lägre styrka)"
en = "Deregistered before the first day of the right to stay: not yet registered again (lower severity)"
column = "before_first_day"
[[counter_evidence]]
sv = "Känt när tillståndet förlängdes: redan prövat (räknas inte på förlängningen)"
en = "Known when the permit was extended: already weighed (does not count on the extension)"
[[counter_evidence]]
sv = "Rätten att vistas här gick ändå snart ut (räknas inte)"
en = "The right to stay was about to end anyway (does not count)"
column = "valid_to"
[[counter_evidence]]
sv = "Egen grund för klassen att återkalla tillståndet för den som inte längre är bosatt här (alla klasser har ingen)"
en = "A ground of the class's own to revoke the permit of someone who no longer lives here (not every class has one)"
column = "ground"
[[counter_evidence]]
sv = "Flytt till skyddat boende eller institution (FBL 9 §)"
en = "Move to a shelter or an institution"
checked = false
[[counter_evidence]]
sv = "Tillfällig vistelse utomlands som ryms i tillståndets ändamål"
en = "A stay abroad that is part of what the permit is for"
checked = false

[params.remaining_days]
default = 60
doc.sv = "rätten att vistas här ska gälla mer än så många dagar efter avregistreringen"
doc.en = "the right to stay must last more than so many days after the deregistration"
source.sv = "eget antagande"
source.en = "own default"
*/
WITH gone AS (   -- moved abroad or disappeared; one that follows another is the same matter, and takes the place of the one before
    SELECT person_id, record, dereg_code, dereg_on, foreign_country, told_at, known_at, returned_on, registered_again_at,
           first_value(dereg_on) OVER (PARTITION BY person_id, matter_no ORDER BY version, record ROWS UNBOUNDED PRECEDING) AS since_on,
           lead(known_at) OVER (PARTITION BY person_id, matter_no ORDER BY version, record) AS replaced_at
    FROM deregistrations
    WHERE dereg_code IN ('UV', 'OB')
),
asked AS (   -- permits during which an application was filed that kept the right open until it was decided
    SELECT p.permit_id
    FROM rights p
    JOIN applications a ON a.person_id = p.person_id AND a.filed_on >= p.valid_from AND a.filed_on <= p.held_until
         AND NOT coalesce(CAST(a.first_known_time AS DATE) >= a.decided_on, false)
    GROUP BY p.permit_id
),
held AS (   -- permits with the day on which the next one of the right was decided, if it was not awaited
    SELECT p.person_id, p.permit_id, p.permit_class, p.record, p.first_known_time, p.decided_on, p.valid_from, p.valid_to, p.carries_until,
           p.right_from, p.right_until, p.is_first,
           CASE WHEN a.permit_id IS NULL
                THEN lead(p.decided_on) OVER (PARTITION BY p.person_id, p.right_id ORDER BY p.valid_from, p.permit_id)
                END AS extended_on
    FROM rights p
    LEFT JOIN asked a ON a.permit_id = p.permit_id
)
SELECT p.person_id, p.permit_id, d.since_on AS alert_key, d.dereg_on AS anchor_at,
       greatest(d.known_at, p.first_known_time, CAST(p.valid_from AS TIMESTAMP)) AS alert_at,
       CASE WHEN d.known_at > d.told_at THEN d.known_at END AS due_at,   -- one that is told ahead may be taken back until its day
       least(d.registered_again_at, d.replaced_at) AS cleared_at,
       CASE WHEN d.dereg_code = 'UV' AND d.dereg_on >= p.right_from THEN 'medium' ELSE 'weak' END AS severity,
       d.dereg_on AS deregistered_on, d.dereg_code, d.foreign_country, d.dereg_on < p.right_from AS before_first_day, p.valid_to,
       CASE WHEN p.permit_class IN ('RESEARCH', 'STUDY_HE', 'TRAINEE', 'VOLUNTEER', 'AUPAIR', 'POST_STUDY') THEN 'UtlL 5 b kap. 21 §'
            WHEN p.permit_class = 'BLUE_CARD' THEN 'UtlL 6 a kap. 12 a §'
            WHEN p.permit_class = 'ICT' THEN 'UtlL 6 b kap. 16 §'
            WHEN p.permit_class = 'WORK_EMP' THEN 'UtlL 7 kap. 7 e §' END AS ground,
       records(p.record, d.record) AS records
FROM held p
JOIN gone d ON d.person_id = p.person_id
     AND (p.is_first OR p.decided_on IS NULL OR CAST(d.known_at AS DATE) > p.decided_on)   -- the decision to extend did not know of it, or it was yet to come
     AND (d.returned_on IS NULL OR d.returned_on > p.right_from)
     AND (p.valid_to IS NULL   -- that the permit ends early is no reason to overlook what was before it
          OR CASE WHEN coalesce(p.extended_on >= CAST(d.known_at AS DATE), false)   -- an extension that weighed it is no more time
                  THEN greatest(d.since_on, p.right_from) + $remaining_days < p.valid_to
                  ELSE p.right_until IS NULL OR greatest(d.since_on, p.right_from) + $remaining_days < greatest(p.right_until, p.valid_to) END)
WHERE p.permit_class NOT IN ('PERMANENT', 'LTR_EU')
