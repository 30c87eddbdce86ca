/*
id = "protected-home-travel"
number = "R18"
title.sv = "Resa till landet som skyddet prövats mot"
title.en = "Journey to the country that the protection was tested against"
finding.sv = "[visits: Uppgifter om resor visar besök i landet som skyddsbehovet prövats mot: {visits}. ][days_total: Dagar där, sammanlagt minst: {days_total}. ][return_not_seen: En utresa dit följs inte av någon sedd återresa. ][days_unseen: Dagar sedan dess, eller till nästa tecken på vistelse i Sverige: {days_unseen}. ][transits: Genomresor genom landet som skyddsbehovet prövats mot: {transits}. ][moved_there: Avregistrerad som utflyttad till landet som skyddsbehovet prövats mot. ]Senaste uppgift avser {last_left_on}. Omständighet att utreda."
finding.en = "[visits: Travel notices show visits to the country that the need of protection was tested against: {visits}. ][days_total: Days there, at least: {days_total}. ][return_not_seen: After a departure there no return was seen. ][days_unseen: Days since, or until the next sign of presence in Sweden: {days_unseen}. ][transits: Passages through the country that the need of protection was tested against: {transits}. ][moved_there: Deregistered as moved to the country that the need of protection was tested against. ]The latest dates from {last_left_on}. A circumstance to look into."
permit_classes = ["PROT_REFUGEE", "PROT_SUBSIDIARY", "PROT_TEMPORARY"]
legal_basis = ["UtlL 4 kap. 5 § 1 st. 1 och 4 p.", "UtlL 4 kap. 5 a §", "UtlL 4 kap. 5 b-5 c §§"]
legal_gate = "open"
severity = "weak"
owner = "protection-unit"
readings = [
    "Held against the status, not the permit: days and visits are counted over renewals, and a renewal settles what was known, and had happened, at its decision.",
    "A documented exit to the tested country is a visit that lasts at least until the next sign of presence in Sweden, else until now, told as 'return not seen' and one tier lower as long as the stay is inferred only. Whoever leaves for it again, or is seen in Sweden, has come back: the first is a visit, its days are inferred. Salary and studies are no such sign here, for the data may not be used for these permits.",
    "A tip about one visit raises the indication, also once later visits are known: they take nothing from it.",
    "An address in the register is a sign too, in the holder's favour: it ends the days of a stay whose return nobody saw. It is no appearance in person, so that the return stays unseen, and one tier lower.",
]

[[counter_evidence]]
sv = "Besök som myndigheten godtagit (endast information, dagarna räknas inte)"
en = "A visit that the authority accepted (information only, its days do not count)"
column = "excused_visits"
[[counter_evidence]]
sv = "Uppgivet skäl för resan, till exempel anhörigs sjukdom (en nivå lägre, dagarna räknas inte)"
en = "A stated reason for the journey, such as a relative's illness (one tier lower, its days do not count)"
column = "visits_with_reason"
[[counter_evidence]]
sv = "Identiteten inte styrkt med handling (en nivå lägre, också för dagarna och för två besök)"
en = "The identity was not established from a document (one tier lower, for its days and for two visits too)"
column = "documented_visits"
[[counter_evidence]]
sv = "Endast genomresa (endast information)"
en = "Passage through only (information only)"
column = "transits"
[[counter_evidence]]
sv = "Annat land än det prövade, resa före statusen, eller status som har upphört (ingen indikation)"
en = "Another country than the tested one, a journey that began before the status, or a status that has ended (no indication)"
[[counter_evidence]]
sv = "Återresan har inte setts, till exempel inom Schengen: vistelsen kan ha varit kortare (en nivå lägre; nästa tecken på vistelse i Sverige avslutar den)"
en = "The return was not seen, such as one within Schengen: the stay may have been shorter (one tier lower; the next sign of presence in Sweden ends it)"
column = "return_not_seen"
[[counter_evidence]]
sv = "Det prövade landet har delats i flera stater: prövningen kan ha gällt en annan av dem (en nivå lägre)"
en = "The tested country was divided into several states: the test may have been about another of them (one tier lower)"
column = "one_of_several"
[[counter_evidence]]
sv = "Lön eller studier i Sverige under tiden (får inte läsas för dessa tillstånd)"
en = "Salary or studies in Sweden meanwhile (may not be read for these permits)"
checked = false
[[counter_evidence]]
sv = "Resan gjordes under tvång, eller av ett barn med vårdnadshavare"
en = "The journey was made under duress, or by a child with a guardian"
checked = false

[params.short_days]
default = 14
doc.sv = "en vistelse på minst så många dagar gör indikationen medel"
doc.en = "a stay of at least these days is medium"
source.sv = "eget antagande; individuell bedömning, MIG 2011:13"
source.en = "own default; individual assessment, MIG 2011:13"
[params.long_days]
default = 90
doc.sv = "vistelser på sammanlagt minst så många dagar gör indikationen stark för flyktingar"
doc.en = "stays of together at least these days are strong for refugees"
source.sv = "eget antagande"
source.en = "own default"
[params.repeat_months]
default = 24
doc.sv = "ett andra besök som börjar mindre än så många månader efter att ett annat började gör indikationen medel"
doc.en = "a second visit that begins less than these months after another began is medium"
source.sv = "eget antagande"
source.en = "own default"
[params.notice_days]
default = 30
doc.sv = "ett angivet skäl gäller ett besök inom så många dagar från det"
doc.en = "a notice of a reason concerns a visit within these days of it"
source.sv = "eget antagande"
source.en = "own default"
*/
WITH status_before AS (   -- what a declaration said when a permit was decided, and until when
    SELECT o.person_id, o.record_key, o.tested_country, o.declared_on, o.ended_on, o.until_at
    FROM earlier_statuses o
    JOIN whole_permits d ON d.person_id = o.person_id AND CAST(o.from_at AS DATE) <= d.decided_on AND d.decided_on < CAST(o.until_at AS DATE)
),
reason_before AS (   -- reasons that there were when a permit was decided, and until when
    SELECT w.person_id, w.kind, w.event_on, w.country, w.until_at
    FROM earlier_notices w
    JOIN whole_permits d ON d.person_id = w.person_id AND CAST(w.from_at AS DATE) <= d.decided_on AND d.decided_on < CAST(w.until_at AS DATE)
    WHERE w.about = 'reason'
),
told AS (   -- visits during the status, with the best reason given for each, and moves there
    SELECT st.person_id, st.record AS status_record, st.status_kind, st.tested_country, st.ended_on,
           same_state(v.country, st.tested_country) = 1 AS one_of_several, v.shown, v.first_record, v.left_on, v.seen_until, v.back_on, v.transit, v.documented, v.came_back,
           false AS moved, coalesce(max(CASE n.kind WHEN 'home_visit_excused' THEN 2 WHEN 'travel_reason' THEN 1 END), 0) AS reason, records_of(n.record) AS reason_records,
           greatest(v.known_at, st.first_known_time) AS known_at,
           greatest(v.stands_since, st.first_known_time, max(o.until_at),
                    CASE WHEN max(CASE w.kind WHEN 'home_visit_excused' THEN 2 ELSE 1 END) > coalesce(max(CASE n.kind WHEN 'home_visit_excused' THEN 2 WHEN 'travel_reason' THEN 1 END), 0)
                         THEN max(w.until_at) END) AS told_at,   -- as it stands
           CAST(NULL AS DATE) AS ahead_on, v.records
    FROM statuses st
    JOIN status_visits v ON v.person_id = st.person_id AND v.status_record = st.record
    LEFT JOIN notices n ON n.person_id = st.person_id AND n.kind IN ('travel_reason', 'home_visit_excused')
         AND n.event_on >= v.left_on - $notice_days AND (v.back_on IS NULL OR n.event_on <= v.back_on + $notice_days)
         AND (n.country IS NULL OR n.country = v.country)
    LEFT JOIN status_before o ON o.person_id = st.person_id AND o.record_key = st.record_key   -- it did not concern the visit before
         AND NOT coalesce(same_state(v.country, o.tested_country) > 0 AND v.left_on > o.declared_on AND (o.ended_on IS NULL OR v.left_on < o.ended_on), false)
    LEFT JOIN reason_before w ON w.person_id = st.person_id   -- a reason was taken back
         AND w.event_on >= v.left_on - $notice_days AND (v.back_on IS NULL OR w.event_on <= v.back_on + $notice_days)
         AND (w.country IS NULL OR w.country = v.country)
    GROUP BY st.person_id, st.record, st.status_kind, st.tested_country, st.ended_on, st.first_known_time, v.country, v.shown, v.first_record, v.left_on,
             v.seen_until, v.back_on, v.transit, v.documented, v.came_back, v.known_at, v.stands_since, v.records
    UNION ALL
    SELECT st.person_id, st.record AS status_record, st.status_kind, st.tested_country, st.ended_on,
           same_state(d.foreign_country, st.tested_country) = 1 AS one_of_several, 'moved' AS shown, d.record AS first_record, d.dereg_on AS left_on, d.dereg_on AS seen_until,
           d.dereg_on AS back_on, CAST(NULL AS BOOLEAN) AS transit, true AS documented, true AS came_back, true AS moved, 0 AS reason, CAST(NULL AS VARCHAR) AS reason_records,
           greatest(d.known_at, st.first_known_time) AS known_at, greatest(d.known_at, d.country_since, st.first_known_time, max(o.until_at)) AS told_at,
           CASE WHEN d.known_at > d.told_at THEN d.dereg_on END AS ahead_on, d.record AS records   -- one that is told ahead may be taken back until its day
    FROM statuses st
    JOIN deregistrations d ON d.person_id = st.person_id AND d.dereg_code = 'UV' AND same_state(d.foreign_country, st.tested_country) > 0
    LEFT JOIN status_before o ON o.person_id = st.person_id AND o.record_key = st.record_key
         AND NOT coalesce(same_state(d.foreign_country, o.tested_country) > 0 AND d.dereg_on > o.declared_on AND (o.ended_on IS NULL OR d.dereg_on < o.ended_on), false)
    WHERE d.dereg_on > st.declared_on AND (st.ended_on IS NULL OR d.dereg_on < st.ended_on)
    GROUP BY st.person_id, st.record, st.status_kind, st.tested_country, st.ended_on, st.first_known_time, d.record, d.dereg_on, d.foreign_country, d.known_at,
             d.told_at, d.country_since
),
doubted AS (   -- `certain`: the return was seen
    SELECT told.*, coalesce(seen_until = back_on, false) AS certain,
           CASE WHEN documented IS TRUE THEN 0 ELSE 1 END + reason + CASE WHEN one_of_several THEN 1 ELSE 0 END AS doubts,
           CASE WHEN documented IS TRUE THEN 0 ELSE 1 END + reason + CASE WHEN one_of_several THEN 1 ELSE 0 END
               + CASE WHEN seen_until IS NULL AND NOT came_back THEN 1 ELSE 0 END AS visit_doubts,   -- whoever left again, or appeared in person, has been there and back
           CASE WHEN reason = 0 THEN CAST(back_on - left_on AS BIGINT) ELSE 0 END AS days
    FROM told
),
visit AS (   -- each visit beside those before it, and the days beside it that have no more than 1 or 2 doubts
    SELECT doubted.*,
           coalesce(sum(CASE WHEN certain AND doubts <= 1 THEN days END) OVER status, 0)
               + coalesce(sum(CASE WHEN NOT certain AND doubts = 0 THEN days END) OVER earlier, 0) AS other_days_1,
           coalesce(sum(CASE WHEN certain THEN days END) OVER status, 0)
               + coalesce(sum(CASE WHEN NOT certain THEN days END) OVER earlier, 0) AS other_days_2,
           max(coalesce(back_on, DATE '2199-12-31')) OVER earlier AS earlier_back_on,
           max(left_on) OVER earlier AS earlier_left_on,
           max(CASE WHEN visit_doubts = 0 AND transit IS NOT TRUE THEN left_on END) OVER earlier AS sure_left_on,
           max(CASE WHEN visit_doubts <= 1 AND transit IS NOT TRUE THEN left_on END) OVER earlier AS likely_left_on
    FROM doubted
    WINDOW status AS (PARTITION BY status_record, person_id),
           earlier AS (PARTITION BY status_record, person_id ORDER BY left_on, records, shown, first_record ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
point AS (   -- days on which a stay without a seen return weighs more (`weighs`), or ends; null: what was seen alone
    SELECT person_id, status_record, CAST(NULL AS DATE) AS reached_on, false AS weighs FROM visit GROUP BY person_id, status_record
    UNION ALL
    SELECT person_id, status_record, reached_on, bool_or(CASE step WHEN 'back' THEN false WHEN 'short' THEN reason < 2 ELSE reason = 0 END) AS weighs   -- days with a reason do not add up, excused ones weigh nothing
    FROM (SELECT v.person_id, v.status_record, v.back_on, v.reason, n.step,
                 CASE n.step WHEN 'short' THEN v.left_on + $short_days WHEN 'long_1' THEN v.left_on + CAST(least(greatest($long_days - v.other_days_1, -36500), 3650) AS INT)
                      WHEN 'long_2' THEN v.left_on + CAST(least(greatest($long_days - v.other_days_2, -36500), 3650) AS INT) ELSE v.back_on END AS reached_on
          FROM (VALUES ('short'), ('long_1'), ('long_2'), ('back')) AS n(step) CROSS JOIN visit v
          WHERE NOT v.certain) x
    WHERE reached_on <= coalesce(back_on, DATE '2199-12-31')
    GROUP BY person_id, status_record, reached_on
),
stay AS (   -- each visit as it stands on such a day; whoever leaves again on the day of the return makes another visit
    SELECT v.*, p.reached_on, p.weighs,
           CASE WHEN v.certain THEN NULL WHEN v.back_on < p.reached_on THEN v.back_on ELSE p.reached_on END AS unseen_until,
           coalesce(v.earlier_back_on > v.left_on
                    OR (v.earlier_back_on = v.left_on AND (v.back_on = v.left_on OR v.earlier_left_on = v.left_on)), false) AS same_visit
    FROM visit v
    JOIN point p ON p.person_id = v.person_id AND p.status_record = v.status_record
),
counted AS (
    SELECT stay.* EXCLUDE (known_at, told_at), seen_until IS NOT NULL AS seen,
           CASE WHEN same_visit OR transit IS TRUE THEN 0
                WHEN visit_doubts = 0 AND left_on < add_months(sure_left_on, $repeat_months) THEN 2
                WHEN visit_doubts <= 1 AND left_on < add_months(likely_left_on, $repeat_months) THEN 1 ELSE 0 END AS repeat_grade,
           greatest(known_at, CAST(unseen_until AS TIMESTAMP)) AS known_at,
           greatest(told_at, CASE WHEN weighs THEN CAST(unseen_until AS TIMESTAMP) END) AS told_at,
           coalesce(CAST(seen_until - left_on AS BIGINT), 0) AS seen_days,
           greatest(coalesce(CAST(unseen_until - coalesce(seen_until, left_on) AS BIGINT), 0), 0) AS unseen_days
    FROM stay
),
fact AS (   -- each doubt takes a tier: no document, one of several states, a reason; and so does a stay that was not seen. Days by how many doubts they have
    SELECT counted.* EXCLUDE (seen_days, unseen_days), coalesce(reached_on, DATE '1900-01-01') AS point_on,
           CASE WHEN reason = 0 THEN seen_days ELSE 0 END AS seen_days, CASE WHEN reason = 0 THEN unseen_days ELSE 0 END AS unseen_days,
           CASE WHEN doubts = 0 THEN seen_days ELSE 0 END AS days_0,
           CASE WHEN reason = 0 AND doubts <= 1 THEN seen_days ELSE 0 END + CASE WHEN doubts = 0 THEN unseen_days ELSE 0 END AS days_1,
           CASE WHEN reason = 0 THEN seen_days + unseen_days ELSE 0 END AS days_2,
           greatest(CASE WHEN moved THEN 3
                         WHEN transit IS TRUE THEN 0
                         WHEN seen_days >= $short_days THEN 2
                         WHEN seen OR came_back OR seen_days + unseen_days >= $short_days THEN 1 ELSE 0 END - doubts, repeat_grade) AS grade
    FROM counted
),
step AS (   -- a row for what was known at each time at which one of them became known
    SELECT p.person_id, p.permit_id, p.permit_class, p.record, p.is_first, p.decided_on, f.status_record, f.point_on,
           greatest(f.known_at, CAST(f.reached_on AS TIMESTAMP), p.first_known_time, CAST(p.valid_from AS TIMESTAMP)) AS alert_at
    FROM rights p
    JOIN fact f ON f.person_id = p.person_id
    WHERE p.permit_class IN ('PROT_REFUGEE', 'PROT_SUBSIDIARY', 'PROT_TEMPORARY')
    GROUP BY p.person_id, p.permit_id, p.permit_class, p.record, p.is_first, p.decided_on, f.status_record, f.point_on,
             greatest(f.known_at, CAST(f.reached_on AS TIMESTAMP), p.first_known_time, CAST(p.valid_from AS TIMESTAMP))
)
SELECT p.person_id, p.permit_id, f.tested_country AS alert_key, max(f.left_on) AS anchor_at, p.alert_at,
       CAST(greatest(f.reached_on, max(f.ahead_on)) AS TIMESTAMP) AS due_at, CAST(f.ended_on + 1 AS TIMESTAMP) AS cleared_at,
       'status_ended' AS cleared_reason,
       CASE WHEN p.permit_class = 'PROT_TEMPORARY' THEN 'info'
            ELSE severity(least(severity_rank(CASE f.status_kind WHEN 'refugee' THEN 'strong' ELSE 'medium' END),
                                greatest(max(f.grade), 0, severity_rank(CASE f.status_kind WHEN 'refugee' THEN 'strong' ELSE 'medium' END)
                                                          - CASE WHEN sum(f.days_0) >= $long_days THEN 0
                                                                 WHEN sum(f.days_1) >= $long_days THEN 1
                                                                 WHEN sum(f.days_2) >= $long_days THEN 2 ELSE 3 END)))
            END AS severity,
       count(*) FILTER (WHERE f.transit IS NOT TRUE AND NOT f.moved AND NOT f.same_visit) AS visits, CAST(sum(f.seen_days) AS BIGINT) AS days_total,
       CAST(sum(f.unseen_days) AS BIGINT) AS days_unseen, bool_or(NOT f.certain) AS return_not_seen, max(f.left_on) AS last_left_on,
       count(*) FILTER (WHERE f.documented IS TRUE AND NOT f.moved) AS documented_visits,
       count(*) FILTER (WHERE f.reason = 1) AS visits_with_reason,
       count(*) FILTER (WHERE f.reason = 2) AS excused_visits, count(*) FILTER (WHERE f.transit IS TRUE) AS transits,
       bool_or(f.moved) AS moved_there, bool_or(f.one_of_several) AS one_of_several,
       records(p.record, f.status_record, records_of(f.records), records_of(f.reason_records)) AS records
FROM step p
JOIN fact f ON f.person_id = p.person_id AND f.status_record = p.status_record AND f.point_on = p.point_on AND f.known_at <= p.alert_at
GROUP BY p.person_id, p.permit_id, p.permit_class, p.record, p.alert_at, f.status_record, f.status_kind, f.tested_country,
         f.ended_on, f.reached_on
HAVING bool_or(p.is_first OR p.decided_on IS NULL OR CAST(f.told_at AS DATE) > p.decided_on)
