/*
id = "protected-new-nationality"
number = "R20"
title.sv = "Nytt medborgarskap under flyktingstatus"
title.en = "New citizenship while holding refugee status"
finding.sv = "Folkbokföringen visar från {acquired_on} medborgarskap i {country}, som inte fanns tidigare; statusen prövades mot {tested_country} ({ground}). Omständighet att utreda."
finding.en = "Since {acquired_on} the population register shows citizenship of {country}, which was not there before; the status was tested against {tested_country} ({ground}). A circumstance to look into."
permit_classes = ["PROT_REFUGEE"]
legal_basis = ["UtlL 4 kap. 5 § 1 st. 2-3 p."]
legal_gate = "open"
severity = "medium"
owner = "protection-unit"
readings = [
    "Held against the status, not the permit; a renewal settles what was known at its decision.",
]
compares_citizenship = "a new citizenship is the circumstance itself (UtlL 4 kap. 5 §); it is compared with the person's own earlier ones and with the country that protection was tested against"

[[counter_evidence]]
sv = "Svenskt medborgarskap (avslutar allt)"
en = "Swedish citizenship (ends everything)"
[[counter_evidence]]
sv = "Rättelse i registret (är inget förvärv, och tar bort en felaktig kod)"
en = "A correction of the register (is no acquisition, and removes a wrong code)"
[[counter_evidence]]
sv = "Statslös eller okänt medborgarskap som klarlagts (räknas inte)"
en = "Statelessness or an unknown citizenship that was clarified (does not count)"
[[counter_evidence]]
sv = "Staten har upphört och efterträtts (räknas inte)"
en = "The state has ceased to exist and been succeeded (does not count)"
[[counter_evidence]]
sv = "Medborgarskap som fanns redan vid beslutet (räknas inte)"
en = "A citizenship that was there at the grant already (does not count)"
[[counter_evidence]]
sv = "Statusen har upphört (avslutar indikationen)"
en = "The status has ended (ends the indication)"
[[counter_evidence]]
sv = "Medborgarskapet har upphört igen (avslutar indikationen)"
en = "The citizenship has ended again (ends the indication)"
[[counter_evidence]]
sv = "Medborgarskap som följer av lag, till exempel genom gifte, utan egen begäran"
en = "Citizenship by operation of law, such as by marriage, without asking for it"
checked = false
[[counter_evidence]]
sv = "Det nya landet ger inte skydd"
en = "The new country gives no protection"
checked = false
*/
WITH post AS (   -- the register's statements of citizenship, each beside the two before it; an empty list states none
    SELECT person_id, record, version, op, known_from, greatest(known_from, CAST(event_on AS TIMESTAMP)) AS known_at, event_on, citizenships,
           lag(citizenships) OVER w AS before, lag(event_on) OVER w AS event_on_before, lag(citizenships, 2) OVER w AS before_that
    FROM population_posts
    WHERE array_length(citizenships) > 0 OR op = 'retract'
    WINDOW w AS (PARTITION BY person_id ORDER BY version, record)
),
added AS (   -- a country that a post adds; a correction adds none, but it may say which one the post that it corrects added, or give back what was taken away by mistake
    SELECT person_id, record, version, known_from, known_at, event_on, before, country
    FROM (SELECT person_id, record, version, op, known_from, known_at, event_on, before, event_on_before, before_that, citizenships, citizenships[n.place] AS country
          FROM post CROSS JOIN (VALUES (1), (2), (3), (4), (5), (6)) AS n(place)) x
    WHERE (op <> 'correct' OR has_citizenship(before_that, country) OR (event_on = event_on_before AND (before IS DISTINCT FROM before_that)))
      AND country <> 'SWE' AND is_state(country) AND NOT has_citizenship(before, country) AND citizenship_change(citizenships, before) IS NOT NULL
),
kept AS (   -- and when a later post no longer shows it; one that a later correction or retraction does away with never was
    SELECT a.person_id, a.record, a.version, a.known_from, a.known_at, a.event_on, a.before, a.country, min(l.known_at) AS lost_at
    FROM added a
    LEFT JOIN post l ON l.person_id = a.person_id AND l.version > a.version AND NOT coalesce(has_citizenship(l.citizenships, a.country), false)
    GROUP BY a.person_id, a.record, a.version, a.known_from, a.known_at, a.event_on, a.before, a.country
    HAVING NOT coalesce(bool_or(l.op IN ('correct', 'retract')), false)
),
declared AS (   -- declarations of refugee status that were none, or on other days, by the decision on each permit, and until when
    SELECT p.permit_id, st.record, k.country, k.version, max(o.until_at) AS until_at
    FROM rights p
    JOIN statuses st ON st.person_id = p.person_id
    JOIN kept k ON k.person_id = st.person_id
    JOIN earlier_statuses o ON o.person_id = st.person_id AND o.record_key = st.record_key AND CAST(o.from_at AS DATE) <= p.decided_on
         AND NOT coalesce(o.status_kind = 'refugee' AND k.event_on > o.declared_on AND (o.ended_on IS NULL OR k.event_on < o.ended_on), false)
    WHERE p.permit_class = 'PROT_REFUGEE'
    GROUP BY p.permit_id, st.record, k.country, k.version
)
SELECT p.person_id, p.permit_id, k.country AS alert_key, k.event_on AS anchor_at,
       greatest(k.known_at, st.first_known_time, p.first_known_time, CAST(p.valid_from AS TIMESTAMP)) AS alert_at,
       CASE WHEN k.known_at > k.known_from THEN k.known_at END AS due_at,   -- one that is told ahead may be taken back until its day
       least(k.lost_at, CAST(st.ended_on + 1 AS TIMESTAMP)) AS cleared_at,
       CASE WHEN k.lost_at <= CAST(coalesce(st.ended_on, DATE '2199-12-31') + 1 AS TIMESTAMP) THEN 'changed_back' ELSE 'status_ended' END AS cleared_reason,
       k.event_on AS acquired_on, k.country, st.tested_country, k.before AS previous_citizenships,
       CASE WHEN same_state(k.country, st.tested_country) > 0 THEN 'UtlL 4 kap. 5 § 1 st. 2 p.' ELSE 'UtlL 4 kap. 5 § 1 st. 3 p.' END AS ground,
       records(p.record, st.record, k.record) AS records
FROM rights p
JOIN whole_permits g ON g.permit_id = p.permit_id
JOIN statuses st ON st.person_id = p.person_id AND st.status_kind = 'refugee'
JOIN kept k ON k.person_id = p.person_id AND NOT coalesce(has_citizenship(g.citizenships_at_grant, k.country), false)
     AND k.event_on > st.declared_on AND (st.ended_on IS NULL OR k.event_on < st.ended_on)
LEFT JOIN declared o ON o.permit_id = p.permit_id AND o.record = st.record AND o.country = k.country AND o.version = k.version
WHERE p.permit_class = 'PROT_REFUGEE'
  AND (p.is_first OR p.decided_on IS NULL OR CAST(greatest(k.known_at, st.first_known_time, o.until_at) AS DATE) > p.decided_on)
