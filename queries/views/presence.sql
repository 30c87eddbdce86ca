/*
One row per sign that the person was in Sweden on a day (`seen_on`), and from when it counts (not before that day): a border
notice of a journey from or to Sweden (`journey`), an address in the population register (`registered`), the permit card
(`card`). These may be read for every permit class; salaries, benefits and studies may not, so a rule joins them itself for the
classes that have a gateway. A sign speaks for the person and never against: that there is none shows little. A notice that rests
on a tip alone is not used, nor a register post that was corrected away. ORDER BY seen_on, sign, record is total.
*/
SELECT person_id, 'journey' AS sign, observed_on AS seen_on, greatest(first_known_time, CAST(observed_on AS TIMESTAMP)) AS known_at, record
FROM border
WHERE (direction IN ('entry', 'exit') OR country = 'SWE') AND source <> 'tip'
UNION ALL
SELECT person_id, 'registered' AS sign, registered_on AS seen_on, greatest(min(known_from), CAST(registered_on AS TIMESTAMP)) AS known_at,
       min(record) AS record
FROM (
    SELECT h.person_id, h.record, h.registered_on, h.dereg_code, h.known_from,
           lead(h.op) OVER (PARTITION BY h.person_id ORDER BY h.version, h.record) AS next_op
    FROM population_posts h
    JOIN population n ON n.person_id = h.person_id AND n.record_key = h.record_key
) post
WHERE registered_on IS NOT NULL AND dereg_code IS NULL
GROUP BY person_id, registered_on
HAVING count(*) FILTER (WHERE coalesce(next_op, 'upsert') = 'upsert') > 0
UNION ALL
SELECT h.person_id, 'card' AS sign, h.card_issued_on AS seen_on, greatest(min(h.known_from), CAST(h.card_issued_on AS TIMESTAMP)) AS known_at,
       p.record
FROM permits_history h
JOIN permits p ON p.person_id = h.person_id AND p.record_key = h.record_key AND p.card_issued_on = h.card_issued_on
GROUP BY h.person_id, p.record, h.card_issued_on
