/*
One row per visit to a country that border notices show. An exit to it is a visit until the next sign that the person is in
Sweden, if it was established from a document or an entry from the country follows. `back_on` is the day of that sign, null
while there is none; it is certain where it is an entry, from wherever (`seen_until` = `back_on`). Else the return was not
seen: the person may have come back unnoticed on any day since, and `seen_until` is the last day on which a sighting shows
the person there. `came_back`: it is sure all the same that there was one, since the person left again or appeared in person, but not when. A return within Schengen is never recorded. An entry without an exit before it, and a sighting, are a
visit whose length nobody knows (no days); a passage is one with `transit` (null is false), unless it is the return from a visit there. A notice that rests on a tip
alone is not used. `shown` (returned, left, entered, seen, passed) and `first_record` tell what it was taken from. `documented`: an end was established from a document (null or false: none was).
`stands_since` is since when it has been known as it stands (see *What was settled* in the guide): a notice that is corrected to a shorter visit
was known, one to another country or a longer visit was not; a visit whose return was corrected away lasts since then. A sighting during a visit
that an exit shows (`within`) adds no visit, and tells nothing that was not known, unless nobody saw the return and it is the last one, or it alone rests on a document.

The signs are those that a permit of any class may be controlled by: a journey from or to Sweden, a permit card, an address
(`presence`), an identity confirmed in person. Salaries and studies may not be read for most classes, so they end no visit.
*/
WITH corrected AS (   -- notices that said less when a permit was decided, and until when
    SELECT b.person_id, b.record, max(e.until_at) AS until_at
    FROM border b
    JOIN earlier_border e ON e.person_id = b.person_id AND e.record_key = b.record_key
    JOIN whole_permits d ON d.person_id = e.person_id AND CAST(e.from_at AS DATE) <= d.decided_on AND d.decided_on < CAST(e.until_at AS DATE)
    WHERE (e.direction IS DISTINCT FROM b.direction) OR (e.country IS DISTINCT FROM b.country) OR (e.observed_on IS NULL)
       OR (e.observed_on < b.observed_on AND b.direction <> 'exit') OR (e.observed_on > b.observed_on AND b.direction <> 'entry')
       OR (e.transit IS TRUE AND b.transit IS NOT TRUE) OR (e.doc_seen IS NOT TRUE AND b.doc_seen IS TRUE) OR e.source = 'tip'
    GROUP BY b.person_id, b.record
),
notice AS (
    SELECT b.person_id, b.country, b.direction, b.transit, b.observed_on, b.first_known_time, b.record, b.doc_seen,
           greatest(b.first_known_time, c.until_at) AS stands_since
    FROM border b
    LEFT JOIN corrected c ON c.person_id = b.person_id AND c.record = b.record
    WHERE b.source <> 'tip'
),
in_order AS (   -- exits and entries; on one day an entry is the return from that day's exit to its country, and passing through comes before it
    SELECT person_id, country, direction, transit, observed_on, first_known_time, record, doc_seen, stands_since, place, lead(place) OVER w AS next_place,
           lag(CASE WHEN direction = 'exit' AND transit IS NOT TRUE THEN country END) OVER w AS left_for,
           lead(direction) OVER w AS next_direction, lead(country) OVER w AS next_country, lead(observed_on) OVER w AS next_on,
           lead(first_known_time) OVER w AS next_known_at, lead(record) OVER w AS next_record, lead(doc_seen) OVER w AS next_seen,
           lead(stands_since) OVER w AS next_stands_since
    FROM (
        SELECT person_id, country, direction, transit, observed_on, first_known_time, record, doc_seen, stands_since,
               CASE WHEN direction = 'exit' AND transit IS NOT TRUE THEN 2
                    WHEN direction = 'exit' THEN 1
                    WHEN count(CASE WHEN direction = 'exit' THEN 1 END) OVER (PARTITION BY person_id, country, observed_on) > 0 THEN 3
                    ELSE 0 END AS place
        FROM notice
        WHERE direction IN ('exit', 'entry')
    ) b
    WINDOW w AS (PARTITION BY person_id ORDER BY observed_on, place, country, record)
),
leg AS (   -- whether another exit follows on the day: told twice, or on the way to another country, which is no sign of the person here
    SELECT in_order.*, coalesce(place = 2 AND next_place = 2 AND next_on = observed_on, false) AS goes_on
    FROM in_order
),
journey AS (   -- each with what came next; after the exits of a day the same for all, whatever the country
    SELECT leg.* EXCLUDE (next_direction, next_country, next_on, next_known_at, next_record, next_seen, next_stands_since),
           CASE WHEN goes_on AND next_country <> country THEN max(CASE WHEN NOT goes_on THEN next_direction END) OVER of_day ELSE next_direction END AS next_direction,
           CASE WHEN goes_on AND next_country <> country THEN max(CASE WHEN NOT goes_on THEN next_country END) OVER of_day ELSE next_country END AS next_country,
           CASE WHEN goes_on AND next_country <> country THEN max(CASE WHEN NOT goes_on THEN next_on END) OVER of_day ELSE next_on END AS next_on,
           CASE WHEN goes_on AND next_country <> country THEN max(CASE WHEN NOT goes_on THEN next_known_at END) OVER of_day ELSE next_known_at END AS next_known_at,
           CASE WHEN goes_on AND next_country <> country THEN max(CASE WHEN NOT goes_on THEN next_record END) OVER of_day ELSE next_record END AS next_record,
           CASE WHEN goes_on AND next_country <> country THEN bool_or(CASE WHEN NOT goes_on THEN next_seen END) OVER of_day ELSE next_seen END AS next_seen,
           CASE WHEN goes_on AND next_country <> country THEN max(CASE WHEN NOT goes_on THEN next_stands_since END) OVER of_day ELSE next_stands_since END AS next_stands_since
    FROM leg
    WINDOW of_day AS (PARTITION BY person_id, observed_on, place)
),
sign AS (
    SELECT person_id, seen_on, sign <> 'registered' AS in_person FROM presence
    UNION ALL
    SELECT person_id, event_on AS seen_on, true AS in_person FROM notices WHERE kind = 'identity_confirmed'
),
unseen AS (   -- documented exits without an entry from the country after them, and the first sign of the person in Sweden
    SELECT j.person_id, j.country, j.observed_on, j.first_known_time, j.record, j.next_direction, j.next_on, j.next_known_at, j.next_record,
           j.stands_since, j.next_stands_since, min(s.seen_on) AS sign_on, count(CASE WHEN s.in_person OR j.next_direction = 'entry' OR j.next_on > j.observed_on THEN 1 END) > 0 AS came_back
    FROM journey j
    LEFT JOIN sign s ON s.person_id = j.person_id AND s.seen_on > j.observed_on AND (j.next_on IS NULL OR s.seen_on < j.next_on)
    WHERE j.direction = 'exit' AND j.transit IS NOT TRUE AND j.doc_seen
      AND (coalesce(j.next_direction, 'exit') = 'exit' OR j.next_country <> j.country)
    GROUP BY j.person_id, j.country, j.observed_on, j.first_known_time, j.record, j.next_direction, j.next_on, j.next_known_at, j.next_record,
             j.stands_since, j.next_stands_since
),
ended AS (
    SELECT unseen.*, coalesce(sign_on, next_on) AS back_on, sign_on IS NULL AND coalesce(next_direction, 'exit') = 'entry' AS back_seen
    FROM unseen
),
closed AS (   -- exits with the entry from the country after them; no other sign ends these
    SELECT person_id, country, observed_on, transit, first_known_time, record, doc_seen, stands_since, next_on, next_known_at, next_record, next_seen, next_stands_since
    FROM journey
    WHERE direction = 'exit' AND transit IS NOT TRUE AND next_direction = 'entry' AND next_country = country
),
parted AS (   -- a journey between the two, when a permit was decided, until it was corrected away
    SELECT c.person_id, c.record, max(b.until_at) AS until_at
    FROM closed c
    JOIN earlier_border b ON b.person_id = c.person_id AND b.direction IN ('exit', 'entry') AND b.source <> 'tip' AND b.observed_on > c.observed_on AND b.observed_on < c.next_on
    JOIN whole_permits d ON d.person_id = b.person_id AND CAST(b.from_at AS DATE) <= d.decided_on AND d.decided_on < CAST(b.until_at AS DATE)
    GROUP BY c.person_id, c.record
),
returned AS (   -- signs that ended another stay earlier when a permit was decided, until they were corrected away
    SELECT e.person_id, e.record, max(s.until_at) AS until_at
    FROM ended e
    JOIN earlier_presence s ON s.person_id = e.person_id AND s.seen_on > e.observed_on AND (e.back_on IS NULL OR s.seen_on < e.back_on)
    JOIN whole_permits d ON d.person_id = s.person_id AND CAST(s.from_at AS DATE) <= d.decided_on AND d.decided_on < CAST(s.until_at AS DATE)
    GROUP BY e.person_id, e.record
),
there AS (   -- days on which other notices show the person there: up to a return that was seen, else up to the last sighting
    SELECT person_id, country, observed_on AS from_on, next_on AS until_on, next_on AS seen_until, (doc_seen OR next_seen) AS documented,
           greatest(stands_since, next_stands_since) AS stands_since
    FROM closed
    UNION ALL
    SELECT person_id, country, observed_on AS from_on, back_on AS until_on, CASE WHEN back_seen THEN back_on END AS seen_until, true AS documented,
           greatest(stands_since, CASE WHEN back_seen THEN next_stands_since END) AS stands_since
    FROM ended
    UNION ALL
    SELECT e.person_id, e.country, e.observed_on AS from_on, e.back_on AS until_on, s.observed_on AS seen_until, coalesce(s.doc_seen, false) AS documented,
           greatest(e.stands_since, s.stands_since) AS stands_since
    FROM ended e
    JOIN notice s ON s.person_id = e.person_id AND s.country = e.country AND s.direction = 'seen' AND s.transit IS NOT TRUE
         AND s.observed_on >= e.observed_on AND (e.back_on IS NULL OR s.observed_on <= e.back_on)
    WHERE NOT e.back_seen
)
SELECT 'returned' AS shown, c.record AS first_record, c.person_id, c.country, c.observed_on AS left_on, c.next_on AS seen_until, c.next_on AS back_on, c.transit,
       (c.doc_seen OR c.next_seen) AS documented, false AS within, true AS came_back, greatest(c.first_known_time, c.next_known_at) AS known_at,
       greatest(c.stands_since, c.next_stands_since, r.until_at) AS stands_since, records(c.record, c.next_record) AS records
FROM closed c
LEFT JOIN parted r ON r.person_id = c.person_id AND r.record = c.record
UNION ALL
SELECT 'left' AS shown, e.record AS first_record, e.person_id, e.country, e.observed_on AS left_on,
       CASE WHEN e.back_seen THEN e.back_on ELSE max(s.observed_on) END AS seen_until, e.back_on, false AS transit, true AS documented, false AS within, e.came_back,
       greatest(e.first_known_time, CASE WHEN e.back_seen THEN e.next_known_at END) AS known_at,
       greatest(e.stands_since, CASE WHEN e.back_seen THEN e.next_stands_since END, r.until_at) AS stands_since,
       records(e.record, CASE WHEN e.back_seen THEN e.next_record END) AS records
FROM ended e
LEFT JOIN returned r ON r.person_id = e.person_id AND r.record = e.record
LEFT JOIN notice s ON s.person_id = e.person_id AND s.country = e.country AND s.direction = 'seen'
     AND s.observed_on > e.observed_on AND (e.back_on IS NULL OR s.observed_on <= e.back_on)
GROUP BY e.person_id, e.country, e.observed_on, e.first_known_time, e.record, e.back_on, e.back_seen, e.came_back, e.next_known_at, e.next_record,
         e.stands_since, e.next_stands_since, r.until_at
UNION ALL
SELECT 'entered' AS shown, record AS first_record, person_id, country, observed_on AS left_on, observed_on AS seen_until, observed_on AS back_on, transit,
       doc_seen AS documented, false AS within, true AS came_back, first_known_time AS known_at, stands_since, record AS records
FROM journey
WHERE direction = 'entry' AND transit IS NOT TRUE AND coalesce(left_for, 'none') <> country
UNION ALL
SELECT 'seen' AS shown, s.record AS first_record, s.person_id, s.country, s.observed_on AS left_on, s.observed_on AS seen_until, s.observed_on AS back_on, s.transit,
       s.doc_seen AS documented, count(t.from_on) > 0 AS within, true AS came_back, s.first_known_time AS known_at,
       least(s.stands_since, min(CASE WHEN s.observed_on <= t.seen_until AND (t.documented OR s.doc_seen IS NOT TRUE) THEN t.stands_since END)) AS stands_since,
       s.record AS records
FROM notice s
LEFT JOIN there t ON t.person_id = s.person_id AND t.country = s.country AND t.from_on <= s.observed_on AND (t.until_on IS NULL OR s.observed_on <= t.until_on)
WHERE s.direction = 'seen'
GROUP BY s.record, s.person_id, s.country, s.observed_on, s.transit, s.doc_seen, s.first_known_time, s.stands_since
UNION ALL
SELECT 'passed' AS shown, record AS first_record, person_id, country, observed_on AS left_on, observed_on AS seen_until, observed_on AS back_on, transit,
       doc_seen AS documented, false AS within, true AS came_back, first_known_time AS known_at, stands_since, record AS records
FROM journey
WHERE transit IS TRUE AND (direction = 'exit' OR coalesce(left_for, 'none') <> country)   -- else it is the return of a visit
