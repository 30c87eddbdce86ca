/*
One row per deregistration (UV moved abroad, OB disappeared, FI false identity ...) that the register has not corrected
away: the last post of a run of posts with one code. It counts from its day, `known_at`; when the register first spoke of it
is `told_at`, since when it has named that country `country_since`. Deregistrations that follow one another without a registration between them share a `matter_no`. The first later
post that registers the person again gives the day (`returned_on`) and from when that counts (`registered_again_at`).
A run that ends in a correction or a retraction never was, nor was one that was withdrawn before its day. Of persons who were given
another number (GN, GS) and were never deregistered otherwise there are no rows.
*/
WITH post AS (   -- of persons whom some post shows as deregistered, and not only an old number: most have none
    SELECT p.person_id, p.record, p.version, p.op, p.known_from, p.event_on, p.dereg_code, coalesce(p.dereg_on, p.event_on) AS dereg_on,
           p.foreign_country, lag(p.dereg_code) OVER w AS previous_code, lead(p.dereg_code) OVER w AS next_code, lead(p.op) OVER w AS next_op
    FROM population_posts p
    WHERE EXISTS (SELECT 1 FROM population_posts d WHERE d.person_id = p.person_id AND d.dereg_code NOT IN ('GN', 'GS'))
    WINDOW w AS (PARTITION BY p.person_id ORDER BY p.version, p.record)
),
run AS (   -- numbered by runs of one code and by registrations, each with the next post that registers the person again
    SELECT post.*,
           count(CASE WHEN dereg_code IS DISTINCT FROM previous_code THEN 1 END) OVER so_far AS run_no,
           count(CASE WHEN dereg_code IS NULL THEN 1 END) OVER so_far AS matter_no,
           min(CASE WHEN dereg_code IS NULL THEN greatest(known_from, CAST(event_on AS TIMESTAMP)) END) OVER later AS registered_again_at,
           first_value(CASE WHEN dereg_code IS NULL THEN coalesce(event_on, CAST(known_from AS DATE)) END IGNORE NULLS) OVER later AS returned_on
    FROM post
    WINDOW so_far AS (PARTITION BY person_id ORDER BY version, record ROWS UNBOUNDED PRECEDING),
           later AS (PARTITION BY person_id ORDER BY version, record ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)
),
place AS (   -- whether a post of a run names another country than the one before it
    SELECT run.*, (foreign_country IS DISTINCT FROM lag(foreign_country) OVER (PARTITION BY person_id, run_no ORDER BY version, record)) AS another_country
    FROM run
),
told AS (
    SELECT place.*, min(known_from) OVER (PARTITION BY person_id, run_no) AS told_at,
           max(CASE WHEN another_country THEN known_from END) OVER (PARTITION BY person_id, run_no) AS country_at
    FROM place
    WHERE dereg_code IS NOT NULL AND dereg_on IS NOT NULL   -- a post with a code has a day
)
SELECT person_id, dereg_code, dereg_on, foreign_country, told_at, greatest(told_at, country_at) AS country_since, greatest(told_at, CAST(dereg_on AS TIMESTAMP)) AS known_at,
       registered_again_at, returned_on, matter_no, version, record
FROM told
WHERE (next_op IS NULL OR ((next_code IS DISTINCT FROM dereg_code) AND next_op NOT IN ('correct', 'retract')))
  AND (returned_on IS NULL OR returned_on > dereg_on)
