/*
One row per sign that the person was in Sweden on a day (`seen_on`, see `presence`) that was corrected away or retracted, and from when
until when it stood (`from_at`, `until_at`): meanwhile nobody could know that it is missing. See *What was settled* in the guide.
*/
SELECT person_id, 'journey' AS sign, observed_on AS seen_on, from_at, until_at
FROM earlier_border
WHERE (direction IN ('entry', 'exit') OR country = 'SWE') AND source <> 'tip'
UNION ALL
SELECT person_id, 'registered' AS sign, registered_on AS seen_on, known_from AS from_at, greatest(known_from, next_from) AS until_at
FROM (
    SELECT person_id, registered_on, dereg_code, known_from, lead(op) OVER w AS next_op, lead(known_from) OVER w AS next_from
    FROM population_posts
    WINDOW w AS (PARTITION BY person_id ORDER BY version, record)
) post
WHERE registered_on IS NOT NULL AND dereg_code IS NULL AND next_op IN ('correct', 'retract')
UNION ALL
SELECT h.person_id, 'card' AS sign, h.card_issued_on AS seen_on, h.known_from AS from_at, min(n.known_from) AS until_at
FROM permits_history h
JOIN permits_history n ON n.person_id = h.person_id AND n.record_key = h.record_key AND n.version > h.version
WHERE h.card_issued_on IS NOT NULL AND NOT h.is_latest AND (n.card_issued_on IS DISTINCT FROM h.card_issued_on)
GROUP BY h.person_id, h.record, h.card_issued_on, h.known_from
HAVING min(n.known_from) > h.known_from
