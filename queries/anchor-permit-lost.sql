/*
id = "anchor-permit-lost"
number = "R24"
title.sv = "Anknytningspersonens tillstånd borta"
title.en = "The anchor's permit is gone"
finding.sv = "Rätten att vistas här för den person som tillståndet grundas på upphörde {lost_on}: {circumstance}. Omständighet att utreda."
finding.en = "The right to stay of the person whom the permit depends on ended on {lost_on}: {circumstance}. A circumstance to look into."
permit_classes = ["FAMILY_SPOUSE", "FAMILY_CHILD", "FAMILY_OTHER", "DEPENDANT"]
legal_basis = ["UtlL 7 kap. 7 f §", "UtlL 5 kap. 3 g §", "UtlL 5 b kap. 24 § 1 p.", "UtlL 6 a kap. 13 § 1 p.", "UtlL 6 b kap. 18 § 1 p."]
legal_gate = "open"
severity = "medium"
owner = "family-unit"
readings = [
    "Held against the unbroken right; a renewal settles what was known, and had happened, at its decision.",
]
yields_to = ["application_pending"]

[[counter_evidence]]
sv = "Anknytningspersonen har ansökt i tid (räknas inte förrän ansökan avslagits eller återkallats)"
en = "The anchor applied in time (does not count until the application is refused or withdrawn)"
of_others = true
[[counter_evidence]]
sv = "Anknytningspersonen har ett annat eller nytt tillstånd (tar bort eller avslutar indikationen)"
en = "The anchor has another or a new permit (removes or ends the indication)"
of_others = true
[[counter_evidence]]
sv = "Anknytningspersonen har blivit svensk medborgare: inget tillstånd behövs (utflyttning och dödsfall räknas ändå)"
en = "The anchor has become a Swedish citizen: no permit is needed (emigration and death still count)"
of_others = true
[[counter_evidence]]
sv = "Återkallelse som inte har fått laga kraft eller som är inhiberad (räknas inte)"
en = "A revocation that is not final or that a court has suspended (does not count)"
of_others = true
[[counter_evidence]]
sv = "Avregistreringen har rättats (tar bort indikationen) eller anknytningspersonen har folkbokförts igen (avslutar den)"
en = "The deregistration was corrected (removes the indication) or the anchor registered again (ends it)"
of_others = true
[[counter_evidence]]
sv = "Egen ansökan under prövning (indikationen vilar) eller eget nytt tillstånd (avslutar den)"
en = "An application of the holder's own is pending (the indication rests), or a new permit of the holder's own (ends it)"
[[counter_evidence]]
sv = "Skyddade personuppgifter hos anknytningspersonen (inget om dem visas, så att indikationen försvinner)"
en = "Protected personal data of the anchor (nothing of them is shown, so that the indication goes)"
of_others = true
[[counter_evidence]]
sv = "Känt när tillståndet förlängdes: redan prövat (räknas inte på förlängningen)"
en = "Known when the permit was extended: already weighed (does not count on the extension)"
[[counter_evidence]]
sv = "Anknytningspersonen har uppehållsrätt eller rätt enligt EU-rätten"
en = "The anchor has a right of residence under EU law"
checked = false
[[counter_evidence]]
sv = "Egen grund som ingen ansökan visar, eller särskild anknytning hit"
en = "A ground of the holder's own that no application shows, or special ties to the country"
checked = false

[params.wait_days]
default = 31
doc.sv = "dagar efter sista dagen för anknytningspersonens tillstånd inom vilka ett nytt inväntas"
doc.en = "days after the last day of the anchor's permit within which a new one is awaited"
source.sv = "eget antagande"
source.en = "own default"
*/
WITH permission AS (   -- the anchor's permits with their last day: a revocation counts when it is final and not suspended
    SELECT permit_id, record_key, known_at, revoked_known_at, valid_from,
           CASE WHEN revoked_final_on IS NOT NULL AND NOT coalesce(inhibited, false) THEN least(revoked_final_on, valid_to)
                WHEN end_kind = 'revoked' THEN valid_to ELSE held_until END AS ended_on,
           CASE WHEN NOT coalesce(inhibited, false)
               AND revoked_final_on <= coalesce(valid_to, revoked_final_on) THEN 'revoked' ELSE 'expired' END AS circumstance
    FROM anchor_permits
    WHERE coalesce(end_kind, 'none') <> 'annulled'
),
lapsed AS (   -- with an application filed in time the right lasts until it is refused or withdrawn; one granted by the end was for something else
    SELECT e.permit_id, e.record_key, e.circumstance, greatest(e.ended_on, max(a.decided_on)) AS lost_on,
           CASE WHEN e.circumstance = 'revoked' THEN greatest(e.known_at, e.revoked_known_at) ELSE e.known_at END AS known_at,
           CASE WHEN e.circumstance = 'expired' THEN $wait_days ELSE 0 END + 1 AS days
    FROM permission e
    LEFT JOIN anchor_applications a ON a.permit_id = e.permit_id AND e.circumstance = 'expired'
         AND a.filed_on >= e.valid_from AND a.filed_on <= e.ended_on
         AND NOT coalesce(a.outcome = 'granted' AND a.decided_on <= e.ended_on, false)
    GROUP BY e.permit_id, e.record_key, e.known_at, e.revoked_known_at, e.circumstance, e.ended_on
    HAVING count(*) FILTER (WHERE a.record_key IS NOT NULL AND coalesce(a.outcome, 'granted') = 'granted') = 0
),
citizen AS (   -- since when the register has shown the anchor as a Swedish citizen
    SELECT permit_id, min(CASE WHEN swedish THEN greatest(known_from, CAST(event_on AS TIMESTAMP)) END) AS swedish_at
    FROM anchor_population
    GROUP BY permit_id
    HAVING max(CASE WHEN swedish AND is_latest THEN 1 ELSE 0 END) = 1
),
departure AS (   -- the anchor's posts beside the next, and with the next one that shows a registration, which counts from its day
    SELECT permit_id, dereg_code, coalesce(dereg_on, event_on) AS lost_on, known_from,
           lead(dereg_code) OVER (PARTITION BY permit_id ORDER BY post_version, record_key) AS next_code,
           min(CASE WHEN dereg_code IS NULL THEN greatest(known_from, CAST(event_on AS TIMESTAMP)) END) OVER later AS back_at,
           first_value(CASE WHEN dereg_code IS NULL THEN coalesce(registered_on, DATE '1900-01-01') END IGNORE NULLS) OVER later AS back_on
    FROM anchor_population
    WINDOW later AS (PARTITION BY permit_id ORDER BY post_version, record_key ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)
),
loss AS (   -- with the first day on which the anchor is without the right, or gone
    SELECT l.permit_id, l.circumstance, l.lost_on, l.lost_on + 1 AS without_from, l.known_at, greatest(l.known_at, CAST(l.lost_on + 1 AS TIMESTAMP)) AS told_at,
           l.lost_on + l.days AS due_on, least(min(greatest(o.known_at, CAST(o.valid_from AS TIMESTAMP))), c.swedish_at) AS cleared_at
    FROM lapsed l
    LEFT JOIN permission o ON o.permit_id = l.permit_id AND (o.ended_on IS NULL OR o.ended_on > l.lost_on)
    LEFT JOIN citizen c ON c.permit_id = l.permit_id
    GROUP BY l.permit_id, l.record_key, l.circumstance, l.lost_on, l.known_at, l.days, c.swedish_at
    HAVING count(*) FILTER (WHERE o.valid_from <= l.lost_on + l.days) = 0   -- no other permit took its place by then
    UNION ALL
    SELECT permit_id, CASE WHEN dereg_code = 'AV' THEN 'deceased' ELSE 'emigrated' END AS circumstance, lost_on,
           lost_on AS without_from, min(known_from) AS known_at, greatest(min(known_from), CAST(lost_on AS TIMESTAMP)) AS told_at, CASE WHEN lost_on > CAST(min(known_from) AS DATE) THEN lost_on END AS due_on, min(back_at) AS cleared_at   -- one that is told ahead may be taken back until its day
    FROM departure
    WHERE dereg_code IN ('UV', 'AV') AND (back_on IS NULL OR back_on > lost_on)   -- registered since an earlier day: never left
    GROUP BY permit_id, dereg_code, lost_on
    HAVING count(*) FILTER (WHERE (next_code IS DISTINCT FROM dereg_code)) > 0   -- a day that the next post of the kind puts off never was
)
SELECT t.person_id, t.permit_id, concat(l.circumstance, ':', CAST(l.lost_on AS VARCHAR)) AS alert_key, l.lost_on AS anchor_at,
       greatest(CAST(l.due_on AS TIMESTAMP), CAST(l.lost_on AS TIMESTAMP), l.known_at, t.first_known_time, CAST(t.valid_from AS TIMESTAMP)) AS alert_at,
       CAST(l.due_on AS TIMESTAMP) AS due_at, l.cleared_at, 'medium' AS severity, l.circumstance, l.lost_on, t.record AS records
FROM rights t   -- the permit that carries the right within which it happened, unless the decision to extend could weigh it
JOIN loss l ON l.permit_id = t.permit_id AND l.without_from >= t.right_from
     AND (t.is_first OR t.decided_on IS NULL OR CAST(l.told_at AS DATE) > t.decided_on)
WHERE t.permit_class IN ('FAMILY_SPOUSE', 'FAMILY_CHILD', 'FAMILY_OTHER', 'DEPENDANT')
  AND NOT EXISTS (SELECT 1 FROM protected_anchors a WHERE a.permit_id = t.permit_id)
