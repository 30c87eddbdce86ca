/*
id = "protected-home-travel"
number = "R18"
title.sv = "Resa till landet som skyddet prövats mot"
title.en = "Journey to the country that the protection was tested against"
finding.sv = "[visits: Uppgifter om resor visar besök i landet som skyddsbehovet prövats mot: {visits}. ][days_total: Dagar där, sammanlagt minst: {days_total}. ][transits: Genomresor genom landet som skyddsbehovet prövats mot: {transits}. ][moved_there: Personen är avregistrerad som utflyttad till landet som skyddsbehovet prövats mot. ]Senaste uppgift avser {last_left_on}. Omständighet att utreda."
finding.en = "[visits: Travel notices show visits to the country that the need of protection was tested against: {visits}. ][days_total: Days there, at least: {days_total}. ][transits: Passages through the country that the need of protection was tested against: {transits}. ][moved_there: The person was deregistered as moved to the country that the need of protection was tested against. ]The latest dates from {last_left_on}. A circumstance to look into."
permit_classes = ["PROT_REFUGEE", "PROT_SUBSIDIARY", "PROT_TEMPORARY"]
legal_basis = ["UtlL 4 kap. 5 § 1 st. 1 och 4 p.", "UtlL 4 kap. 5 a §", "UtlL 4 kap. 5 b-5 c §§"]
legal_gate = "open"
severity = "weak"
owner = "protection-unit"

[[counter_evidence]]
sv = "Besök som myndigheten godtagit (endast information, dagarna räknas inte)"
en = "A visit that the authority accepted (information only, its days do not count)"
column = "excused_visits"
[[counter_evidence]]
sv = "Uppgivet skäl för resan, till exempel anhörigs sjukdom (en nivå lägre, dagarna räknas inte)"
en = "A stated reason for the journey, such as a relative's illness (one tier lower, its days do not count)"
column = "visits_with_reason"
[[counter_evidence]]
sv = "Identiteten inte styrkt med handling (en nivå lägre)"
en = "The identity was not established from a document (one tier lower)"
column = "documented_visits"
[[counter_evidence]]
sv = "Endast genomresa (endast information)"
en = "Passage through only (information only)"
column = "transits"
[[counter_evidence]]
sv = "Annat land än det prövade, eller resa före eller efter statusens tid (ingen uppgift)"
en = "Another country than the tested one, or a journey outside the time of the status (no indication)"
[[counter_evidence]]
sv = "Återresa inom Schengen som inte syns: vistelsen kan ha varit kortare"
en = "A return within Schengen that nobody records: the stay may have been shorter"
checked = false
[[counter_evidence]]
sv = "Resan gjordes under tvång, eller av ett barn med vårdnadshavare"
en = "The journey was made under duress, or by a child with a guardian"
checked = false

[params.short_days]
default = 14
doc = "a stay of at least these days is medium"
source = "own default; individual assessment, MIG 2011:13"
[params.long_days]
default = 90
doc = "stays of together at least these days are strong for refugees"
source = "own default"
[params.repeat_months]
default = 24
doc = "a second visit within these months is medium"
source = "own default"
[params.notice_days]
default = 30
doc = "a notice of a reason concerns a visit within these days of it"
source = "own default"
*/
WITH visit AS (   -- visits during the status, with the best reason given for each
    SELECT st.person_id, st.record_key AS status_key, st.status_kind, v.country, v.left_on, v.back_on, v.days, v.transit, v.documented,
           v.known_at, v.record_keys,
           coalesce(max(CASE n.kind WHEN 'home_visit_excused' THEN 2 WHEN 'travel_reason' THEN 1 END), 0) AS reason
    FROM statuses st
    JOIN visits v ON v.person_id = st.person_id AND v.country = st.tested_country AND v.left_on > st.declared_on
         AND (st.ended_on IS NULL OR v.left_on < st.ended_on)
    LEFT JOIN notices n ON n.person_id = st.person_id AND n.kind IN ('travel_reason', 'home_visit_excused')
         AND n.event_on >= v.left_on - $notice_days AND n.event_on <= v.back_on + $notice_days AND (n.country IS NULL OR n.country = v.country)
    GROUP BY st.person_id, st.record_key, st.status_kind, v.country, v.left_on, v.back_on, v.days, v.transit, v.documented, v.known_at, v.record_keys
),
ordered AS (   -- each with the last day of the counted visits before it
    SELECT person_id, status_key, status_kind, country, left_on, back_on, days, transit, documented, known_at, record_keys, reason,
           max(CASE WHEN reason < 2 AND transit IS NOT TRUE THEN back_on END)
               OVER (PARTITION BY status_key, person_id ORDER BY left_on, record_keys ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS earlier_back_on
    FROM visit
),
fact AS (
    SELECT person_id, status_key, status_kind, country, left_on, known_at, record_keys, transit, documented, reason,
           CASE WHEN reason = 0 THEN days ELSE 0 END AS days,
           CASE WHEN transit IS TRUE THEN 0
                ELSE CASE WHEN days >= $short_days OR (earlier_back_on < left_on AND earlier_back_on >= add_months(back_on, -$repeat_months)) THEN 2 ELSE 1 END
                     - CASE WHEN documented IS TRUE THEN 0 ELSE 1 END - reason END AS grade,
           false AS settled
    FROM ordered
    UNION ALL
    SELECT st.person_id, st.record_key, st.status_kind, st.tested_country, d.dereg_on, d.known_at, d.record_key, CAST(NULL AS BOOLEAN),
           CAST(NULL AS BOOLEAN), CAST(NULL AS BIGINT), 0, severity_rank('strong'), true   -- moved there: no visit, no days
    FROM statuses st
    JOIN deregistrations d ON d.person_id = st.person_id AND d.dereg_code = 'UV' AND d.foreign_country = st.tested_country
    WHERE d.dereg_on > st.declared_on AND (st.ended_on IS NULL OR d.dereg_on < st.ended_on)
)
SELECT p.person_id, p.permit_id, f.country AS alert_key, max(f.left_on) AS anchor_at, max(f.known_at) AS alert_at,
       CASE WHEN p.permit_class = 'PROT_TEMPORARY' THEN 'info'
            ELSE severity(least(severity_rank(CASE f.status_kind WHEN 'refugee' THEN 'strong' ELSE 'medium' END),
                                greatest(max(f.grade),
                                         CASE WHEN sum(f.days) < $long_days THEN 0
                                              WHEN bool_or(f.documented AND f.days > 0) IS TRUE THEN severity_rank('strong')
                                              ELSE severity_rank('medium') END)))
            END AS severity,
       count(*) FILTER (WHERE f.transit IS NOT TRUE AND NOT f.settled) AS visits, CAST(sum(f.days) AS BIGINT) AS days_total,
       max(f.left_on) AS last_left_on,
       count(*) FILTER (WHERE f.documented IS TRUE AND NOT f.settled) AS documented_visits,
       count(*) FILTER (WHERE f.reason = 1) AS visits_with_reason,
       count(*) FILTER (WHERE f.reason = 2) AS excused_visits, count(*) FILTER (WHERE f.transit IS TRUE) AS transits,
       bool_or(f.settled) AS moved_there,
       concat_ws(',', p.record_key, f.status_key, string_agg(f.record_keys, ',' ORDER BY f.left_on, f.record_keys)) AS record_keys
FROM permit_spells p
JOIN fact f ON f.person_id = p.person_id AND f.left_on >= p.valid_from AND (p.held_until IS NULL OR f.left_on <= p.held_until)
WHERE p.permit_class IN ('PROT_REFUGEE', 'PROT_SUBSIDIARY', 'PROT_TEMPORARY')
GROUP BY p.person_id, p.permit_id, p.permit_class, p.record_key, f.status_key, f.status_kind, f.country
