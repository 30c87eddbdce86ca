/*
One row per visit to a country that border notices show. An exit to it is a visit until the next sign that the person is in
Sweden, if it was established from a document or an entry from the country follows. `back_on` is the day of that sign, null
while there is none; it is certain where it is an entry, from wherever (`seen_until` = `back_on`). Else the return was not
seen: the person may have come back unnoticed on any day since, and `seen_until` is the last day on which a sighting shows
the person there. A return within Schengen is never recorded. An entry without an exit before it, and a sighting, are a
visit whose length nobody knows (no days); a passage is one with `transit` (null is false), unless it is the return from a visit there. A notice that rests on a tip
alone is not used. `shown` (returned, left, entered, seen, passed) and `first_record` tell what it was taken from. `documented`: an end was established from a document (null or false: none was).
`stands_since` is since when it has been known as it stands (see *What was settled* in the guide): a notice that is corrected to a shorter visit
was known, one to another country or a longer visit was not; a visit whose return was corrected away lasts since then.

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
journey AS (   -- exits and entries in their order; on one day an entry is the return from that day's exit to its country, and passing through comes before it
    SELECT person_id, country, direction, transit, observed_on, first_known_time, record, doc_seen, stands_since,
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
    WINDOW w AS (PARTITION BY person_id ORDER BY observed_on, place, record)
),
sign AS (
    SELECT person_id, seen_on FROM presence
    UNION ALL
    SELECT person_id, event_on AS seen_on FROM notices WHERE kind = 'identity_confirmed'
),
unseen AS (   -- documented exits without an entry from the country after them, and the first sign of the person in Sweden
    SELECT j.person_id, j.country, j.observed_on, j.first_known_time, j.record, j.next_direction, j.next_on, j.next_known_at, j.next_record,
           j.stands_since, j.next_stands_since, min(s.seen_on) AS sign_on
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
returned AS (   -- signs that ended such a stay earlier when a permit was decided, until they were corrected away
    SELECT e.person_id, e.record, max(s.until_at) AS until_at
    FROM ended e
    JOIN earlier_presence s ON s.person_id = e.person_id AND s.seen_on > e.observed_on AND (e.back_on IS NULL OR s.seen_on < e.back_on)
    JOIN whole_permits d ON d.person_id = s.person_id AND CAST(s.from_at AS DATE) <= d.decided_on AND d.decided_on < CAST(s.until_at AS DATE)
    GROUP BY e.person_id, e.record
)
SELECT 'returned' AS shown, record AS first_record, person_id, country, observed_on AS left_on, next_on AS seen_until, next_on AS back_on, transit,
       (doc_seen OR next_seen) AS documented, greatest(first_known_time, next_known_at) AS known_at,
       greatest(stands_since, next_stands_since) AS stands_since, records(record, next_record) AS records
FROM journey
WHERE direction = 'exit' AND transit IS NOT TRUE AND next_direction = 'entry' AND next_country = country
UNION ALL
SELECT 'left' AS shown, e.record AS first_record, e.person_id, e.country, e.observed_on AS left_on,
       CASE WHEN e.back_seen THEN e.back_on ELSE max(s.observed_on) END AS seen_until, e.back_on, false AS transit, true AS documented,
       greatest(e.first_known_time, CASE WHEN e.back_seen THEN e.next_known_at END) AS known_at,
       greatest(e.stands_since, CASE WHEN e.back_seen THEN e.next_stands_since END, r.until_at) AS stands_since,
       records(e.record, CASE WHEN e.back_seen THEN e.next_record END) AS records
FROM ended e
LEFT JOIN returned r ON r.person_id = e.person_id AND r.record = e.record
LEFT JOIN notice s ON s.person_id = e.person_id AND s.country = e.country AND s.direction = 'seen'
     AND s.observed_on > e.observed_on AND (e.back_on IS NULL OR s.observed_on <= e.back_on)
GROUP BY e.person_id, e.country, e.observed_on, e.first_known_time, e.record, e.back_on, e.back_seen, e.next_known_at, e.next_record,
         e.stands_since, e.next_stands_since, r.until_at
UNION ALL
SELECT 'entered' AS shown, record AS first_record, person_id, country, observed_on AS left_on, observed_on AS seen_until, observed_on AS back_on, transit,
       doc_seen AS documented, first_known_time AS known_at, stands_since, record AS records
FROM journey
WHERE direction = 'entry' AND transit IS NOT TRUE AND coalesce(left_for, 'none') <> country
UNION ALL
SELECT 'seen' AS shown, record AS first_record, person_id, country, observed_on AS left_on, observed_on AS seen_until, observed_on AS back_on, transit,
       doc_seen AS documented, first_known_time AS known_at, stands_since, record AS records
FROM notice
WHERE direction = 'seen'
UNION ALL
SELECT 'passed' AS shown, record AS first_record, person_id, country, observed_on AS left_on, observed_on AS seen_until, observed_on AS back_on, transit,
       doc_seen AS documented, first_known_time AS known_at, stands_since, record AS records
FROM journey
WHERE transit IS TRUE AND (direction = 'exit' OR coalesce(left_for, 'none') <> country)   -- else it is the return of a visit
