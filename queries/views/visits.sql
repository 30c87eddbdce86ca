/*
One row per visit to a country that border notices show: an exit to it with the next notice an entry from it (both ends
known, `days` between them); an entry without an exit before it, or a sighting there, whose length nobody knows
(`days` 0); and a passage through (`transit`). An exit alone shows no visit. A notice that rests on a tip alone is not
used. `documented`: at least one end was established from a document
(null or false: none was). `transit` null is false.
*/
SELECT person_id, country, observed_on AS left_on, back_on, CAST(back_on - observed_on AS BIGINT) AS days, transit,
       (doc_seen OR back_seen) AS documented, greatest(first_known_time, back_known_at) AS known_at,
       concat_ws(',', record_key, back_key) AS record_keys
FROM (
    SELECT person_id, country, direction, transit, observed_on, first_known_time, record_key, doc_seen,
           lag(direction) OVER w AS previous_direction, lead(direction) OVER w AS next_direction,
           CASE WHEN direction = 'exit' THEN lead(observed_on) OVER w ELSE observed_on END AS back_on,
           CASE WHEN direction = 'exit' THEN lead(first_known_time) OVER w END AS back_known_at,
           CASE WHEN direction = 'exit' THEN lead(record_key) OVER w END AS back_key,
           CASE WHEN direction = 'exit' THEN lead(doc_seen) OVER w END AS back_seen
    FROM border
    WHERE direction IN ('exit', 'entry') AND transit IS NOT TRUE AND source <> 'tip'
    WINDOW w AS (PARTITION BY person_id, country ORDER BY observed_on, direction DESC, record_key)
) x
WHERE (direction = 'exit' AND next_direction = 'entry') OR (direction = 'entry' AND coalesce(previous_direction, 'entry') <> 'exit')
UNION ALL
SELECT person_id, country, observed_on AS left_on, observed_on AS back_on, 0 AS days, transit,
       doc_seen AS documented, first_known_time AS known_at, record_key AS record_keys
FROM border
WHERE (direction = 'seen' OR transit IS TRUE) AND source <> 'tip'
