-- around: SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, {} AS e0 FROM permits p

-- accepted
1

-- accepted
-1

-- accepted
+1

-- accepted
- -1

-- refused: SQL: Schema error: No field named p.person_id.
--1

-- accepted
1.5

-- accepted
.5

-- accepted
1.

-- accepted
1e3

-- accepted
1.5e-3

-- refused: a text written otherwise than
0x10

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found: AS
0b11

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found: AS
1_000

-- refused: a text written otherwise than
1L

-- accepted
9223372036854775807

-- refused: a number beyond what DataFusion computes with
9223372036854775808

-- accepted
-9223372036854775808

-- accepted
123456789012345678901234567890

-- refused: a number beyond what DataFusion computes with
12345678901234567890123456789012345678901

-- accepted
0.1 + 0.2

-- accepted
p.floor_sek

-- accepted
p.floor_sek + 1

-- accepted
p.floor_sek - 1

-- accepted
p.floor_sek - -1

-- accepted
p.floor_sek * 2

-- refused: / between whole numbers
p.floor_sek / 2

-- refused: SQL: This feature is not implemented: Operator DIV is not yet supported
p.floor_sek // 2

-- refused: SQL: SQL error: ParserError("No infix parser for token Word(Word
p.floor_sek DIV 2

-- refused: SQL: Error during planning: Invalid function 'div'
div(p.floor_sek, 2)

-- accepted
p.floor_sek % 7

-- accepted
p.floor_sek % -7

-- accepted
-p.floor_sek % 7

-- refused: SQL: Error during planning: Invalid function 'mod'
mod(p.floor_sek, 7)

-- refused: % by what may be zero
p.floor_sek % 0

-- accepted
p.floor_sek % 7.5

-- accepted
p.floor_sek % nullif(p.offered_sek, 0)

-- refused: / between whole numbers
p.floor_sek / nullif(p.offered_sek, 0)

-- refused: /
p.floor_sek / 2.0

-- refused: / between whole numbers
1 / 0

-- refused: / between whole numbers
0 * (1 / 0)

-- refused: an operator on bits
p.floor_sek ^ 2

-- refused: SQL: SQL error: ParserError("Expected: an expression, found: *
p.floor_sek ** 2

-- refused: SQL: Error during planning: Invalid function 'power'
power(p.floor_sek, 2)

-- refused: SQL: Error during planning: Invalid function 'sqrt'
sqrt(p.floor_sek)

-- refused: SQL: SQL error: ParserError("Expected: an expression, found: |/
|/ p.floor_sek

-- refused: an operator on bits
p.floor_sek & 1

-- refused: an operator on bits
p.floor_sek | 1

-- refused: SQL: SQL error: ParserError("No infix parser for token Sharp
p.floor_sek # 1

-- refused: an operator on bits
p.floor_sek << 1

-- refused: an operator on bits
p.floor_sek >> 1

-- refused: SQL: This feature is not implemented: Unsupported SQL unary operator BitwiseNot
~p.floor_sek

-- accepted
-p.floor_sek

-- accepted
+p.floor_sek

-- accepted
- p.floor_sek + 1

-- accepted
-(p.floor_sek)

-- accepted
- - p.floor_sek

-- refused: SQL: Error during planning: Unary operator '-' only supports signed numeric, interval and
-p.permit_class

-- refused: SQL: Error during planning: Unary operator '-' only supports signed numeric, interval and
-p.valid_from

-- accepted
1 - p.floor_sek - 1

-- accepted
1 - (p.floor_sek - 1)

-- accepted
2 + p.floor_sek * 3

-- accepted
(2 + p.floor_sek) * 3

-- accepted
2 * -p.floor_sek

-- accepted
100 * p.floor_sek < 95 * p.offered_sek

-- refused: p.floor_sek * p.offered_sek may leave whole numbers
p.floor_sek * p.offered_sek

-- accepted
p.floor_sek * 1.5

-- accepted
p.floor_sek * 1.50

-- accepted
p.floor_sek + 1.25

-- accepted, null
p.floor_sek + NULL

-- refused: SQL: Error during planning: Cannot coerce arithmetic expression Int64 + Utf8 to valid type
p.floor_sek + '1'

-- refused: SQL: Error during planning: Cannot coerce arithmetic expression Int64 + Boolean to valid t
p.floor_sek + p.inhibited

-- refused: p.floor_sek * 86400 + p.valid_from may leave the calendar
p.floor_sek + p.valid_from

-- refused: SQL: Error during planning: Cannot coerce arithmetic expression Int64 + Utf8 to valid type
p.floor_sek + p.permit_class

-- accepted
abs(p.floor_sek)

-- refused: abs(n) takes a whole number, and is given a number with decimals
abs(-1.5)

-- accepted
abs(p.floor_sek - p.offered_sek)

-- refused: SQL: Error during planning: Invalid function 'sign'
sign(p.floor_sek)

-- refused: SQL: Internal error: Unable to find expected 'ceil' function
ceil(p.floor_sek * 1.5)

-- refused: SQL: Internal error: Unable to find expected 'floor' function
floor(p.floor_sek * 1.5)

-- refused: SQL: Error during planning: Invalid function 'round'
round(p.floor_sek * 1.5)

-- refused: SQL: Error during planning: Invalid function 'round'
round(p.floor_sek, -2)

-- refused: SQL: Error during planning: Invalid function 'trunc'
trunc(p.floor_sek * 1.5)

-- refused: SQL: Error during planning: Invalid function 'ln'
ln(p.floor_sek)

-- refused: SQL: Error during planning: Invalid function 'pi'
pi()

-- refused: SQL: Error during planning: Invalid function 'random'
random()

-- refused: SQL: Error during planning: Invalid function 'factorial'
factorial(3)

-- refused: SQL: Error during planning: Invalid function 'gcd'
gcd(p.floor_sek, 12)

-- accepted
p.floor_sek::BIGINT

-- accepted
p.floor_sek::VARCHAR

-- refused: p.floor_sek may leave its type
p.floor_sek::INT

-- accepted
-1::BIGINT

-- accepted
-p.floor_sek::BIGINT

-- accepted
p.floor_sek::BIGINT::VARCHAR

-- accepted
p.floor_sek + 1::BIGINT

-- accepted
'2024-02-29'::DATE

-- accepted
p.valid_from::TIMESTAMP

-- accepted
p.first_known_time::DATE

-- refused: p.floor_sek may leave its type
CAST(p.floor_sek AS INT)

-- refused: p.floor_sek may leave its type
CAST(p.floor_sek AS INTEGER)

-- accepted
CAST(p.floor_sek AS BIGINT)

-- refused: p.floor_sek may leave its type
CAST(p.floor_sek AS SMALLINT)

-- refused: p.floor_sek may leave its type
CAST(p.floor_sek AS TINYINT)

-- accepted
CAST(p.floor_sek AS INT8)

-- refused: p.floor_sek may leave its type
CAST(p.floor_sek AS INT4)

-- refused: p.floor_sek may leave its type
CAST(p.floor_sek AS INT2)

-- refused: SQL: This feature is not implemented: Unsupported SQL type INT64
CAST(p.floor_sek AS INT64)

-- refused: SQL: This feature is not implemented: Unsupported SQL type UNSIGNED
CAST(p.floor_sek AS UNSIGNED)

-- refused: an unsigned number
CAST(p.floor_sek AS BIGINT UNSIGNED)

-- refused: SQL: This feature is not implemented: Unsupported SQL type UBIGINT
CAST(p.floor_sek AS UBIGINT)

-- refused: SQL: This feature is not implemented: Unsupported SQL type HUGEINT
CAST(p.floor_sek AS HUGEINT)

-- refused: a binary fraction
CAST(p.floor_sek AS FLOAT)

-- refused: a binary fraction
CAST(p.floor_sek AS DOUBLE)

-- refused: a binary fraction
CAST(p.floor_sek AS DOUBLE PRECISION)

-- refused: a binary fraction
CAST(p.floor_sek AS REAL)

-- accepted
CAST(p.floor_sek AS DECIMAL)

-- accepted
CAST(p.floor_sek AS DECIMAL(18))

-- accepted
CAST(p.floor_sek AS DECIMAL(18, 2))

-- accepted
CAST(p.floor_sek AS NUMERIC(18, 2))

-- refused: SQL: This feature is not implemented: Unsupported SQL type DEC(18,2)
CAST(p.floor_sek AS DEC(18, 2))

-- accepted
CAST(p.floor_sek AS DECIMAL(38, 10))

-- refused: p.floor_sek may leave its type
CAST(p.floor_sek AS DECIMAL(4, 2))

-- refused: a number of more than 38 digits
CAST(p.floor_sek AS DECIMAL(76, 2))

-- refused: a fraction with fewer digits
CAST(p.floor_sek * 1.25 AS DECIMAL(18, 1))

-- refused: a fraction made a whole number
CAST(p.floor_sek * 1.25 AS BIGINT)

-- accepted
CAST(p.floor_sek AS VARCHAR)

-- accepted
CAST(p.floor_sek AS VARCHAR(2))

-- accepted
CAST(p.floor_sek AS CHAR(2))

-- accepted
CAST(p.floor_sek AS CHAR)

-- accepted
CAST(p.floor_sek AS TEXT)

-- accepted
CAST(p.floor_sek AS STRING)

-- refused: SQL: This feature is not implemented: Unsupported SQL type NVARCHAR(2)
CAST(p.floor_sek AS NVARCHAR(2))

-- accepted
CAST(p.floor_sek AS BOOLEAN)

-- accepted
CAST(p.floor_sek AS BOOL)

-- accepted
CAST(p.inhibited AS INT)

-- accepted
CAST(p.inhibited AS VARCHAR)

-- accepted
CAST(p.inhibited AS BIGINT)

-- refused: SQL: This feature is not implemented: Unsupported CAST from Boolean to Decimal128(4, 1)
CAST(p.inhibited AS DECIMAL(4, 1))

-- refused: a number made a day or an instant
CAST(p.floor_sek AS DATE)

-- refused: a number made a day or an instant
CAST(p.floor_sek AS TIMESTAMP)

-- accepted
CAST(p.permit_class AS VARCHAR)

-- accepted
CAST(p.permit_class AS VARCHAR(3))

-- refused: CAST of a text
CAST(p.permit_class AS BIGINT)

-- refused: CAST of a text
CAST(p.permit_class AS DATE)

-- refused: CAST of a text
CAST(p.permit_class AS BYTEA)

-- refused: SQL: This feature is not implemented: Unsupported SQL type BLOB
CAST(p.permit_class AS BLOB)

-- refused: SQL: This feature is not implemented: Unsupported SQL type UUID
CAST(p.permit_class AS UUID)

-- refused: SQL: This feature is not implemented: Unsupported SQL type JSON
CAST(p.permit_class AS JSON)

-- refused: a value read from a text
CAST('90' AS BIGINT)

-- refused: a value read from a text
CAST('a' AS BIGINT)

-- accepted
CAST('2024-02-29' AS DATE)

-- refused: SQL: Optimizer rule 'simplify_expressions' failed caused by Arrow error: Cast error: Canno
CAST('2024-02-30' AS DATE)

-- refused: a day or an instant written otherwise
CAST('2024-2-9' AS DATE)

-- refused: a day or an instant written otherwise
CAST('24-02-29' AS DATE)

-- accepted
CAST('2024-02-29' AS TIMESTAMP)

-- refused: a day or an instant written otherwise
CAST('2024-02-29 12:00' AS TIMESTAMP)

-- refused: a day or an instant written otherwise
CAST('2024-02-29T12:00:00' AS TIMESTAMP)

-- refused: a day or an instant written otherwise
CAST('2024-02-29T12:00:00Z' AS TIMESTAMP)

-- refused: a day or an instant written otherwise
CAST('2024-02-29T12:00:00+02:00' AS TIMESTAMP)

-- refused: a day or an instant written otherwise
CAST('2024-02-29 12:00:00.123456789' AS TIMESTAMP)

-- refused: a value read from a text
CAST('true' AS BOOLEAN)

-- refused: CAST to INTERVAL
CAST('1 month' AS INTERVAL)

-- accepted, null
CAST(NULL AS BIGINT)

-- accepted, null
CAST(NULL AS DATE)

-- accepted
CAST(1 AS BIGINT)

-- accepted
CAST(1.5 AS DECIMAL(18, 4))

-- accepted
CAST(p.valid_from AS VARCHAR)

-- accepted
CAST(p.valid_from AS TIMESTAMP)

-- accepted
CAST(p.valid_from AS TIMESTAMP(0))

-- accepted
CAST(p.valid_from AS TIMESTAMP(9))

-- refused: a type with a time zone
CAST(p.valid_from AS TIMESTAMP WITH TIME ZONE)

-- refused: a type with a time zone
CAST(p.valid_from AS TIMESTAMPTZ)

-- refused: SQL: This feature is not implemented: Unsupported SQL type DATETIME
CAST(p.valid_from AS DATETIME)

-- refused: output column e0, a span of time or a time of day,
CAST(p.valid_from AS TIME)

-- refused: a day or an instant made a number
CAST(p.valid_from AS BIGINT)

-- accepted
CAST(p.first_known_time AS DATE)

-- refused: a text made of an instant, a fraction or a list
CAST(p.first_known_time AS VARCHAR)

-- refused: output column e0, a span of time or a time of day,
CAST(p.first_known_time AS TIME)

-- accepted
CAST(p.first_known_time AS TIMESTAMP)

-- accepted
CAST(p.first_known_time AS TIMESTAMP(3))

-- refused: a text made of an instant, a fraction or a list
CAST(p.citizenships_at_grant AS VARCHAR)

-- accepted
CAST(p.citizenships_at_grant AS VARCHAR[])

-- refused: SQL: This feature is not implemented: CAST with format is not supported: '9'
CAST(p.floor_sek AS BIGINT FORMAT '9')

-- refused: SQL: This feature is not implemented: CAST with format is not supported: 'YYYY'
CAST(p.valid_from AS VARCHAR FORMAT 'YYYY')

-- refused: SQL: This feature is not implemented: `CAST(..
CAST(p.floor_sek AS BIGINT ARRAY)

-- accepted
TRY_CAST(p.floor_sek AS INT)

-- accepted
TRY_CAST(p.floor_sek AS SMALLINT)

-- refused: a value read from a text
TRY_CAST(p.permit_class AS BIGINT)

-- accepted
TRY_CAST(p.valid_from AS TIMESTAMP)

-- refused: SAFE_CAST
SAFE_CAST(p.floor_sek AS BIGINT)

-- refused: SQL: This feature is not implemented: Unsupported ast node in sqltorel: Convert
CONVERT(BIGINT, p.floor_sek)

-- refused: SQL: This feature is not implemented: Unsupported ast node in sqltorel: Convert
CONVERT(p.floor_sek, BIGINT)

-- refused: SQL: This feature is not implemented: Unsupported ast node in sqltorel: Convert
CONVERT(p.permit_class USING utf8)

-- refused: SQL: This feature is not implemented: Unsupported ast node in sqltorel: Convert
TRY_CONVERT(BIGINT, p.floor_sek)

-- refused: a value read from a text
BIGINT '90'

-- refused: a value read from a text
INT '90'

-- accepted
VARCHAR 'a'

-- refused: a value read from a text
BOOLEAN 'true'

-- refused: a value read from a text
DECIMAL '1.5'

-- accepted
DATE '2024-02-29'

-- refused: a day or an instant written otherwise
DATE '2024-2-9'

-- refused: SQL: Optimizer rule 'simplify_expressions' failed caused by Arrow error: Cast error: Canno
DATE '2024-02-30'

-- refused: a day or an instant written otherwise
DATE '20240229'

-- accepted
DATE '0001-01-01'

-- accepted
DATE '9999-12-31'

-- refused: a day or an instant written otherwise
DATE '10000-01-01'

-- refused: a day or an instant written otherwise
DATE '-0001-01-01'

-- refused: a day or an instant written otherwise
DATE 'infinity'

-- refused: a day or an instant written otherwise
DATE 'epoch'

-- accepted
DATE '2024-02-29 12:00:00'

-- accepted
date '2024-02-29'

-- refused: SQL: Error during planning: Invalid function 'date'
DATE('2024-02-29')

-- refused: SQL: Error during planning: Invalid function 'date'
DATE(p.first_known_time)

-- refused: a call or constant in braces
{d '2024-02-29'}

-- refused: a call or constant in braces
{ts '2024-02-29 00:00:00'}

-- accepted
TIMESTAMP '2024-02-29 00:00:00'

-- accepted
TIMESTAMP '2024-02-29'

-- refused: a day or an instant written otherwise
TIMESTAMP '2024-02-29 12:00'

-- refused: a day or an instant written otherwise
TIMESTAMP '2024-02-29T12:00:00'

-- accepted
TIMESTAMP '2024-02-29 12:00:00.5'

-- refused: SQL: Optimizer rule 'simplify_expressions' failed caused by Arrow error: Parser error: Err
TIMESTAMP '2024-02-29 24:00:00'

-- refused: a day or an instant written otherwise
TIMESTAMP '2024-02-29 12:00:00Z'

-- refused: a day or an instant written otherwise
TIMESTAMP '2024-02-29 12:00:00+01'

-- refused: a day or an instant written otherwise
TIMESTAMP '2024-02-29 12:00:00 Europe/Stockholm'

-- refused: a type with a time zone
TIMESTAMP WITH TIME ZONE '2024-02-29 12:00:00+01'

-- refused: SQL: This feature is not implemented: Unsupported SQL type DATETIME
DATETIME '2024-02-29 12:00:00'

-- refused: output column e0, a span of time or a time of day,
TIME '12:00:00'

-- refused: a text made of an instant, a fraction or a list
CAST(TIME '12:00:00' AS VARCHAR)

-- refused: this field of a day
EXTRACT(HOUR FROM TIME '12:00:00')

-- refused: output column e0, a span of time or a time of day,
INTERVAL '1 day'

-- accepted
p.first_known_time + INTERVAL '1 day'

-- accepted
p.first_known_time + INTERVAL '1' DAY

-- accepted
p.first_known_time + INTERVAL 1 DAY

-- accepted
p.first_known_time + INTERVAL '1 month'

-- accepted
p.first_known_time + INTERVAL '1' MONTH

-- accepted
p.first_known_time + INTERVAL '1 month 2 days'

-- accepted
p.first_known_time + INTERVAL '1 year 2 months 3 days 4 hours'

-- refused: SQL: This feature is not implemented: Unsupported Interval Expression with last_field Some
p.first_known_time + INTERVAL '1-2' YEAR TO MONTH

-- refused: SQL: This feature is not implemented: Unsupported Interval Expression with last_field Some
p.first_known_time + INTERVAL '1 12:00:00' DAY TO SECOND

-- refused: SQL: Arrow error: Parser error: Invalid input syntax for type interval: "12:30:00"
p.first_known_time + INTERVAL '12:30:00'

-- accepted
p.first_known_time + INTERVAL '1.5 days'

-- accepted
p.first_known_time + INTERVAL '1.5 months'

-- accepted
p.first_known_time + INTERVAL '0.1 years'

-- accepted
p.first_known_time + INTERVAL '-1 day'

-- refused: an INTERVAL written otherwise than
p.first_known_time + INTERVAL -1 DAY

-- accepted
p.first_known_time + INTERVAL '1 week'

-- refused: SQL: Arrow error: Parser error: Invalid input syntax for type interval: "1 quarter"
p.first_known_time + INTERVAL '1 quarter'

-- accepted
p.first_known_time + INTERVAL '1 decade'

-- refused: p.first_known_time + IntervalMonthDayNano
p.first_known_time + INTERVAL '1 century'

-- accepted
p.first_known_time + INTERVAL '90 minutes'

-- accepted
p.first_known_time + INTERVAL '1 d'

-- accepted
p.first_known_time + INTERVAL '1 mon'

-- accepted
p.first_known_time + INTERVAL '1 m'

-- accepted
p.first_known_time + INTERVAL '1 ms'

-- accepted
p.first_known_time + INTERVAL '1 microsecond'

-- refused: a part of a microsecond
p.first_known_time + INTERVAL '1 nanosecond'

-- accepted
p.first_known_time + INTERVAL '1'

-- refused: SQL: Arrow error: Parser error: Invalid input syntax for type interval: "P1D"
p.first_known_time + INTERVAL 'P1D'

-- refused: SQL: Arrow error: Parser error: Invalid input syntax for type interval: "1 day ago"
p.first_known_time + INTERVAL '1 day ago'

-- refused: an INTERVAL written otherwise than
p.first_known_time + INTERVAL (p.floor_sek) DAY

-- refused: SQL: Error during planning: Cannot get result type for temporal operation Interval(MonthDa
p.first_known_time + INTERVAL '1 day' * 2

-- refused: SQL: Error during planning: Cannot get result type for temporal operation Int64 * Interval
p.first_known_time + 2 * INTERVAL '1 day'

-- refused: INTERVALs compared or computed with
p.first_known_time + (INTERVAL '1 day' + INTERVAL '1 hour')

-- accepted
p.first_known_time - INTERVAL '1 month'

-- accepted
p.first_known_time - INTERVAL '1 month' - INTERVAL '1 day'

-- accepted
INTERVAL '1 day' + p.first_known_time

-- refused: rule drawn.sql: parameter wait_days is declared but never used
p.first_known_time + INTERVAL '$wait_days days'

-- refused: SQL: Error during planning: Cannot coerce arithmetic expression Timestamp(µs) + Int64 to v
p.first_known_time + 1

-- refused: SQL: Error during planning: Cannot coerce arithmetic expression Timestamp(µs) - Int64 to v
p.first_known_time - 1

-- refused: the time between two instants
p.first_known_time - p.first_known_time

-- refused: SQL: Error during planning: Cannot get result type for temporal operation Timestamp(µs) +
p.first_known_time + p.first_known_time

-- refused: SQL: Error during planning: Cannot coerce arithmetic expression Timestamp(µs) * Int64 to v
p.first_known_time * 2

-- accepted
p.valid_from + 30

-- accepted
30 + p.valid_from

-- accepted
p.valid_from - 30

-- refused: SQL: Error during planning: Cannot coerce arithmetic expression Date32 + Decimal128(2, 1)
p.valid_from + 1.5

-- refused: SQL: Error during planning: Cannot coerce arithmetic expression Date32 + Utf8 to valid typ
p.valid_from + '30'

-- accepted
p.valid_from + $wait_days

-- refused: p.valid_from + p.floor_sek * 86400 may leave the calendar
p.valid_from + p.floor_sek

-- accepted
p.valid_from + CAST(least(greatest(p.floor_sek, 0), 90) AS INT)

-- refused: SQL: Error during planning: Cannot coerce arithmetic expression Date32 + Null to valid typ
p.valid_from + NULL

-- accepted
p.valid_from - p.valid_to

-- accepted
p.valid_to - p.valid_from > 60

-- accepted
p.valid_to - p.valid_from + 1

-- accepted
(p.valid_to - p.valid_from) * 2

-- accepted
p.valid_from - DATE '2024-01-01'

-- accepted
DATE '2024-03-01' - DATE '2024-02-01'

-- refused: SQL: Error during planning: Cannot coerce arithmetic expression Date32 - Utf8 to valid typ
p.valid_from - '2024-01-01'

-- refused: SQL: Error during planning: Cannot coerce arithmetic expression Date32 + Date32 to valid t
p.valid_from + p.valid_to

-- refused: SQL: Error during planning: Cannot get result type for temporal operation Date32 * Int64:
p.valid_from * 2

-- refused: a day plus or minus an INTERVAL
p.valid_from + INTERVAL '1 day'

-- refused: a day plus or minus an INTERVAL
p.valid_from - INTERVAL '1 month'

-- refused: a day plus or minus an INTERVAL
CAST(p.valid_from + INTERVAL '1 month' AS DATE)

-- accepted
CAST(p.valid_from AS TIMESTAMP) + INTERVAL '12 hours'

-- accepted
CAST(CAST(p.valid_from AS TIMESTAMP) + INTERVAL '1 month' AS DATE)

-- accepted
CAST(p.valid_from + 30 AS TIMESTAMP)

-- refused: an instant with a time zone
p.first_known_time AT TIME ZONE 'UTC'

-- refused: an instant with a time zone
p.first_known_time AT TIME ZONE 'Europe/Stockholm'

-- accepted
EXTRACT(YEAR FROM p.valid_from)

-- accepted
EXTRACT(month FROM p.valid_from)

-- refused: this field of a day
EXTRACT('month' FROM p.valid_from)

-- refused: EXTRACT with a comma
EXTRACT(MONTH, p.valid_from)

-- accepted
EXTRACT(DAY FROM p.first_known_time)

-- refused: this field of a day
EXTRACT(HOUR FROM p.first_known_time)

-- refused: this field of a day
EXTRACT(SECOND FROM p.first_known_time)

-- refused: this field of a day
EXTRACT(EPOCH FROM p.first_known_time)

-- accepted
EXTRACT(DOW FROM p.valid_from)

-- accepted
EXTRACT(ISODOW FROM p.valid_from)

-- accepted
EXTRACT(WEEK FROM p.valid_from)

-- refused: this field of a day
EXTRACT(ISOYEAR FROM p.valid_from)

-- accepted
EXTRACT(QUARTER FROM p.valid_from)

-- accepted
EXTRACT(DOY FROM p.valid_from)

-- refused: this field of a day
EXTRACT(CENTURY FROM p.valid_from)

-- refused: SQL: Error during planning: Internal error: Function 'date_part' failed to match any signa
EXTRACT(YEAR FROM p.valid_from - p.valid_to)

-- accepted
EXTRACT(DAY FROM INTERVAL '1 day')

-- accepted
date_part('year', p.valid_from)

-- accepted
date_part('YEAR', p.valid_from)

-- refused: this field of a day
date_part('years', p.valid_from)

-- refused: this field of a day
date_part('y', p.valid_from)

-- accepted
date_part('month', p.valid_from)

-- refused: this field of a day
date_part('hour', p.first_known_time)

-- refused: this field of a day
date_part('minute', p.first_known_time)

-- refused: this field of a day
date_part('epoch', p.first_known_time)

-- accepted
date_part('week', DATE '2024-12-31')

-- refused: SQL: Execution error: date_part requires non-empty constant string
date_part(p.permit_class, p.valid_from)

-- refused: date_part('year', day) takes a text and a day or an instant, and is given two texts
date_part('year', '2024-02-29')

-- accepted
datepart('year', p.valid_from)

-- refused: SQL: Error during planning: Invalid function 'year'
year(p.valid_from)

-- refused: SQL: Error during planning: Invalid function 'month'
month(p.valid_from)

-- refused: SQL: Error during planning: Invalid function 'day'
day(p.valid_from)

-- accepted
date_trunc('month', p.first_known_time)

-- accepted
date_trunc('MONTH', p.first_known_time)

-- accepted
date_trunc('month', p.valid_from)

-- accepted
date_trunc('week', p.first_known_time)

-- accepted
date_trunc('quarter', p.first_known_time)

-- accepted
date_trunc('day', p.first_known_time)

-- accepted
date_trunc('hour', p.first_known_time)

-- refused: this unit
date_trunc('decade', p.first_known_time)

-- refused: this unit
date_trunc('millisecond', p.first_known_time)

-- refused: this unit
date_trunc('months', p.first_known_time)

-- refused: this unit
date_trunc(p.permit_class, p.first_known_time)

-- accepted
CAST(date_trunc('month', p.valid_from) AS DATE)

-- refused: SQL: Error during planning: Invalid function 'date_bin'
date_bin(INTERVAL '1 day', p.first_known_time)

-- refused: SQL: Error during planning: Invalid function 'date_add'
date_add(p.valid_from, INTERVAL '1 day')

-- refused: SQL: Error during planning: Invalid function 'date_diff'
date_diff('day', p.valid_from, p.valid_to)

-- refused: SQL: Error during planning: Invalid function 'datediff'
datediff('day', p.valid_from, p.valid_to)

-- refused: SQL: Error during planning: Invalid function 'age'
age(p.valid_from, p.valid_to)

-- refused: SQL: Error during planning: Invalid function 'last_day'
last_day(p.valid_from)

-- refused: SQL: Error during planning: Invalid function 'make_date'
make_date(2024, 2, 29)

-- refused: SQL: Error during planning: Invalid function 'to_date'
to_date('2024-02-29')

-- refused: SQL: Error during planning: Invalid function 'to_timestamp'
to_timestamp('2024-02-29')

-- refused: SQL: Error during planning: Invalid function 'to_char'
to_char(p.valid_from, 'YYYY')

-- refused: SQL: Error during planning: Invalid function 'strftime'
strftime(p.valid_from, '%Y')

-- refused: SQL: Error during planning: Invalid function 'from_unixtime'
from_unixtime(0)

-- refused: SQL: Error during planning: Invalid function 'now'
now()

-- refused: SQL: Schema error: No field named current_date
current_date

-- refused: SQL: Schema error: No field named current_date
CURRENT_DATE

-- refused: SQL: Error during planning: Invalid function 'current_date'
current_date()

-- refused: SQL: Schema error: No field named current_timestamp
CURRENT_TIMESTAMP

-- refused: SQL: Schema error: No field named current_time
CURRENT_TIME

-- refused: SQL: Schema error: No field named localtimestamp
LOCALTIMESTAMP

-- refused: SQL: Error during planning: Invalid function 'today'
today()

-- refused: SQL: Schema error: No field named current_user
current_user

-- refused: SQL: Schema error: No field named current_user
CURRENT_USER

-- refused: SQL: Schema error: No field named session_user
session_user

-- refused: SQL: Error during planning: Invalid function 'version'
version()

-- accepted
add_months(p.valid_from, 1)

-- accepted
add_months(p.valid_from, -1)

-- accepted
add_months(p.valid_from, 12)

-- accepted, null
add_months(p.valid_from, NULL)

-- accepted
add_months(p.valid_from, $wait_days)

-- refused: add_months(p.valid_from, p.floor_sek) may leave the calendar
add_months(p.valid_from, p.floor_sek)

-- accepted
add_months(p.valid_from, least(greatest(p.floor_sek, -24), 24))

-- refused: add_months(day, n) takes a day and a whole number, and is given an instant and a whole number
add_months(p.first_known_time, 1)

-- accepted
add_months(DATE '2024-01-31', 1)

-- accepted, null
add_months(NULL, 1)

-- refused: add_months(day, n) takes a day and a whole number, and is given a text and a whole number
add_months('2024-01-31', 1)

-- refused: add_months(day, n) takes a day and a whole number, and is given a day and a number with decimals
add_months(p.valid_from, 1.5)

-- refused: DISTINCT, ORDER BY, FILTER or OVER of a function of one row
add_months(DISTINCT p.valid_from, 1)

-- accepted
month_of(p.valid_from)

-- refused: month_of(day) takes a day, and is given an instant
month_of(p.first_known_time)

-- accepted, null
month_of(NULL)

-- accepted
agi_complete(p.valid_from)

-- accepted
agi_complete(month_of(p.valid_from))

-- accepted, null
agi_complete(NULL)

-- accepted
severity(1)

-- accepted
severity(p.floor_sek)

-- accepted, null
severity(NULL)

-- accepted
severity(-1)

-- accepted
severity_rank('weak')

-- accepted, null
severity_rank(p.permit_class)

-- accepted
severity_rank(severity(2))

-- accepted
severity(severity_rank('weak') + 1)

-- accepted
is_state('SWE')

-- accepted
is_state(p.permit_class)

-- accepted, null
is_state(NULL)

-- accepted
same_state('YUG', 'SRB')

-- accepted, null
same_state('SWE', NULL)

-- accepted
has_citizenship(p.citizenships_at_grant, 'SRB')

-- accepted, null
has_citizenship(p.citizenships_at_grant, NULL)

-- accepted, null
has_citizenship(NULL, 'SRB')

-- accepted
citizenship_change(p.citizenships_at_grant, p.citizenships_at_grant)

-- accepted
beta_tail_bp(3, 10, 1, 9, 500)

-- accepted
beta_tail_bp(p.floor_sek, 300, 1, 9, 500)

-- accepted, null
beta_tail_bp(11, 10, 1, 9, 500)

-- accepted
name_agreement(p.permit_class, 'work')

-- accepted
name_agreement('Åsa Öberg', 'asa oberg')

-- accepted, null
name_agreement(p.permit_class, NULL)

-- accepted
records(p.record)

-- accepted
records(p.record, p.record)

-- accepted, null
records(NULL)

-- accepted
records(p.record, NULL)

-- refused: records(record, ...) takes a column `record`, and perhaps more columns `record`, and is given nothing
records()

-- accepted
records('a')

-- accepted
records(coalesce(p.record, p.record))

-- accepted
p.record

-- accepted
lower(p.permit_class)

-- accepted
upper(p.permit_class)

-- accepted
upper('å')

-- refused: the case of a letter in 'ß'
upper('ß')

-- refused: the case of a letter in 'İ'
lower('İ')

-- accepted, null
lower(NULL)

-- refused: lower(text) takes a text, and is given a whole number
lower(p.floor_sek)

-- refused: DISTINCT, ORDER BY, FILTER or OVER of a function of one row
lower(DISTINCT p.permit_class)

-- accepted
lower(ALL p.permit_class)

-- refused: DISTINCT, ORDER BY, FILTER or OVER of a function of one row
lower(p.permit_class ORDER BY p.permit_class)

-- refused: DISTINCT, ORDER BY, FILTER or OVER of a function of one row
lower(p.permit_class) FILTER (WHERE p.inhibited)

-- refused: WITHIN GROUP
lower(p.permit_class) WITHIN GROUP (ORDER BY p.permit_class)

-- refused: IGNORE or RESPECT NULLS of a function without OVER
lower(p.permit_class) RESPECT NULLS

-- refused: SQL: Error during planning: Function 'lower' does not support named arguments
lower(s => p.permit_class)

-- refused: SQL: Error during planning: Function 'lower' does not support named arguments
lower(string := p.permit_class)

-- refused: lower(text) takes a text, and is given two texts
lower(p.permit_class, p.permit_class)

-- refused: lower(text) takes a text, and is given nothing
lower()

-- refused: a star in a function other than count(*)
lower(*)

-- refused: a star in a function other than count(*)
lower(p.*)

-- accepted
LOWER(p.permit_class)

-- accepted
"lower"(p.permit_class)

-- refused: a call or constant in braces
{fn lower(p.permit_class)}

-- refused: SQL: Error during planning: Invalid function 'pg_catalog.lower'
pg_catalog.lower(p.permit_class)

-- refused: SQL: SQL error: ParserError("Expected: ), found: p
lower(SELECT p.permit_class)

-- refused: a subquery outside WHERE
lower((SELECT 'A'))

-- refused: lower(text) takes a text, and is given nothing
p.permit_class.lower()

-- refused: SQL: Error during planning: Invalid function 'lcase'
lcase(p.permit_class)

-- refused: SQL: Error during planning: Invalid function 'initcap'
initcap(p.permit_class)

-- accepted
trim(p.permit_class)

-- accepted
trim(' a ')

-- refused: SQL: SQL error: ParserError("Expected: ), found: ' a '
trim(BOTH FROM ' a ')

-- refused: SQL: SQL error: ParserError("Expected: ), found: ' a '
trim(LEADING FROM ' a ')

-- accepted
trim(TRAILING ' ' FROM ' a ')

-- accepted
trim(BOTH 'W' FROM p.permit_class)

-- accepted
trim('W' FROM p.permit_class)

-- accepted
trim(LEADING 'WO' FROM p.permit_class)

-- accepted
trim(p.permit_class, 'WP')

-- accepted
trim(BOTH p.end_kind FROM p.permit_class)

-- accepted
trim(BOTH '' FROM p.permit_class)

-- accepted, null
trim(BOTH NULL FROM p.permit_class)

-- accepted
btrim(p.permit_class)

-- accepted
btrim(p.permit_class, 'WP')

-- accepted
ltrim(p.permit_class, 'W')

-- accepted
rtrim(p.permit_class, 'P')

-- refused: SQL: Error during planning: Invalid function 'chr'
rtrim(concat(p.permit_class, chr(9)))

-- accepted
trim('	a	')

-- accepted
ltrim(' a')

-- accepted
length(p.permit_class)

-- accepted
char_length(p.permit_class)

-- accepted
character_length(p.permit_class)

-- accepted
length('å😀')

-- refused: SQL: Error during planning: Invalid function 'octet_length'
octet_length(p.permit_class)

-- refused: SQL: Error during planning: Invalid function 'bit_length'
bit_length(p.permit_class)

-- refused: character_length(text) takes a text, and is given a whole number
length(p.floor_sek)

-- accepted, null
length(NULL)

-- refused: SQL: Error during planning: Invalid function 'len'
len(p.permit_class)

-- accepted
substr(p.permit_class, 2)

-- accepted
substr(p.permit_class, 2, 3)

-- accepted
substr(p.permit_class, 0)

-- accepted
substr(p.permit_class, 0, 2)

-- refused: substr that may count from the end, or take fewer than none
substr(p.permit_class, -2)

-- accepted
substr(p.permit_class, 2, 0)

-- refused: substr that may count from the end, or take fewer than none
substr(p.permit_class, 2, -1)

-- accepted
substr(p.permit_class, 99)

-- refused: substr that may count from the end, or take fewer than none
substr(p.permit_class, NULL)

-- refused: substr that may count from the end, or take fewer than none
substr(p.permit_class, 1, NULL)

-- refused: substr(p.permit_class, Int64(1), Int64(9999999999)) may leave the letters that a text can
substr(p.permit_class, 1, 9999999999)

-- accepted
substring(p.permit_class, 2)

-- accepted
substring(p.permit_class, 2, 3)

-- accepted
substring(p.permit_class FROM 2)

-- accepted
substring(p.permit_class FROM 2 FOR 3)

-- accepted
substring(p.permit_class FOR 3)

-- refused: SQL: Error during planning: Internal error: Function 'substr' failed to match any signatur
substring(p.permit_class FROM 'W.')

-- refused: SQL: SQL error: ParserError("Expected: IN or BETWEEN after NOT, found: SIMILAR
substring(p.permit_class SIMILAR 'W#"%#"' ESCAPE '#')

-- refused: SUBSTR with FROM
SUBSTR(p.permit_class FROM 2 FOR 3)

-- refused: SQL: Error during planning: Invalid function 'mid'
mid(p.permit_class, 2, 3)

-- refused: SQL: Error during planning: Invalid function 'left'
left(p.permit_class, 2)

-- refused: SQL: Error during planning: Invalid function 'right'
right(p.permit_class, 2)

-- accepted
overlay(p.permit_class PLACING 'x' FROM 2 FOR 1)

-- accepted
position('O' IN p.permit_class)

-- accepted
position(p.end_kind IN p.permit_class)

-- refused: strpos and array_length by another name
position('O', p.permit_class)

-- accepted
strpos(p.permit_class, 'O')

-- accepted
strpos(p.permit_class, '')

-- accepted, null
strpos(p.permit_class, NULL)

-- accepted
instr(p.permit_class, 'O')

-- accepted
starts_with(p.permit_class, 'W')

-- accepted
starts_with(p.permit_class, '')

-- accepted, null
starts_with(p.permit_class, NULL)

-- refused: SQL: Error during planning: Invalid function 'ends_with'
ends_with(p.permit_class, 'P')

-- refused: SQL: Error during planning: Invalid function 'contains'
contains(p.permit_class, 'O')

-- refused: SQL: Error during planning: Invalid function 'prefix'
prefix(p.permit_class, 'W')

-- refused: SQL: This feature is not implemented: Unsupported binary operator: PGStartsWith
p.permit_class ^@ 'W'

-- accepted
replace(p.permit_class, '_', ' ')

-- accepted
replace(p.permit_class, '', 'x')

-- accepted
replace(p.permit_class, 'W', '')

-- accepted, null
replace(p.permit_class, NULL, 'x')

-- refused: SQL: Error during planning: Invalid function 'translate'
translate(p.permit_class, 'W', 'w')

-- refused: SQL: Error during planning: Invalid function 'reverse'
reverse(p.permit_class)

-- refused: SQL: Error during planning: Invalid function 'repeat'
repeat(p.permit_class, 2)

-- refused: SQL: Error during planning: Invalid function 'lpad'
lpad(p.permit_class, 10, ' ')

-- refused: SQL: Error during planning: Invalid function 'split_part'
split_part(p.permit_class, '_', 1)

-- refused: SQL: Error during planning: Invalid function 'string_to_array'
string_to_array(p.permit_class, '_')

-- refused: SQL: Error during planning: Invalid function 'regexp_replace'
regexp_replace(p.permit_class, 'W', 'w')

-- refused: SQL: Error during planning: Invalid function 'regexp_like'
regexp_like(p.permit_class, 'W')

-- refused: SQL: Error during planning: Invalid function 'md5'
md5(p.permit_class)

-- refused: SQL: Error during planning: Invalid function 'sha256'
sha256(p.permit_class)

-- refused: SQL: Error during planning: Invalid function 'chr'
chr(65)

-- refused: SQL: Error during planning: Invalid function 'ascii'
ascii(p.permit_class)

-- refused: SQL: Error during planning: Invalid function 'hex'
hex(p.floor_sek)

-- refused: SQL: Error during planning: Invalid function 'uuid'
uuid()

-- accepted
concat(p.permit_class, '-', p.end_kind)

-- accepted
concat(p.permit_class)

-- refused: concat(a, b, ...) takes a value, and perhaps more values, and is given nothing
concat()

-- accepted
concat(p.permit_class, NULL)

-- accepted
concat(NULL, NULL)

-- accepted
concat(p.permit_class, 1)

-- refused: a text made of an instant, a fraction or a list
concat(p.permit_class, 1.50)

-- accepted
concat(p.permit_class, p.valid_from)

-- accepted
concat(p.permit_class, p.inhibited)

-- refused: a text made of an instant, a fraction or a list
concat(p.permit_class, p.first_known_time)

-- refused: a text made of an instant, a fraction or a list
concat(p.citizenships_at_grant, p.citizenships_at_grant)

-- accepted
concat_ws('-', p.permit_class, p.end_kind)

-- accepted
concat_ws('-', p.permit_class, NULL)

-- accepted, null
concat_ws(NULL, p.permit_class, p.end_kind)

-- refused: concat_ws(between, a, b, ...) takes a text and a value, and perhaps more values, and is given a text
concat_ws('-')

-- accepted
concat_ws('-', NULL, NULL)

-- accepted
concat_ws('', p.permit_class, 'x')

-- accepted
concat_ws(p.end_kind, p.permit_class, 'x')

-- accepted
concat_ws('-', p.floor_sek, p.valid_from)

-- accepted
p.permit_class || '-'

-- accepted, null
p.permit_class || NULL

-- accepted
p.permit_class || p.end_kind || 'x'

-- accepted
p.permit_class || 1

-- accepted
1 || p.permit_class

-- refused: SQL: Error during planning: Cannot coerce arithmetic expression Utf8 + Int64 to valid type
p.permit_class || p.floor_sek + 1

-- refused: SQL: Error during planning: Cannot coerce arithmetic expression Utf8 * Int64 to valid type
p.permit_class || p.floor_sek * 2

-- refused: SQL: Error during planning: Cannot coerce arithmetic expression Int64 + Utf8 to valid type
p.floor_sek + 1 || p.permit_class

-- accepted
p.floor_sek * 2 || 'x'

-- accepted
p.permit_class || -1

-- accepted
'a' || 'b' = 'ab'

-- accepted
'a' || p.floor_sek = 'a90'

-- accepted
p.permit_class || p.valid_from

-- accepted
p.permit_class || p.inhibited

-- refused: SQL: Error during planning: Cannot infer common string type for string concat operation In
1 || 2

-- refused: SQL: Error during planning: Cannot coerce arithmetic expression Utf8 + Utf8 to valid types
'a' + 'b'

-- accepted
'a'

-- accepted
'a''b'

-- accepted
''

-- refused: a text written otherwise than
N'a'

-- refused: a text written otherwise than
U&'\0061'

-- refused: a text written otherwise than
E'a\n'

-- refused: a text written otherwise than
e'\''

-- refused: a text written otherwise than
B'101'

-- refused: a text written otherwise than
X'41'

-- refused: a text written otherwise than
R'a\n'

-- refused: a text written otherwise than
r'a'

-- refused: SQL: Schema error: No field named a
"a"

-- refused: rule drawn.sql: parameter $ is used but not declared
$$a$$

-- refused: rule drawn.sql: parameter $tag is used but not declared
$tag$a$tag$

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found: AS
'a' 'b'

-- accepted
'a
b'

-- refused: SQL: Schema error: No field named a
`a`

-- refused: SQL: Schema error: No field named a
[a]

-- accepted
'\'

-- accepted
'a\'

-- refused: a text written otherwise than
q'[a]'

-- refused: SQL: This feature is not implemented: Unsupported ast node in sqltorel: Prefixed
_utf8'a'

-- accepted
p."permit_class"

-- accepted
"p".permit_class

-- accepted
"p"."permit_class"

-- refused: a name in quotes that has other than small letters, digits, _ and blanks
p."PERMIT_CLASS"

-- accepted
P.permit_class

-- accepted
p.Permit_Class

-- accepted
permit_class

-- refused: SQL: Schema error: No field named permits.permit_class
permits.permit_class

-- refused: SQL: Schema error: No field named x.permit_class
x.permit_class

-- refused: SQL: Schema error: No field named p.nothing
p.nothing

-- refused: SQL: Error during planning: array_element does not support type Utf8
p.permit_class[1]

-- refused: SQL: Error during planning: Failed to coerce arguments to satisfy a call to 'array_slice'
p.permit_class[1:2]

-- accepted
[1, 2]

-- accepted
ARRAY[1, 2]

-- accepted
array[1, 2]

-- refused: SQL: Error during planning: Invalid function 'make_array'
make_array(1, 2)

-- accepted
[1, 2][1]

-- accepted
(ARRAY[1, 2])[1]

-- accepted
[]

-- accepted
p.citizenships_at_grant

-- accepted
p.citizenships_at_grant[1]

-- accepted, null
p.citizenships_at_grant[0]

-- accepted
p.citizenships_at_grant[-1]

-- accepted
p.citizenships_at_grant[1:1]

-- refused: SQL: This feature is not implemented: Slice subscript requires a lower bound
p.citizenships_at_grant[:]

-- accepted
p.citizenships_at_grant[1:2:1]

-- refused: SQL: This feature is not implemented: Dot access not supported for non-string expr: Identi
p.citizenships_at_grant[1].x

-- accepted
array_element(p.citizenships_at_grant, 1)

-- accepted, null
array_element(p.citizenships_at_grant, 0)

-- accepted
array_element(p.citizenships_at_grant, -1)

-- accepted, null
array_element(p.citizenships_at_grant, 9)

-- accepted, null
array_element(p.citizenships_at_grant, NULL)

-- refused: array_element(p.citizenships_at_grant, p.floor_sek) may leave the places that a list can h
array_element(p.citizenships_at_grant, p.floor_sek)

-- accepted
array_extract(p.citizenships_at_grant, 1)

-- accepted
list_element(p.citizenships_at_grant, 1)

-- accepted
array_length(p.citizenships_at_grant)

-- refused: array_length of a dimension
array_length(p.citizenships_at_grant, 1)

-- refused: array_length of a dimension
array_length(p.citizenships_at_grant, 2)

-- accepted
cardinality(p.citizenships_at_grant)

-- refused: strpos and array_length by another name
list_length(p.citizenships_at_grant)

-- accepted
array_has(p.citizenships_at_grant, 'SWE')

-- accepted, null
array_has(p.citizenships_at_grant, NULL)

-- accepted
array_has(p.citizenships_at_grant, p.permit_class)

-- accepted
array_has([1, 2], p.floor_sek)

-- accepted
array_contains(p.citizenships_at_grant, 'SWE')

-- accepted
list_has(p.citizenships_at_grant, 'SWE')

-- refused: a null in array_has_any and array_has_all
array_has_any(p.citizenships_at_grant, ['SWE'])

-- refused: a null in array_has_any and array_has_all
array_has_all(p.citizenships_at_grant, p.citizenships_at_grant)

-- refused: a null in array_has_any and array_has_all
p.citizenships_at_grant @> ['SWE']

-- refused: SQL: This feature is not implemented: Unsupported binary operator: PGOverlap
p.citizenships_at_grant && p.citizenships_at_grant

-- accepted
p.citizenships_at_grant || p.citizenships_at_grant

-- refused: SQL: Error during planning: Invalid function 'array_sort'
array_sort(p.citizenships_at_grant)

-- refused: SQL: Error during planning: Invalid function 'array_distinct'
array_distinct(p.citizenships_at_grant)

-- refused: SQL: Error during planning: Invalid function 'array_to_string'
array_to_string(p.citizenships_at_grant, ',')

-- refused: SQL: Error during planning: Invalid function 'flatten'
flatten([[1]])

-- refused: SQL: Error during planning: Invalid function 'list_transform'
list_transform(p.citizenships_at_grant, x -> lower(x))

-- refused: SQL: SQL error: ParserError("Expected: ), found: x
list_filter(p.citizenships_at_grant, lambda x: x = 'SWE')

-- refused: SQL: SQL error: ParserError("Expected: ], found: FOR
[x FOR x IN p.citizenships_at_grant]

-- refused: a struct
{'a': 1}

-- refused: a struct
{a: 1}

-- refused: SQL: This feature is not implemented: Dot access not supported for non-string expr: Identi
{'a': 1}.a

-- refused: a struct
struct(1, 2)

-- refused: a struct
STRUCT(1 AS a)

-- refused: SQL: This feature is not implemented: Struct fields are not supported yet
STRUCT<a INT>(1)

-- refused: a struct
named_struct('a', 1)

-- refused: SQL: Error during planning: Invalid function 'row'
row(1, 2)

-- refused: a struct
(1, 2)

-- refused: a struct
(p.floor_sek, p.offered_sek)

-- accepted
(p.floor_sek)

-- accepted
((p.floor_sek))

-- refused: SQL: Error during planning: Invalid function 'map'
map([1], [2])

-- refused: a map
MAP {'a': 1}

-- refused: a map
map {'a': 1}['a']

-- refused: a map
make_map('a', 1)

-- refused: SQL: This feature is not implemented: Operator -> is not yet supported
p.permit_class -> 'a'

-- refused: SQL: This feature is not implemented: Operator ->> is not yet supported
p.permit_class ->> 'a'

-- refused: the part of a text behind a colon
p.permit_class:a

-- refused: SQL: This feature is not implemented: Unsupported SQL type JSON
p.permit_class::JSON

-- refused: SQL: Error during planning: Invalid function 'arrow_cast'
arrow_cast(p.floor_sek, 'Int32')

-- refused: SQL: Error during planning: Invalid function 'arrow_typeof'
arrow_typeof(p.floor_sek)

-- refused: SQL: Error during planning: Invalid function 'typeof'
typeof(p.floor_sek)

-- refused: SQL: Error during planning: Invalid function 'pg_typeof'
pg_typeof(p.floor_sek)

-- refused: SQL: Error during planning: Invalid function 'error'
error('x')

-- refused: SQL: Error during planning: Invalid function 'getvariable'
getvariable('x')

-- refused: SQL: This feature is not implemented: Unsupported ast node in sqltorel: MemberOf(MemberOf
p.floor_sek MEMBER OF (p.citizenships_at_grant)

-- refused: SQL: This feature is not implemented: Unsupported ast node in sqltorel: MatchAgainst
MATCH (permit_class) AGAINST ('a')

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found:
PRIOR p.permit_class

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found: (
p.permit_class (+)

-- accepted
p.permit_id

-- accepted
p.person_id

-- accepted
p.anchor_person_id

-- accepted
concat(p.permit_id, '')

-- refused: an identifier can be handed on or compared with another only, as a whole: lower(p.permit_i
lower(p.permit_id)

-- accepted
coalesce(p.permit_id, '-')

-- accepted
p.institution_id

-- accepted
p.version

-- accepted
p.op

-- accepted
p.source

-- accepted
p.event_time

-- accepted
p.registered_at

-- accepted
p.known_time

-- accepted
p.floor_sek AS e1, p.offered_sek

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found:
DISTINCT p.floor_sek

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found:
ALL p.floor_sek

-- refused: SQL: SQL error: ParserError("Expected: [NOT] NULL | TRUE | FALSE | DISTINCT | [form] NORMA
p.floor_sek IS JSON

-- refused: SQL: This feature is not implemented: Unsupported ast node in sqltorel: Collate
p.floor_sek COLLATE "C"

-- refused: SQL: Error during planning: Invalid function 'grouping'
GROUPING(p.floor_sek)

-- refused: unnest
unnest(p.citizenships_at_grant)

-- refused: SQL: Error during planning: Invalid function 'generate_series'
generate_series(1, 2)

-- refused: SQL: Error during planning: Invalid function 'range'
range(1, 2)

-- refused: SQL: Error during planning: Invalid function 'read_csv'
read_csv('x')

-- refused: SQL: Error during planning: Invalid function 'nextval'
nextval('s')

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found: VALUES
VALUES(p.floor_sek)

-- refused: INTERVALs compared or computed with
INTERVAL '1 day' > INTERVAL '1 hour'

-- accepted
$wait_days

-- accepted
$wait_days + $least_pct

-- accepted
$wait_days::INT

-- refused: rule drawn.sql: parameter $Wait_Days is used but not declared
$Wait_Days

-- accepted
p.floor_sek > $wait_days

-- accepted
p.floor_sek * $least_pct < p.offered_sek * 100
