/*
id = "protected-home-passport"
number = "R19"
title.sv = "Hemlandspass använt eller utfärdat"
title.en = "Home passport used or issued"
finding.sv = "Pass utfärdat av landet som skyddsbehovet prövats mot har visats, antal gånger: {uses}, senast {last_used_on}. [issued_after_status: Ett sådant är utfärdat efter statusen. ][with_own_document: Svensk resehandling gällde samtidigt. ][visits: Besök i landet: {visits}. ]Omständighet att utreda."
finding.en = "A passport issued by the country that the need of protection was tested against was shown, number of times: {uses}, last on {last_used_on}. [issued_after_status: One was issued after the status. ][with_own_document: A Swedish travel document was valid at the time. ][visits: Visits to the country: {visits}. ]A circumstance to look into."
permit_classes = ["PROT_REFUGEE", "PROT_SUBSIDIARY"]
legal_basis = ["UtlL 4 kap. 5 § 1 st. 1 p.", "UtlL 4 kap. 5 a §"]
legal_gate = "open"
severity = "medium"
owner = "protection-unit"
readings = [
    "Held against the status, not the permit; a renewal settles what was known at its decision.",
    "A refugee's visit that a renewal's decision could not know makes a use of the passport that it knew stand again, for only the two together are strong; under subsidiary protection a visit adds nothing, and so unsettles nothing.",
]

[[counter_evidence]]
sv = "Alternativt skyddsbehövande: hemlandspass är ofta väntat (endast information)"
en = "Subsidiary protection: a home passport is often expected (information only)"
column = "status_kind"
[[counter_evidence]]
sv = "Utfärdat före statusen, till exempel inlämnat vid ansökan (räknas bara om det använts medan svensk resehandling gällde)"
en = "Issued before the status, such as one handed in with the application (counts only if used while a Swedish travel document was valid)"
column = "issued_after_status"
[[counter_evidence]]
sv = "Passet sågs inte, uppgiften är muntlig (en nivå lägre)"
en = "The passport was not seen, only stated (one tier lower)"
column = "seen_uses"
[[counter_evidence]]
sv = "Det prövade landet har delats i flera stater: prövningen kan ha gällt en annan av dem än passets (en nivå lägre)"
en = "The tested country was divided into several states: the test may have been about another of them than the passport's (one tier lower)"
column = "one_of_several"
[[counter_evidence]]
sv = "Oanvänt pass (ingen indikation)"
en = "A passport that was never used (no indication)"
[[counter_evidence]]
sv = "Status som upphört, eller pass från ett annat land än det prövade (ingen indikation)"
en = "A status that has ended, or a passport of another country than the tested one (no indication)"
[[counter_evidence]]
sv = "Utfärdat på en myndighets begäran, i ett identitets- eller medborgarskapsärende"
en = "Issued at an authority's request, in a matter of identity or citizenship"
checked = false
[[counter_evidence]]
sv = "Utfärdat för ett barn på en förälders begäran"
en = "Issued to a child at a parent's request"
checked = false

[params.notice_days]
default = 30
doc.sv = "ett angivet skäl för en resa gäller ett besök inom så många dagar från det"
doc.en = "a notice of a reason for a journey concerns a visit within these days of it"
source.sv = "eget antagande, som för resor till hemlandet (R18)"
source.en = "own default, as for protected-home-travel"
*/
WITH corrected AS (   -- notices that showed no such use when a permit was decided, or no such day of issue, and until when
    SELECT st.person_id, st.record AS status_record, b.record,
           max(CASE WHEN NOT coalesce(e.doc_kind = 'P' AND same_state(e.doc_issuer, st.tested_country) > 0 AND e.source <> 'tip'
                                      AND e.observed_on > st.declared_on AND (st.ended_on IS NULL OR e.observed_on < st.ended_on)
                                      AND (e.doc_seen IS TRUE OR b.doc_seen IS NOT TRUE), false) THEN e.until_at END) AS until_at,
           max(CASE WHEN (e.doc_issued_on > st.declared_on) IS NOT TRUE THEN e.until_at END) AS issued_until
    FROM statuses st
    JOIN border b ON b.person_id = st.person_id
    JOIN earlier_border e ON e.person_id = b.person_id AND e.record_key = b.record_key
    JOIN whole_permits d ON d.person_id = e.person_id AND CAST(e.from_at AS DATE) <= d.decided_on AND d.decided_on < CAST(e.until_at AS DATE)
    GROUP BY st.person_id, st.record, b.record
),
status_before AS (   -- what a declaration said when a permit was decided, and until when
    SELECT o.person_id, o.record_key, o.tested_country, o.declared_on, o.ended_on, o.until_at
    FROM earlier_statuses o
    JOIN whole_permits d ON d.person_id = o.person_id AND CAST(o.from_at AS DATE) <= d.decided_on AND d.decided_on < CAST(o.until_at AS DATE)
),
used AS (   -- a notice that shows a passport of the tested country during the status
    SELECT st.person_id, st.record AS status_record, st.status_kind, st.ended_on, st.tested_country, b.record, b.observed_on, b.doc_issued_on,
           same_state(b.doc_issuer, st.tested_country) = 1 AS one_of_several, coalesce(b.doc_seen, false) AS seen,
           coalesce(b.doc_issued_on > st.declared_on, false) AS issued_after, count(d.record) > 0 AS with_own, records_of(d.record) AS own_records,
           greatest(b.first_known_time, CAST(b.observed_on AS TIMESTAMP), st.first_known_time,
                    CASE WHEN (b.doc_issued_on > st.declared_on) IS NOT TRUE THEN min(d.first_known_time) END) AS known_at,
           greatest(b.first_known_time, CAST(b.observed_on AS TIMESTAMP), st.first_known_time, max(c.until_at), max(o.until_at),
                    CASE WHEN (b.doc_issued_on > st.declared_on) IS NOT TRUE THEN min(d.first_known_time)
                         WHEN max(c.issued_until) IS NOT NULL THEN least(max(c.issued_until), min(d.first_known_time)) END) AS stands_since
    FROM statuses st
    JOIN border b ON b.person_id = st.person_id AND b.doc_kind = 'P' AND same_state(b.doc_issuer, st.tested_country) > 0 AND b.source <> 'tip'
         AND b.observed_on > st.declared_on AND (st.ended_on IS NULL OR b.observed_on < st.ended_on)
    LEFT JOIN corrected c ON c.person_id = b.person_id AND c.status_record = st.record AND c.record = b.record
    LEFT JOIN status_before o ON o.person_id = st.person_id AND o.record_key = st.record_key   -- it did not concern the use before
         AND NOT coalesce(same_state(b.doc_issuer, o.tested_country) > 0 AND b.observed_on > o.declared_on AND (o.ended_on IS NULL OR b.observed_on < o.ended_on), false)
    LEFT JOIN documents d ON d.person_id = st.person_id AND d.kind IN ('RD', 'FP') AND d.valid_from <= b.observed_on
         AND (d.valid_to IS NULL OR d.valid_to >= b.observed_on) AND (d.revoked_on IS NULL OR d.revoked_on > b.observed_on)
    GROUP BY st.person_id, st.record, st.status_kind, st.declared_on, st.ended_on, st.tested_country, st.first_known_time,
             b.record, b.observed_on, b.doc_issuer, b.doc_issued_on, b.doc_seen, b.first_known_time
),
journey AS (   -- a visit to the tested country during the status for which no reason was given or accepted
    SELECT st.person_id, st.record AS status_record, v.left_on, v.known_at, v.stands_since, v.records
    FROM statuses st
    JOIN status_visits v ON v.person_id = st.person_id AND v.status_record = st.record AND v.transit IS NOT TRUE AND NOT v.within
    LEFT JOIN notices n ON n.person_id = st.person_id AND n.kind IN ('home_visit_excused', 'travel_reason')
         AND n.event_on >= v.left_on - $notice_days AND (v.back_on IS NULL OR n.event_on <= v.back_on + $notice_days)
         AND (n.country IS NULL OR n.country = v.country)
    GROUP BY st.person_id, st.record, v.left_on, v.back_on, v.records, v.known_at, v.stands_since
    HAVING count(n.record) = 0
),
journeys AS (
    SELECT person_id, status_record, count(*) AS visits, max(known_at) AS known_at, max(stands_since) AS stands_since, records_of(records) AS records FROM journey GROUP BY person_id, status_record
)
SELECT p.person_id, p.permit_id, u.tested_country AS alert_key, max(u.observed_on) AS anchor_at,
       greatest(max(u.known_at), j.known_at, p.first_known_time, CAST(p.valid_from AS TIMESTAMP)) AS alert_at,
       CAST(u.ended_on + 1 AS TIMESTAMP) AS cleared_at, 'status_ended' AS cleared_reason,
       CASE WHEN u.status_kind <> 'refugee' THEN 'info'
            ELSE severity(max(CASE WHEN u.seen THEN 2 ELSE 1 END - CASE WHEN u.one_of_several THEN 1 ELSE 0 END)
                          + CASE WHEN j.visits IS NULL THEN 0 ELSE 1 END) END AS severity,
       u.status_kind, count(*) AS uses, max(u.observed_on) AS last_used_on, count(CASE WHEN u.seen THEN 1 END) AS seen_uses,
       bool_or(u.issued_after) AS issued_after_status, bool_or(u.with_own) AS with_own_document, max(u.doc_issued_on) AS doc_issued_on,
       bool_or(u.one_of_several) AS one_of_several, coalesce(j.visits, 0) AS visits,
       records(p.record, u.status_record, records_of(u.record), records_of(u.own_records), j.records) AS records
FROM rights p
JOIN used u ON u.person_id = p.person_id AND (u.issued_after OR u.with_own)
LEFT JOIN journeys j ON j.person_id = u.person_id AND j.status_record = u.status_record
WHERE p.permit_class IN ('PROT_REFUGEE', 'PROT_SUBSIDIARY')
GROUP BY p.person_id, p.permit_id, p.record, p.first_known_time, p.valid_from, p.decided_on, p.is_first, u.status_record, u.status_kind,
         u.tested_country, u.ended_on, j.visits, j.known_at, j.stands_since, j.records
HAVING p.is_first OR p.decided_on IS NULL OR CAST(greatest(max(u.stands_since), CASE WHEN u.status_kind = 'refugee' THEN j.stands_since END) AS DATE) > p.decided_on
