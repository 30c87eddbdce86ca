/*
id = "ltr-absence-limit"
number = "R17"
title.sv = "Frånvarogräns för varaktigt bosatt"
title.en = "Absence limit of a long-term resident"
finding.sv = "Avregistrerad som utflyttad {moved_on}. Sedan {last_seen_on} har ingen uppgift som tyder på vistelse i Sverige kommit in under {limit_months} månader (gränsen för frånvaro från {absent_from}). Vistelse i andra EU-stater syns inte. Omständighet att utreda."
finding.en = "Deregistered as emigrated on {moved_on}. Since {last_seen_on} no sign of a stay in Sweden has been received for {limit_months} months (the limit of absence from {absent_from}). Stays in other EU states cannot be seen. A circumstance to look into."
permit_classes = ["LTR_EU"]
legal_basis = ["UtlL 5 a kap. 1 a §", "UtlL 5 a kap. 5 § 1 st. 4 och 5 p.", "UtlL 5 a kap. 5 § 2 st."]
legal_gate = "request"
severity = "weak"
owner = "national-control"
readings = [
    "Held against the unbroken right. A renewal settles a limit that was passed, and known to be, when it was decided; one that is passed later is not settled by it.",
    "Where the first post about the move shows an address outside the EU, the absence from the EU counts from the day of the move, not of the post.",
]
# The longest limit is 72 months; a sign may become known some months after the day that it speaks of.
horizon = { border = "P84M" }

[[counter_evidence]]
sv = "Tecken på vistelse i Sverige efter flytten: resa, tillståndskort (flyttar dagen som frånvaron räknas från, eller avslutar indikationen)"
en = "Signs of a stay in Sweden since the move: journey, permit card (move the day from which the absence is counted, or end the indication)"
column = "last_seen_on"
[[counter_evidence]]
sv = "Ny folkbokföring (avslutar indikationen) eller rättelse av avregistreringen (tar bort den)"
en = "New registration (ends the indication) or correction of the deregistration (removes it)"
[[counter_evidence]]
sv = "Vilken gräns som prövas: vid utländsk adress i EU, eller okänd, endast den för frånvaro från Sverige"
en = "Which limit is tested: for a foreign address in the EU, or an unknown one, only that of absence from Sweden"
column = "absent_from"
[[counter_evidence]]
sv = "Tidigare EU-blåkort: den längre gränsen gäller"
en = "An earlier EU Blue Card: the longer limit applies"
column = "blue_cards"
[[counter_evidence]]
sv = "Känt när tillståndet förlängdes: redan prövat (räknas inte på förlängningen)"
en = "Known when the permit was extended: already weighed (does not count on the extension)"
[[counter_evidence]]
sv = "Lön, förmåner eller studier i Sverige: får inte läsas för denna ställning"
en = "Salary, benefits or studies in Sweden: may not be read for this status"
checked = false
[[counter_evidence]]
sv = "Vistelse i en annan EU-stat"
en = "A stay in another EU state"
checked = false
[[counter_evidence]]
sv = "Familjemedlem till en tidigare innehavare av EU-blåkort"
en = "Family member of a former holder of an EU Blue Card"
checked = false
[[counter_evidence]]
sv = "Särskilda skäl för frånvaron"
en = "Special reasons for the absence"
checked = false

[params.months]
default = 12
doc.sv = "månader i följd utanför EU"
doc.en = "consecutive months outside the EU"
source = "UtlL 5 a kap. 5 §"
[params.blue_card_months]
default = 24
doc.sv = "månader i följd utanför EU för den som har haft EU-blåkort"
doc.en = "consecutive months outside the EU of a person who held an EU Blue Card"
source = "UtlL 5 a kap. 1 a och 5 §§"
[params.sweden_months]
default = 72
doc.sv = "månader utanför Sverige"
doc.en = "months outside Sweden"
source.sv = "UtlL 5 a kap. 5 §: sex år"
source.en = "UtlL 5 a kap. 5 §: six years"
*/
WITH post AS (   -- register posts of each move abroad within the right, with the last of them that shows no address outside the EU
    SELECT p.person_id, p.permit_id, p.record, greatest(p.first_known_time, CAST(p.valid_from AS TIMESTAMP)) AS held_at,
           CASE WHEN NOT p.is_first THEN p.decided_on END AS settled_on,
           d.dereg_on, d.known_at, d.registered_again_at, d.record AS post_record, h.event_on, h.version,
           max(CASE WHEN h.foreign_in_eu = false THEN NULL ELSE h.version END) OVER (PARTITION BY p.permit_id, d.dereg_on) AS inside_version
    FROM rights p
    JOIN deregistrations d ON d.person_id = p.person_id AND d.dereg_code = 'UV' AND d.dereg_on >= p.right_from
    JOIN population_posts h ON h.person_id = d.person_id AND h.dereg_code = 'UV' AND coalesce(h.dereg_on, h.event_on) = d.dereg_on
    WHERE p.permit_class = 'LTR_EU'
),
absence AS (   -- from the EU since the first post after that, or since the move if there is none; from Sweden since the move
    SELECT person_id, permit_id, record, held_at, settled_on, dereg_on, known_at, registered_again_at, post_record,
           'EU' AS absent_from, min(CASE WHEN inside_version IS NULL THEN dereg_on ELSE greatest(event_on, dereg_on) END) AS from_on
    FROM post
    WHERE inside_version IS NULL OR version > inside_version
    GROUP BY person_id, permit_id, record, held_at, settled_on, dereg_on, known_at, registered_again_at, post_record
    UNION ALL
    SELECT person_id, permit_id, record, held_at, settled_on, dereg_on, known_at, registered_again_at, post_record,
           'SWE' AS absent_from, dereg_on AS from_on
    FROM post
    GROUP BY person_id, permit_id, record, held_at, settled_on, dereg_on, known_at, registered_again_at, post_record
),
lasting AS (   -- with the limit
    SELECT a.person_id, a.permit_id, a.record, a.held_at, a.settled_on, a.dereg_on, a.known_at, a.registered_again_at, a.post_record, a.absent_from,
           a.from_on, count(b.record) AS blue_cards, records_of(b.record) AS card_records,
           CASE WHEN a.absent_from = 'SWE' THEN $sweden_months WHEN count(b.record) > 0 THEN $blue_card_months ELSE $months END AS limit_months
    FROM absence a
    LEFT JOIN whole_permits b ON b.person_id = a.person_id AND b.permit_class = 'BLUE_CARD'
    GROUP BY a.person_id, a.permit_id, a.record, a.held_at, a.settled_on, a.dereg_on, a.known_at, a.registered_again_at, a.post_record, a.absent_from,
             a.from_on
),
seen AS (   -- the day of leaving and each sign of a stay, each with the next; the time before a known one never counts
    SELECT permit_id, post_record, absent_from, seen_on, record AS sign_record, lead(seen_on) OVER w AS next_seen_on, lead(known_at) OVER w AS next_known_at
    FROM (
        SELECT permit_id, post_record, absent_from, from_on AS seen_on, known_at, CAST(NULL AS VARCHAR) AS record
        FROM lasting
        UNION ALL
        SELECT l.permit_id, l.post_record, l.absent_from, s.seen_on, s.known_at, s.record
        FROM lasting l
        JOIN presence s ON s.person_id = l.person_id AND s.sign <> 'registered'   -- a registration ends the matter; one that the move took the place of is none
    ) x
    WINDOW w AS (PARTITION BY permit_id, post_record, absent_from ORDER BY seen_on, record NULLS FIRST)
),
lost AS (   -- signs within each absence that were there by the decision and were corrected away: until when
    SELECT l.permit_id, l.post_record, l.absent_from, s.seen_on, max(e.until_at) AS until_at
    FROM lasting l
    JOIN seen s ON s.permit_id = l.permit_id AND s.post_record = l.post_record AND s.absent_from = l.absent_from
    JOIN earlier_presence e ON e.person_id = l.person_id AND e.sign <> 'registered' AND e.seen_on > s.seen_on
         AND (s.next_seen_on IS NULL OR e.seen_on < s.next_seen_on)
         AND CAST(e.from_at AS DATE) <= l.settled_on
    GROUP BY l.permit_id, l.post_record, l.absent_from, s.seen_on
)
SELECT l.person_id, l.permit_id, l.dereg_on AS alert_key, l.dereg_on AS anchor_at,
       greatest(CAST(add_months(s.seen_on, l.limit_months) AS TIMESTAMP), l.known_at, l.held_at) AS alert_at,
       CAST(add_months(s.seen_on, l.limit_months) AS TIMESTAMP) AS due_at, least(s.next_known_at, l.registered_again_at) AS cleared_at,
       l.dereg_on AS moved_on, s.seen_on AS last_seen_on, l.absent_from, l.limit_months, l.blue_cards,
       records(l.record, l.post_record, l.card_records, s.sign_record) AS records
FROM lasting l
JOIN seen s ON s.permit_id = l.permit_id AND s.post_record = l.post_record AND s.absent_from = l.absent_from
LEFT JOIN lost e ON e.permit_id = l.permit_id AND e.post_record = l.post_record AND e.absent_from = l.absent_from AND e.seen_on = s.seen_on
WHERE (s.next_seen_on IS NULL OR s.next_seen_on >= add_months(s.seen_on, l.limit_months))
  AND (l.settled_on IS NULL   -- the decision did not know of it, or the limit was not yet passed
       OR greatest(add_months(s.seen_on, l.limit_months), CAST(l.known_at AS DATE), CAST(e.until_at AS DATE)) > l.settled_on)
