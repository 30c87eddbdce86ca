-- What DuckDB needs before it can run the same views and rules as the engine: our functions as macros, and the
-- calendars. The caller loads `parameters` from parameters.csv, runs tables.sql, creates the views, then asks.
--
-- Every function returns null for a null argument. name_overlap_pct is also null when neither name has a token: it
-- takes the accents off (canonical decomposition without marks), lowers the case, takes the runs of a-z as a set of
-- tokens, and gives the size of the common part in whole per cent of the size of the union, rounded down.

SET TimeZone = 'UTC';
SET default_null_order = 'nulls_last';

CREATE MACRO add_months(d, n) AS CAST(CAST(d AS DATE) + to_months(CAST(n AS INTEGER)) AS DATE);
CREATE MACRO month_of(d) AS CAST(date_trunc('month', CAST(d AS DATE)) AS DATE);
CREATE MACRO agi_complete(d) AS
    CAST(date_trunc('month', CAST(d AS DATE)) AS TIMESTAMP) + INTERVAL '2 months' + INTERVAL '6 days';
CREATE MACRO severity(n) AS
    CASE WHEN n IS NULL THEN NULL WHEN n <= 0 THEN 'info' WHEN n = 1 THEN 'weak' WHEN n = 2 THEN 'medium' ELSE 'strong' END;
CREATE MACRO severity_rank(s) AS
    CAST(CASE s WHEN 'info' THEN 0 WHEN 'weak' THEN 1 WHEN 'medium' THEN 2 WHEN 'strong' THEN 3 END AS BIGINT);
CREATE MACRO name_tokens(s) AS list_distinct(regexp_extract_all(lower(strip_accents(s)), '[a-z]+'));
CREATE MACRO name_overlap_pct(a, b) AS
    CASE WHEN a IS NULL OR b IS NULL OR len(name_tokens(a)) + len(name_tokens(b)) = 0 THEN NULL
         ELSE CAST(len(list_intersect(name_tokens(a), name_tokens(b))) * 100
                   // (len(name_tokens(a)) + len(name_tokens(b)) - len(list_intersect(name_tokens(a), name_tokens(b)))) AS BIGINT) END;
-- lower median and lower median of the absolute deviations from it; aggregates, also as windows
-- (DuckDB allows one aggregate in a macro that is used as a window)
CREATE MACRO median_low_of(l) AS list_sort(l)[(len(l) + 1) // 2];
CREATE MACRO median_low(x) AS quantile_disc(x, 0.5);
CREATE MACRO mad_low_of(l) AS median_low_of(list_transform(l, lambda v: abs(v - median_low_of(l))));
CREATE MACRO mad_low(x) AS mad_low_of(list(x) FILTER (WHERE x IS NOT NULL));
-- P(rate > rate_bp / 10000) under Beta(a + k, b + n - k) in whole basis points: the binomial sum of NIST DLMF 8.17.5
CREATE MACRO binomial_log(trials, successes, p) AS
    lgamma(trials + 1) - lgamma(successes + 1) - lgamma(trials - successes + 1) + successes * ln(p) + (trials - successes) * ln(1 - p);
CREATE MACRO beta_tail_bp(k, n, a, b, rate_bp) AS
    CASE WHEN k < 0 OR k > n OR a < 1 OR b < 1 OR a + b + n > 1000000 OR rate_bp < 0 OR rate_bp > 10000 THEN NULL
         WHEN k + n + a + b + rate_bp IS NULL THEN NULL
         WHEN rate_bp = 0 THEN 10000
         WHEN rate_bp = 10000 THEN 0
         ELSE least(9999, CAST(floor(1e-6 + 10000 * list_sum(list_transform(range(CAST(a + k AS BIGINT)),
              lambda j: exp(binomial_log(a + b + n - 1, j, rate_bp / 10000))))) AS BIGINT)) END;

CREATE TABLE months AS
SELECT CAST(m AS DATE) AS month, CAST(m + INTERVAL '1 month' AS DATE) AS next_month, agi_complete(CAST(m AS DATE)) AS complete_at
FROM range(TIMESTAMP '2015-01-01', TIMESTAMP '2061-01-01', INTERVAL '1 month') AS r(m);

CREATE TABLE days AS
SELECT CAST(d AS DATE) AS day
FROM range(TIMESTAMP '2015-01-01', TIMESTAMP '2061-01-01', INTERVAL '1 day') AS r(d);
