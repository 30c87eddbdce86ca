/*
One row per deregistration (UV moved abroad, OB disappeared, FI false identity ...) that the register has not corrected
away: the last post of a run of posts with one code, when the first of the run became known, and when a later post
registered the person again. A run that ends in a correction or a retraction never was.
*/
SELECT person_id, dereg_code, coalesce(dereg_on, event_on) AS dereg_on, foreign_country, run_known_at AS known_at,
       registered_again_at, record_key
FROM (
    SELECT person_id, record_key, version, known_from, event_on, dereg_code, dereg_on, foreign_country, next_known_from, next_code, next_op,
           max(CASE WHEN dereg_code IS DISTINCT FROM previous_code THEN known_from END)
               OVER (PARTITION BY person_id ORDER BY known_from, record_key, version ROWS UNBOUNDED PRECEDING) AS run_known_at,
           min(CASE WHEN dereg_code IS NULL THEN known_from END)
               OVER (PARTITION BY person_id ORDER BY known_from, record_key, version
                     ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS registered_again_at
    FROM (
        SELECT person_id, record_key, version, known_from, event_on, dereg_code, dereg_on, foreign_country,
               lag(dereg_code) OVER w AS previous_code, lead(dereg_code) OVER w AS next_code,
               lead(op) OVER w AS next_op, lead(known_from) OVER w AS next_known_from
        FROM population_posts p
        WHERE EXISTS (SELECT 1 FROM population_posts d WHERE d.person_id = p.person_id AND d.dereg_code IS NOT NULL)   -- most have none
        WINDOW w AS (PARTITION BY person_id ORDER BY known_from, record_key, version)
    ) x
) y
WHERE dereg_code IS NOT NULL
  AND (next_known_from IS NULL OR ((next_code IS DISTINCT FROM dereg_code) AND next_op NOT IN ('correct', 'retract')))
