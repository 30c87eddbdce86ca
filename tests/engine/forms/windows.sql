-- around: SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, {} AS e0 FROM permits p

-- accepted
row_number() OVER (PARTITION BY p.person_id ORDER BY p.valid_from, p.record_key)

-- refused: window mixes persons: PARTITION BY []
row_number() OVER (ORDER BY p.valid_from, p.record_key)

-- refused: a window without an ORDER BY can tie: rows of permits may have the same values there
row_number() OVER (PARTITION BY p.person_id)

-- refused: window mixes persons: PARTITION BY []
row_number() OVER ()

-- accepted
row_number() OVER (PARTITION BY p.person_id ORDER BY p.valid_from DESC NULLS FIRST, p.record_key DESC)

-- accepted
row_number() OVER (PARTITION BY p.person_id ORDER BY p.valid_from ASC NULLS FIRST, p.record_key ASC)

-- accepted
row_number() OVER (PARTITION BY p.person_id ORDER BY p.valid_from NULLS LAST, p.record_key)

-- accepted
row_number() OVER (PARTITION BY p.person_id ORDER BY p.valid_from DESC, p.record_key)

-- refused: a window with ORDER BY p.valid_from can tie: rows of permits may have the same values ther
row_number() OVER (PARTITION BY p.person_id ORDER BY p.valid_from)

-- accepted
row_number() OVER (PARTITION BY p.person_id ORDER BY p.permit_class, p.record_key)

-- accepted
row_number() OVER (PARTITION BY p.person_id ORDER BY lower(p.permit_class), p.record_key)

-- accepted
row_number() OVER (PARTITION BY p.person_id ORDER BY p.inhibited, p.record_key)

-- accepted
row_number() OVER (PARTITION BY p.person_id ORDER BY p.inhibited DESC, p.record_key)

-- accepted
row_number() OVER (PARTITION BY p.person_id ORDER BY p.floor_sek * -1, p.record_key)

-- accepted
row_number() OVER (PARTITION BY p.person_id ORDER BY CASE WHEN p.inhibited THEN 1 ELSE 2 END, p.record_key)

-- accepted
row_number() OVER (PARTITION BY p.person_id ORDER BY 1, p.record_key)

-- accepted
row_number() OVER (PARTITION BY p.person_id ORDER BY 'a', p.record_key)

-- accepted
row_number() OVER (PARTITION BY p.person_id ORDER BY NULL, p.record_key)

-- accepted
row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key, p.record_key DESC)

-- refused: SQL: Schema error: No field named all
row_number() OVER (PARTITION BY p.person_id ORDER BY ALL)

-- refused: SQL: This feature is not implemented: Unsupported ast node in sqltorel: Collate
row_number() OVER (PARTITION BY p.person_id ORDER BY p.permit_class COLLATE "C", p.record_key)

-- refused: window mixes persons: PARTITION BY []
row_number() OVER (PARTITION BY 1 ORDER BY p.record_key)

-- accepted
row_number() OVER (PARTITION BY p.person_id, 1 ORDER BY p.record_key)

-- accepted
row_number() OVER (PARTITION BY p.person_id, NULL ORDER BY p.record_key)

-- accepted
row_number() OVER (PARTITION BY p.person_id, p.permit_class ORDER BY p.record_key)

-- accepted
row_number() OVER (PARTITION BY p.person_id, p.valid_to IS NULL ORDER BY p.record_key)

-- accepted
row_number() OVER (PARTITION BY (p.person_id) ORDER BY p.record_key)

-- refused: a struct
row_number() OVER (PARTITION BY (p.person_id, p.permit_class) ORDER BY p.record_key)

-- refused: window mixes persons: PARTITION BY [lower(p.permit_class)]
row_number() OVER (PARTITION BY lower(p.permit_class) ORDER BY p.record_key)

-- refused: SQL: SQL error: ParserError("Expected: ROWS, RANGE, GROUPS, found: PARTITION
row_number() OVER (ORDER BY p.record_key PARTITION BY p.person_id)

-- refused: SQL: Error during planning: The window w is not defined!
row_number() OVER w

-- refused: row_number() OVER (...) takes nothing, and is given a whole number
row_number(p.floor_sek) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- refused: SQL: Error during planning: FILTER clause can only be used with aggregate window functions
row_number() FILTER (WHERE p.inhibited) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)

-- accepted
rank() OVER (PARTITION BY p.person_id ORDER BY p.valid_from, p.record_key)

-- accepted
rank() OVER (PARTITION BY p.person_id ORDER BY p.valid_from)

-- accepted
dense_rank() OVER (PARTITION BY p.person_id ORDER BY p.valid_from, p.record_key)

-- refused: DISTINCT, ORDER BY, FILTER or OVER of a function of one row
percent_rank() OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- refused: DISTINCT, ORDER BY, FILTER or OVER of a function of one row
cume_dist() OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- refused: DISTINCT, ORDER BY, FILTER or OVER of a function of one row
ntile(2) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
lag(p.floor_sek) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
lag(p.floor_sek, 1) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
lag(p.floor_sek, 0) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
lag(p.floor_sek, 2, 7) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
lag(p.floor_sek, 1, NULL) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- refused: lag and lead with a value of another type for what is not there
lag(p.floor_sek, 1, 'a') OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- refused: lag and lead with a value of another type for what is not there
lag(p.floor_sek, 1, 1.5) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- refused: SQL: This feature is not implemented: There is only support Literal types for field at idx
lag(p.floor_sek, 1, p.offered_sek) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
lag(p.floor_sek, -1) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- refused: a number of rows that is not written out
lag(p.floor_sek, p.offered_sek) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- refused: a number of rows that is not written out
lag(p.floor_sek, NULL) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
lag(p.floor_sek, 1 + 1) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
lag((p.floor_sek) IGNORE NULLS) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
lag(p.floor_sek IGNORE NULLS) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- refused: IGNORE or RESPECT NULLS behind the parenthesis
lag(p.floor_sek) IGNORE NULLS OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
lag(p.floor_sek RESPECT NULLS) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
lag(p.floor_sek, 2 IGNORE NULLS) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
lag(p.floor_sek, 1, 0 IGNORE NULLS) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
lag(p.valid_to) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS BETWEEN CURRENT ROW AND CURRENT ROW)

-- refused: DISTINCT of a function of a window
lag(DISTINCT p.floor_sek) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- refused: SQL: Error during planning: FILTER clause can only be used with aggregate window functions
lag(p.floor_sek) FILTER (WHERE p.inhibited) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- refused: ORDER BY within a function in which no order decides
lag(p.floor_sek ORDER BY p.valid_from) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
lead(p.valid_from) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
lead(p.valid_from, 1, DATE '2024-02-29') OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- refused: lag and lead with a value of another type for what is not there
lead(p.valid_from, 1, '2024-02-29') OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- refused: lag and lead with a value of another type for what is not there
lead(p.first_known_time, 1, p.valid_from) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- refused: lead of several rows with IGNORE NULLS
lead(p.valid_from, 2 IGNORE NULLS) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
first_value(p.floor_sek) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
first_value((p.floor_sek) IGNORE NULLS) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS UNBOUNDED PRECEDING)

-- accepted
last_value(p.floor_sek) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
last_value(p.floor_sek) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)

-- accepted
last_value((p.floor_sek) IGNORE NULLS) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)

-- accepted
nth_value(p.floor_sek, 2) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- refused: a place in a frame below 1
nth_value(p.floor_sek, 0) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- refused: a place in a frame below 1
nth_value(p.floor_sek, -1) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- refused: SQL: SQL error: ParserError("Expected: ), found: p
nth_value(p.floor_sek, 2) FROM LAST OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
count(*) OVER (PARTITION BY p.person_id)

-- accepted
count(*) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
count(*) OVER (PARTITION BY p.person_id ORDER BY p.valid_from)

-- accepted
count(*) OVER (PARTITION BY p.person_id ORDER BY p.valid_from RANGE UNBOUNDED PRECEDING)

-- refused: a window with ORDER BY p.valid_from can tie: rows of permits may have the same values ther
count(*) OVER (PARTITION BY p.person_id ORDER BY p.valid_from ROWS UNBOUNDED PRECEDING)

-- accepted
count(DISTINCT p.permit_class) OVER (PARTITION BY p.person_id)

-- accepted
count(DISTINCT p.permit_class) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
count(DISTINCT p.permit_class) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS 1 PRECEDING)

-- accepted
count(*) FILTER (WHERE p.inhibited) OVER (PARTITION BY p.person_id)

-- refused: SQL: SQL error: ParserError("Expected: ), found: EXCLUDE
count(*) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW)

-- refused: SQL: SQL error: ParserError("Expected: ), found: EXCLUDE
count(*) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE GROUP)

-- refused: SQL: SQL error: ParserError("Expected: ), found: EXCLUDE
count(*) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE TIES)

-- refused: SQL: SQL error: ParserError("Expected: ), found: EXCLUDE
count(*) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE NO OTHERS)

-- accepted
count(*) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS 1 PRECEDING)

-- accepted
count(*) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS CURRENT ROW)

-- refused: SQL: Error during planning: Invalid window frame: start bound (1 FOLLOWING) cannot be larg
count(*) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS 1 FOLLOWING)

-- accepted
count(*) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING)

-- refused: SQL: Error during planning: Invalid window frame: start bound (1 PRECEDING) cannot be larg
count(*) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS BETWEEN 1 PRECEDING AND 2 PRECEDING)

-- accepted
count(*) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING)

-- accepted
count(*) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS BETWEEN 0 PRECEDING AND 0 FOLLOWING)

-- refused: SQL: Error during planning: Invalid window frame: start bound cannot be UNBOUNDED FOLLOWIN
count(*) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS BETWEEN UNBOUNDED FOLLOWING AND CURRENT ROW)

-- refused: SQL: Error during planning: Invalid window frame: start bound (CURRENT ROW) cannot be larg
count(*) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS BETWEEN CURRENT ROW AND 1 PRECEDING)

-- refused: SQL: Error during planning: Invalid window frame: frame offsets for ROWS / GROUPS must be
count(*) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS BETWEEN -1 PRECEDING AND CURRENT ROW)

-- refused: SQL: Arrow error: Cast error: Cannot cast string '1.5' to value of UInt64 type
count(*) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS BETWEEN 1.5 PRECEDING AND CURRENT ROW)

-- accepted
count(*) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS BETWEEN $wait_days PRECEDING AND CURRENT ROW)

-- refused: SQL: Error during planning: Invalid window frame: frame offsets for ROWS / GROUPS must be
count(*) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS BETWEEN 1 + 1 PRECEDING AND CURRENT ROW)

-- refused: SQL: Error during planning: Invalid window frame: frame offsets for ROWS / GROUPS must be
count(*) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS BETWEEN p.floor_sek PRECEDING AND CURRENT ROW)

-- accepted
count(*) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS BETWEEN '1' PRECEDING AND CURRENT ROW)

-- refused: a window without an ORDER BY can tie: rows of permits may have the same values there
count(*) OVER (PARTITION BY p.person_id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)

-- accepted
count(*) OVER (PARTITION BY p.person_id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)

-- refused: count over a frame that slides by RANGE is not allowed
count(*) OVER (PARTITION BY p.person_id ORDER BY p.valid_from RANGE BETWEEN 7 PRECEDING AND CURRENT ROW)

-- refused: count over a frame that slides by RANGE is not allowed
count(*) OVER (PARTITION BY p.person_id ORDER BY p.valid_from RANGE BETWEEN INTERVAL '7 days' PRECEDING AND CURRENT ROW)

-- refused: count over a frame that slides by RANGE is not allowed
count(*) OVER (PARTITION BY p.person_id ORDER BY p.valid_from RANGE BETWEEN INTERVAL '1 month' PRECEDING AND INTERVAL '1 month' FOLLOWING)

-- refused: count over a frame that slides by RANGE is not allowed
count(*) OVER (PARTITION BY p.person_id ORDER BY p.floor_sek RANGE BETWEEN 100 PRECEDING AND CURRENT ROW)

-- accepted
count(*) OVER (PARTITION BY p.person_id ORDER BY p.valid_from RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)

-- accepted
count(*) OVER (PARTITION BY p.person_id ORDER BY p.valid_from RANGE BETWEEN CURRENT ROW AND CURRENT ROW)

-- accepted
count(*) OVER (PARTITION BY p.person_id ORDER BY p.valid_from RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)

-- refused: count over a frame that slides by GROUPS is not allowed
count(*) OVER (PARTITION BY p.person_id ORDER BY p.valid_from GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW)

-- accepted
count(*) OVER (PARTITION BY p.person_id ORDER BY p.valid_from GROUPS UNBOUNDED PRECEDING)

-- accepted
sum(p.floor_sek) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
sum(p.floor_sek) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS 1 PRECEDING)

-- accepted
sum(DISTINCT p.floor_sek) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
sum(DISTINCT p.floor_sek) OVER (PARTITION BY p.person_id)

-- accepted
sum(p.floor_sek) FILTER (WHERE p.inhibited) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- refused: ORDER BY within a function in which no order decides
sum(p.floor_sek ORDER BY p.record_key) OVER (PARTITION BY p.person_id)

-- accepted
sum(p.floor_sek) OVER (PARTITION BY p.person_id) - p.floor_sek

-- accepted
sum(p.floor_sek * 0.1) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- refused: SQL: Error during planning: Window function calls cannot be nested: 'row_number() PARTITIO
sum(row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key)) OVER (PARTITION BY p.person_id)

-- accepted
max(p.valid_to) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)

-- accepted
max(p.valid_to) OVER (PARTITION BY p.person_id ORDER BY p.valid_from, p.record_key ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) < p.valid_from

-- accepted
min(p.valid_from) OVER (PARTITION BY p.person_id, p.permit_class)

-- accepted
min(p.permit_class) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
max(p.inhibited) OVER (PARTITION BY p.person_id)

-- accepted
max(DISTINCT p.valid_from) OVER (PARTITION BY p.person_id)

-- accepted
bool_or(p.inhibited) OVER (PARTITION BY p.person_id)

-- refused: bool_or over a frame that begins later with each row, which takes no rows back, is not all
bool_or(p.inhibited) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS 1 PRECEDING)

-- accepted
bool_and(p.inhibited) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
median_low(p.floor_sek) OVER (PARTITION BY p.person_id)

-- accepted
median_low(p.floor_sek) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS 2 PRECEDING)

-- accepted
median_low(DISTINCT p.floor_sek) OVER (PARTITION BY p.person_id)

-- accepted
mad_low(p.floor_sek) OVER (PARTITION BY p.person_id)

-- accepted
mad_low(p.floor_sek) FILTER (WHERE p.inhibited) OVER (PARTITION BY p.person_id)

-- refused: avg of DOUBLE or REAL
avg(p.floor_sek) OVER (PARTITION BY p.person_id)

-- refused: array_agg over a window
array_agg(p.floor_sek) OVER (PARTITION BY p.person_id)

-- refused: string_agg over a window
string_agg(p.permit_class, ',') OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
records_of(p.record) OVER (PARTITION BY p.person_id)

-- accepted
records_of(p.record) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- refused: DISTINCT, ORDER BY, FILTER or OVER of a function of one row
lower(p.permit_class) OVER (PARTITION BY p.person_id)

-- refused: DISTINCT, ORDER BY, FILTER or OVER of a function of one row
abs(p.floor_sek) OVER (PARTITION BY p.person_id)

-- accepted
coalesce(lag(p.floor_sek) OVER (PARTITION BY p.person_id ORDER BY p.record_key), 0)

-- accepted
CASE WHEN row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key) = 1 THEN 'first' ELSE 'later' END

-- accepted
p.valid_from - lag(p.valid_to) OVER (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key) + count(*) OVER (PARTITION BY p.person_id)

-- accepted
count(*) OVER (PARTITION BY p.person_id ORDER BY p.record_key ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) = 2

-- around: SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, {}

-- accepted
row_number() OVER w AS e0 FROM permits p WINDOW w AS (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
row_number() OVER w AS e0, count(*) OVER w AS e1 FROM permits p WINDOW w AS (PARTITION BY p.person_id ORDER BY p.record_key)

-- refused: a named window with a frame or order added, OVER
row_number() OVER (w) AS e0 FROM permits p WINDOW w AS (PARTITION BY p.person_id ORDER BY p.record_key)

-- refused: a named window with a frame or order added, OVER
row_number() OVER (w ORDER BY p.record_key) AS e0 FROM permits p WINDOW w AS (PARTITION BY p.person_id)

-- refused: a named window with a frame or order added, OVER
count(*) OVER (w ROWS 1 PRECEDING) AS e0 FROM permits p WINDOW w AS (PARTITION BY p.person_id ORDER BY p.record_key)

-- refused: SQL: Error during planning: The window w is not defined!
row_number() OVER v AS e0 FROM permits p WINDOW w AS (PARTITION BY p.person_id ORDER BY p.record_key), v AS w

-- refused: a named window with a frame or order added, OVER
row_number() OVER v AS e0 FROM permits p WINDOW w AS (PARTITION BY p.person_id), v AS (w ORDER BY p.record_key)

-- accepted
row_number() OVER W AS e0 FROM permits p WINDOW w AS (PARTITION BY p.person_id ORDER BY p.record_key)

-- accepted
count(*) OVER w AS e0, sum(p.floor_sek) OVER v AS e1 FROM permits p WINDOW w AS (PARTITION BY p.person_id), v AS (PARTITION BY p.person_id ORDER BY p.record_key ROWS 1 PRECEDING)

-- refused: SQL: Error during planning: The window w is defined multiple times!
count(*) OVER w AS e0 FROM permits p WINDOW w AS (PARTITION BY p.person_id), w AS (PARTITION BY p.person_id, p.permit_class)

-- accepted
count(*) OVER w AS e0 FROM permits p GROUP BY p.person_id, p.permit_id, p.first_known_time WINDOW w AS (PARTITION BY p.person_id)

-- refused: window mixes persons: PARTITION BY [p.record]
lag(b.observed_on) OVER (PARTITION BY p.record ORDER BY b.observed_on, b.record_key) AS e0 FROM permits p JOIN border b ON b.person_id = p.person_id

-- accepted
lag(b.observed_on) OVER (PARTITION BY p.person_id, p.record_key ORDER BY b.observed_on, b.record_key) AS e0 FROM permits p JOIN border b ON b.person_id = p.person_id

-- accepted
count(b.record) OVER (PARTITION BY p.permit_id ORDER BY b.observed_on, b.record_key, p.record_key) AS e0 FROM permits p JOIN border b ON b.person_id = p.person_id

-- accepted
count(*) OVER (PARTITION BY p.person_id) AS e0, row_number() OVER (PARTITION BY p.person_id, b.direction ORDER BY b.record_key, p.record_key) AS e1 FROM permits p LEFT JOIN border b ON b.person_id = p.person_id
