-- around: SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, {} AS e0 FROM permits p JOIN border b ON b.person_id = p.person_id GROUP BY p.person_id, p.permit_id, p.first_known_time, p.record

-- accepted
count(*)

-- accepted
count()

-- accepted
count(1)

-- accepted
count(NULL)

-- accepted
count(b.observed_on)

-- accepted
count(ALL b.observed_on)

-- accepted
count(DISTINCT b.observed_on)

-- accepted
count(DISTINCT b.direction || 'a')

-- accepted
count(*) FILTER (WHERE b.direction = 'exit')

-- accepted
count(DISTINCT b.observed_on) FILTER (WHERE b.direction = 'exit')

-- refused: WITHIN GROUP
count(b.observed_on) WITHIN GROUP (ORDER BY b.record_key)

-- accepted
COUNT(*)

-- accepted
"count"(*)

-- accepted
count (*)

-- accepted
sum(p.floor_sek)

-- accepted
sum(DISTINCT p.floor_sek)

-- accepted
sum(ALL p.floor_sek)

-- accepted
sum(1)

-- accepted
sum(1.5)

-- accepted
sum(p.floor_sek * 1.5)

-- accepted
sum(CASE WHEN b.direction = 'exit' THEN 1 END)

-- accepted
sum(b.observed_on - p.valid_from)

-- refused: sum(n) takes a number, and is given true or false
sum(p.inhibited)

-- refused: sum(n) takes a number, and is given a text
sum(b.direction)

-- refused: sum(n) takes a number, and is given a day
sum(b.observed_on)

-- accepted
sum(p.floor_sek) + count(*)

-- refused: SQL: Error during planning: Aggregate function calls cannot be nested: 'count(Int64(1))' i
sum(p.floor_sek + count(*))

-- refused: SQL: Error during planning: Aggregate function calls cannot be nested: 'sum(p.floor_sek)'
sum(sum(p.floor_sek))

-- accepted
max(b.observed_on)

-- accepted
max(DISTINCT b.observed_on)

-- accepted
max(b.observed_on) FILTER (WHERE b.direction = 'exit')

-- accepted, null
max(b.observed_on) FILTER (WHERE false)

-- accepted
max(b.observed_on) - min(b.observed_on)

-- accepted
max(b.direction)

-- accepted
max(p.inhibited)

-- accepted
max(b.first_known_time)

-- refused: max(x) takes a value, and is given a text and a whole number
max(b.direction, 2)

-- accepted
max(p.citizenships_at_grant)

-- accepted
min(b.observed_on)

-- accepted, null
min(NULL)

-- refused: min(x) takes a value, and is given two days
min(b.observed_on, p.valid_from)

-- refused: SQL: Error during planning: Invalid function 'min_by'
min_by(b.direction, b.observed_on)

-- refused: SQL: Error during planning: Invalid function 'arg_max'
arg_max(b.direction, b.observed_on)

-- refused: SQL: Error during planning: Invalid function 'any_value'
any_value(b.direction)

-- accepted
bool_or(b.direction = 'exit')

-- accepted
bool_and(b.direction = 'exit')

-- accepted
bool_or(b.direction = 'exit') FILTER (WHERE b.observed_on IS NOT NULL)

-- refused: SQL: Error during planning: Invalid function 'every'
every(b.direction = 'exit')

-- accepted
bool_or(DISTINCT b.direction = 'exit')

-- refused: SQL: Error during planning: Invalid function 'bit_and'
bit_and(p.floor_sek)

-- refused: SQL: Error during planning: Invalid function 'bit_or'
bit_or(p.floor_sek)

-- refused: avg of DOUBLE or REAL
avg(p.floor_sek)

-- refused: avg of DOUBLE or REAL
mean(p.floor_sek)

-- refused: median of DOUBLE or REAL
median(p.floor_sek)

-- refused: SQL: Error during planning: Invalid function 'mode'
mode(p.floor_sek)

-- refused: stddev of DOUBLE or REAL
stddev(p.floor_sek)

-- refused: SQL: Error during planning: Invalid function 'stddev_pop'
stddev_pop(p.floor_sek)

-- refused: SQL: Error during planning: Invalid function 'var_samp'
var_samp(p.floor_sek)

-- refused: SQL: Error during planning: Invalid function 'corr'
corr(p.floor_sek, p.offered_sek)

-- refused: SQL: Error during planning: Invalid function 'approx_distinct'
approx_distinct(b.direction)

-- refused: SQL: Error during planning: Invalid function 'approx_median'
approx_median(p.floor_sek)

-- refused: SQL: Error during planning: Invalid function 'approx_percentile_cont'
approx_percentile_cont(p.floor_sek, 0.5)

-- refused: WITHIN GROUP
percentile_cont(0.5) WITHIN GROUP (ORDER BY p.floor_sek)

-- refused: WITHIN GROUP
percentile_disc(0.5) WITHIN GROUP (ORDER BY p.floor_sek)

-- accepted
median_low(p.floor_sek)

-- refused: DISTINCT or FILTER of an aggregate of our own
median_low(DISTINCT p.floor_sek)

-- refused: DISTINCT or FILTER of an aggregate of our own
median_low(p.floor_sek) FILTER (WHERE b.direction = 'exit')

-- accepted
mad_low(p.floor_sek)

-- refused: DISTINCT or FILTER of an aggregate of our own
mad_low(DISTINCT p.floor_sek)

-- accepted
mad_low(CASE WHEN b.direction = 'exit' THEN p.floor_sek END)

-- accepted
records_of(b.record)

-- refused: DISTINCT or FILTER of an aggregate of our own
records_of(DISTINCT b.record)

-- refused: DISTINCT or FILTER of an aggregate of our own
records_of(b.record) FILTER (WHERE b.direction = 'exit')

-- refused: ORDER BY within a function in which no order decides
records_of(b.record ORDER BY b.record_key)

-- accepted
records(records_of(b.record), p.record)

-- refused: string_agg without an ORDER BY can tie: rows of border may have the same values there
string_agg(b.direction, ',')

-- accepted
string_agg(b.direction, ',' ORDER BY b.observed_on, b.record_key)

-- accepted
string_agg(b.direction, ',' ORDER BY b.observed_on DESC NULLS LAST, b.record_key)

-- accepted
string_agg(b.direction, '' ORDER BY b.record_key)

-- refused: string_agg with a text between that is not written out
string_agg(b.direction, b.direction ORDER BY b.record_key)

-- refused: string_agg(x, ', ' ORDER BY ...) takes a value and a text, and is given a text
string_agg(b.direction ORDER BY b.record_key)

-- refused: string_agg without an ORDER BY can tie: rows of border may have the same values there
string_agg(DISTINCT b.direction, ',')

-- accepted
string_agg(DISTINCT b.direction, ',' ORDER BY b.direction)

-- accepted
string_agg(b.direction, ',' ORDER BY b.record_key) FILTER (WHERE b.direction = 'exit')

-- refused: string_agg with a text between that is not written out
string_agg(b.direction, NULL ORDER BY b.record_key)

-- refused: WITHIN GROUP
string_agg(b.direction, ',') WITHIN GROUP (ORDER BY b.record_key)

-- accepted
string_agg(CAST(b.observed_on AS VARCHAR), ' ' ORDER BY b.record_key)

-- refused: WITHIN GROUP
listagg(b.direction, ',') WITHIN GROUP (ORDER BY b.record_key)

-- refused: SQL: Error during planning: Invalid function 'group_concat'
group_concat(b.direction)

-- refused: DISTINCT, ORDER BY, FILTER or OVER of a function of one row
group_concat(b.direction ORDER BY b.record_key SEPARATOR ',')

-- accepted
array_agg(b.direction ORDER BY b.record_key)

-- refused: array_agg without an ORDER BY can tie: rows of border may have the same values there
array_agg(b.direction)

-- accepted
array_agg(DISTINCT b.direction ORDER BY b.direction)

-- accepted
array_length(array_agg(b.direction ORDER BY b.record_key))

-- accepted
array_length(array_agg(b.direction ORDER BY b.record_key) FILTER (WHERE b.direction = 'exit'))

-- refused: array_agg without an ORDER BY can tie: rows of a GROUP BY may have the same values there
array_length(array_agg(DISTINCT b.direction))

-- accepted
cardinality(array_agg(b.direction ORDER BY b.record_key))

-- accepted
array_has(array_agg(b.direction ORDER BY b.record_key), 'exit')

-- accepted
array_element(array_agg(b.direction ORDER BY b.record_key), 1)

-- refused: a value by its place in a group
array_agg(b.direction ORDER BY b.record_key)[1]

-- refused: SQL: This feature is not implemented: Calling array_agg: LIMIT not supported in function a
array_agg(b.direction ORDER BY b.record_key LIMIT 1)[1]

-- accepted
array_element(array_agg(b.direction ORDER BY b.observed_on DESC, b.record_key), 2)

-- refused: SQL: Error during planning: Invalid function 'list'
list(b.direction)

-- refused: a value by its place in a group
first_value(b.direction ORDER BY b.record_key)

-- refused: DISTINCT, ORDER BY, FILTER or OVER of a function of one row
first(b.direction ORDER BY b.record_key)

-- refused: a value by its place in a group
last_value(b.direction ORDER BY b.record_key)

-- refused: a value by its place in a group
nth_value(b.direction, 2 ORDER BY b.record_key)

-- refused: SQL: Error during planning: Invalid function 'grouping'
grouping(p.person_id)

-- accepted
lower(max(b.direction))

-- accepted
CASE WHEN count(*) > 3 THEN 'many' ELSE 'few' END

-- accepted
count(*) OVER (PARTITION BY p.person_id)

-- accepted
sum(count(*)) OVER (PARTITION BY p.person_id)

-- refused: SQL: Error during planning: Column in SELECT must be in GROUP BY or an aggregate function:
b.direction

-- accepted
p.person_id

-- accepted
count(*) > 1 AND max(b.observed_on) > DATE '2024-01-01'

-- accepted
count(*) * 2 - count(DISTINCT b.direction)

-- accepted
count(*) FILTER (WHERE b.direction = 'exit') * 100 > count(*) * 50

-- accepted
coalesce(sum(p.offered_sek), 0)

-- accepted
coalesce(max(b.observed_on), DATE '2024-01-01')

-- refused: SQL: Error during planning: Invalid function 'histogram'
histogram(b.direction)

-- refused: a window with ORDER BY count(Int64(1)) AS count(*) can tie: rows of a GROUP BY may have th
row_number() OVER (PARTITION BY p.person_id ORDER BY count(*))

-- accepted
max(CASE WHEN b.direction = 'exit' THEN b.observed_on END) - max(CASE WHEN b.direction = 'entry' THEN b.observed_on END)

-- accepted
max(max(b.observed_on)) OVER (PARTITION BY p.person_id)

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found:
count(*) FILTER (b.direction = 'exit')

-- accepted
count(DISTINCT CASE WHEN b.direction = 'exit' THEN b.observed_on END)

-- refused: a call or constant in braces
{fn count(*)}

-- accepted
count(distinct b.observed_on)

-- refused: count of several columns
count(b.observed_on, b.direction)

-- refused: count of several columns
count(DISTINCT b.direction, b.observed_on)

-- refused: a star in a function other than count(*)
count(b.*)

-- refused: a star in a function other than count(*)
count(DISTINCT *)

-- refused: ORDER BY within a function in which no order decides
count(b.observed_on ORDER BY b.record_key)

-- refused: ORDER BY within a function in which no order decides
sum(p.floor_sek ORDER BY b.record_key)

-- refused: ORDER BY within a function in which no order decides
max(b.observed_on ORDER BY b.record_key)

-- refused: ORDER BY within a function in which no order decides
median_low(p.floor_sek ORDER BY b.record_key)

-- refused: ORDER BY within a function in which no order decides
mad_low(p.floor_sek ORDER BY b.record_key)

-- refused: DISTINCT or FILTER of an aggregate of our own
mad_low(p.floor_sek) FILTER (WHERE b.direction = 'exit')

-- refused: a function with two pairs of parentheses
count(0.5)(b.observed_on)

-- around: SELECT p.person_id, max(p.permit_id) AS permit_id, 'x' AS alert_key, max(p.first_known_time) AS alert_at, count(*) AS e0 FROM permits p {}

-- accepted
GROUP BY p.person_id HAVING max(p.permit_id) IS NOT NULL

-- accepted
GROUP BY (p.person_id) HAVING max(p.permit_id) IS NOT NULL

-- accepted
GROUP BY 1 HAVING max(p.permit_id) IS NOT NULL

-- accepted
GROUP BY person_id HAVING max(permit_id) IS NOT NULL

-- refused: GROUP BY a constant
GROUP BY ALL HAVING max(p.permit_id) IS NOT NULL

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found: p
GROUP BY DISTINCT p.person_id

-- accepted
GROUP BY p.person_id, p.permit_class HAVING max(p.permit_id) IS NOT NULL

-- accepted
GROUP BY p.person_id, lower(p.permit_class) HAVING max(p.permit_id) IS NOT NULL

-- accepted
GROUP BY p.person_id, p.valid_from - p.valid_to HAVING max(p.permit_id) IS NOT NULL

-- accepted
GROUP BY p.person_id, p.inhibited HAVING max(p.permit_id) IS NOT NULL AND count(*) > 1

-- refused: GROUP BY a constant
GROUP BY p.person_id, NULL

-- refused: GROUP BY a constant
GROUP BY p.person_id, 'a'

-- refused: GROUP BY a constant
GROUP BY p.person_id, 1 + 1

-- refused: GROUP BY a constant
GROUP BY p.person_id, alert_key

-- refused: SQL: Error during planning: Column in SELECT must be in GROUP BY or an aggregate function:
GROUP BY (p.person_id, p.permit_class) HAVING max(p.permit_id) IS NOT NULL

-- refused: SQL: This feature is not implemented: Empty tuple not supported yet
GROUP BY ()

-- refused: SQL: Error during planning: Column in SELECT must be in GROUP BY or an aggregate function:
GROUP BY p.permit_class

-- refused: GROUPING SETS
GROUP BY ROLLUP (p.person_id)

-- refused: GROUPING SETS
GROUP BY ROLLUP (p.person_id, p.permit_class)

-- refused: GROUPING SETS
GROUP BY CUBE (p.person_id, p.permit_class)

-- refused: GROUPING SETS
GROUP BY GROUPING SETS ((p.person_id), (p.person_id, p.permit_class))

-- refused: GROUPING SETS
GROUP BY GROUPING SETS ((p.person_id))

-- refused: GROUPING SETS
GROUP BY p.person_id, ROLLUP (p.permit_class)

-- refused: GROUPING SETS
GROUP BY p.person_id, GROUPING SETS ((p.permit_class), (p.inhibited))

-- refused: GROUP BY with ROLLUP, CUBE or TOTALS
GROUP BY p.person_id WITH ROLLUP

-- refused: GROUP BY with ROLLUP, CUBE or TOTALS
GROUP BY p.person_id WITH CUBE

-- refused: GROUP BY with ROLLUP, CUBE or TOTALS
GROUP BY p.person_id WITH TOTALS

-- accepted
GROUP BY p.person_id HAVING count(*) > 1 AND max(p.permit_id) IS NOT NULL

-- accepted
GROUP BY p.person_id HAVING bool_or(p.inhibited) AND max(p.permit_id) IS NOT NULL

-- accepted
GROUP BY p.person_id HAVING max(p.permit_id) IS NOT NULL AND max(p.valid_from) > min(p.valid_from)

-- refused: SQL: Error during planning: Column in HAVING must be in GROUP BY or an aggregate function:
GROUP BY p.person_id HAVING p.valid_from IS NOT NULL

-- accepted
GROUP BY p.person_id HAVING e0 > 1

-- accepted
GROUP BY p.person_id HAVING alert_at > TIMESTAMP '2024-01-01 00:00:00'

-- accepted
GROUP BY p.person_id HAVING count(*) IN (1, 2) AND max(p.permit_id) IS NOT NULL

-- accepted
GROUP BY p.person_id HAVING EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id)

-- accepted
GROUP BY p.person_id HAVING count(*) FILTER (WHERE p.inhibited) > 0 AND max(p.permit_id) IS NOT NULL

-- accepted
GROUP BY p.person_id HAVING max(p.permit_id) IS NOT NULL ORDER BY count(*)

-- accepted
GROUP BY p.person_id HAVING max(p.permit_id) IS NOT NULL QUALIFY row_number() OVER (PARTITION BY p.person_id ORDER BY p.person_id) = 1

-- accepted
WHERE p.inhibited GROUP BY p.person_id HAVING max(p.permit_id) IS NOT NULL

-- refused: the rule mixes persons: it reads no table of persons
WHERE false GROUP BY p.person_id HAVING max(p.permit_id) IS NOT NULL

-- around: SELECT p.person_id, p.permit_id, {} FROM permits p GROUP BY p.person_id, p.permit_id

-- refused: SQL: Error during planning: Column in SELECT must be in GROUP BY or an aggregate function:
'x' AS alert_key, max(p.first_known_time) AS alert_at, p.valid_from AS e0

-- accepted
coalesce(min(p.valid_from), DATE '2024-01-01') AS alert_key, max(p.first_known_time) AS alert_at, records_of(p.record) AS records

-- accepted
'x' AS alert_key, max(p.first_known_time) AS alert_at, max(p.valid_to) AS anchor_at, severity(count(*)) AS severity

-- refused: SQL: Error during planning: Column in SELECT must be in GROUP BY or an aggregate function:
'x' AS alert_key, p.first_known_time AS alert_at
