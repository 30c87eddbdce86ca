-- around: SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, {} AS e0 FROM permits p

-- accepted
p.floor_sek = p.offered_sek

-- accepted
p.floor_sek == p.offered_sek

-- accepted
p.floor_sek <> p.offered_sek

-- accepted
p.floor_sek != p.offered_sek

-- refused: <=>
p.floor_sek <=> p.offered_sek

-- accepted
p.floor_sek < p.offered_sek

-- refused: SQL: SQL error: ParserError("No infix parser for token ExclamationMark
p.floor_sek !< p.offered_sek

-- accepted, null
p.floor_sek = NULL

-- accepted, null
p.floor_sek <> NULL

-- accepted, null
NULL = NULL

-- accepted
p.floor_sek IS NULL

-- accepted
p.floor_sek IS NOT NULL

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found: AS
p.floor_sek ISNULL

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found: AS
p.floor_sek NOTNULL

-- accepted
p.floor_sek NOT NULL

-- accepted
NOT p.floor_sek IS NULL

-- accepted
p.inhibited IS TRUE

-- accepted
p.inhibited IS NOT TRUE

-- accepted
p.inhibited IS FALSE

-- accepted
p.inhibited IS NOT FALSE

-- accepted
p.inhibited IS UNKNOWN

-- accepted
p.inhibited IS NOT UNKNOWN

-- refused: SQL: type_coercion caused by Error during planning: Cannot infer common argument type for
p.floor_sek IS TRUE

-- accepted
p.inhibited = true

-- accepted
p.inhibited <> p.first_grant

-- accepted
p.inhibited < p.first_grant

-- accepted
p.inhibited AND p.first_grant

-- accepted
p.inhibited OR p.first_grant

-- refused: SQL: Error during planning: Cannot infer common type for bitwise operation Boolean BIT_XOR
p.inhibited XOR p.first_grant

-- accepted
NOT p.inhibited

-- refused: SQL: SQL error: ParserError("Expected: an expression, found: !
!p.inhibited

-- accepted
NOT NOT p.inhibited

-- accepted
NOT p.inhibited AND p.first_grant

-- accepted
p.inhibited AND p.first_grant OR p.floor_sek > 1

-- accepted
p.inhibited OR p.first_grant AND p.floor_sek > 1

-- accepted
p.inhibited AND NULL

-- accepted
p.inhibited OR NULL

-- refused: SQL: Error during planning: Cannot coerce arithmetic expression Boolean + Int64 to valid t
p.inhibited + 1

-- accepted
NOT p.floor_sek = 1

-- accepted
NOT p.floor_sek > 1 AND p.inhibited

-- accepted
NOT p.floor_sek BETWEEN 1 AND 100

-- accepted
NOT p.floor_sek IN (1, 90)

-- refused: SQL: Error during planning: Unary operator 'NOT' requires a boolean expression, got Int64
NOT p.floor_sek

-- accepted
p.floor_sek IS DISTINCT FROM p.offered_sek

-- accepted
p.floor_sek IS NOT DISTINCT FROM p.offered_sek

-- accepted
p.floor_sek IS DISTINCT FROM NULL

-- refused: IS [NOT] DISTINCT FROM beside AND or OR without parentheses
p.floor_sek IS DISTINCT FROM p.offered_sek AND p.inhibited

-- refused: a comparison compared without parentheses
p.floor_sek IS DISTINCT FROM p.offered_sek = p.inhibited

-- refused: SQL: Error during planning: Cannot infer common argument type for comparison operation Int
p.floor_sek IS DISTINCT FROM p.offered_sek IS NULL

-- accepted
p.floor_sek IS DISTINCT FROM p.offered_sek + 1

-- refused: a comparison compared without parentheses
p.inhibited IS DISTINCT FROM NOT p.first_grant

-- accepted
p.inhibited IS DISTINCT FROM p.floor_sek IN (1, 90)

-- accepted
p.inhibited IS DISTINCT FROM p.floor_sek BETWEEN 1 AND 90

-- accepted
p.inhibited IS NOT DISTINCT FROM p.permit_class LIKE 'W%'

-- accepted
NOT p.floor_sek IS DISTINCT FROM p.offered_sek

-- accepted
(p.floor_sek IS DISTINCT FROM p.offered_sek) OR p.inhibited

-- accepted
p.floor_sek BETWEEN 1 AND 100

-- accepted
p.floor_sek NOT BETWEEN 1 AND 100

-- accepted
p.floor_sek BETWEEN 100 AND 1

-- refused: SQL: SQL error: ParserError("Expected: AND, found: 100
p.floor_sek BETWEEN SYMMETRIC 100 AND 1

-- refused: SQL: SQL error: ParserError("Expected: AND, found: 1
p.floor_sek BETWEEN ASYMMETRIC 1 AND 100

-- accepted
p.floor_sek BETWEEN NULL AND 100

-- accepted
p.floor_sek BETWEEN 1 AND 100 AND p.inhibited

-- accepted
p.floor_sek BETWEEN 1 AND 100 = p.inhibited

-- refused: SQL: type_coercion caused by Error during planning: Cannot infer common argument type for
p.inhibited = p.floor_sek BETWEEN 1 AND 100

-- accepted
p.floor_sek BETWEEN 1 AND 50 + 50

-- accepted
p.floor_sek + 1 BETWEEN 1 AND 100

-- accepted
p.floor_sek BETWEEN 1 AND 100 OR p.inhibited

-- accepted
p.floor_sek BETWEEN 1 AND 100 IS NULL

-- refused: SQL: type_coercion caused by Internal error: Failed to coerce types Boolean and Int64 in B
p.floor_sek BETWEEN 1 AND p.offered_sek BETWEEN 2 AND 3

-- accepted
p.floor_sek BETWEEN 1.5 AND 90.5

-- accepted
p.valid_from BETWEEN DATE '2024-01-01' AND DATE '2024-12-31'

-- accepted
p.valid_from BETWEEN '2024-01-01' AND '2024-12-31'

-- refused: a date compared with a whole number
p.valid_from BETWEEN 1 AND 2

-- accepted
p.first_known_time BETWEEN DATE '2024-01-01' AND DATE '2024-12-31'

-- accepted
p.permit_class BETWEEN 'B' AND 'W'

-- accepted
p.floor_sek IN (1, 90)

-- accepted
p.floor_sek NOT IN (1, 90)

-- accepted, null
p.floor_sek IN (1, NULL)

-- accepted, null
p.floor_sek NOT IN (1, NULL)

-- accepted, null
p.floor_sek IN (NULL)

-- accepted, null
NULL IN (1, 2)

-- refused: SQL: SQL error: ParserError("Expected: an expression, found: )
p.floor_sek IN ()

-- accepted
p.floor_sek IN (1)

-- refused: SQL: SQL error: ParserError("Expected: an expression, found: )
p.floor_sek IN (1, 90,)

-- refused: SQL: SQL error: ParserError("Expected: (, found: 1
p.floor_sek IN 1

-- accepted
p.floor_sek IN (1.5, 90)

-- refused: a text beside a value of another type
p.floor_sek IN ('1', '90')

-- accepted
p.floor_sek IN (p.offered_sek, p.threshold_sek, 1)

-- accepted
p.floor_sek IN (1, 90) = p.inhibited

-- refused: SQL: type_coercion caused by Error during planning: Cannot infer common argument type for
p.inhibited = p.floor_sek IN (1, 90)

-- accepted
p.floor_sek IN (1, 90) AND p.inhibited

-- accepted
p.floor_sek + 1 IN (1, 91)

-- accepted
p.floor_sek IN (1, 90) IN (true)

-- accepted
p.valid_from IN (DATE '2024-02-29', p.valid_to)

-- accepted
p.valid_from IN ('2024-02-29')

-- accepted
p.permit_class IN ('WORK_EMP', 'STUDY_HE')

-- accepted
p.permit_class IN (NULL, 'STUDY_HE')

-- accepted
p.inhibited IN (true, NULL)

-- accepted
(p.floor_sek) IN (1, 90)

-- accepted
1 IN (p.floor_sek, p.offered_sek)

-- refused: a comparison compared without parentheses
p.floor_sek > 1 = p.inhibited

-- refused: a comparison compared without parentheses
p.floor_sek > 1 > p.inhibited

-- refused: a comparison compared without parentheses
p.floor_sek = p.offered_sek = p.inhibited

-- refused: a comparison compared without parentheses
p.inhibited = p.floor_sek > 1

-- refused: a comparison compared without parentheses
p.inhibited = p.first_grant = true

-- refused: a comparison compared without parentheses
1 < p.floor_sek < 100

-- refused: a comparison compared without parentheses
p.floor_sek > 1 = (p.offered_sek < 3)

-- accepted
(p.floor_sek > 1) = (p.offered_sek < 3)

-- accepted
(p.floor_sek > 1) = p.inhibited

-- accepted
p.floor_sek = p.offered_sek IS NULL

-- accepted
p.floor_sek > 1 IS TRUE

-- accepted
p.floor_sek > 1 IS NOT TRUE

-- accepted
p.floor_sek > 1 IS UNKNOWN

-- accepted
p.floor_sek IS NULL = p.inhibited

-- refused: SQL: type_coercion caused by Error during planning: Cannot infer common argument type for
p.inhibited = p.floor_sek IS NULL

-- accepted
p.floor_sek IS NULL AND p.inhibited

-- accepted
p.floor_sek IS NULL IS NULL

-- accepted
p.floor_sek IS NULL OR p.floor_sek > 1

-- accepted
p.inhibited = NOT p.first_grant

-- accepted
p.inhibited AND NOT p.first_grant

-- accepted
p.inhibited = true AND p.first_grant = false

-- refused: a comparison compared without parentheses
p.floor_sek > 1 AND p.offered_sek > 1 = p.inhibited

-- accepted
p.permit_class LIKE 'W%'

-- accepted
p.permit_class NOT LIKE 'W%'

-- accepted
p.permit_class LIKE 'W_RK%'

-- accepted
p.permit_class LIKE '%'

-- accepted
p.permit_class LIKE ''

-- refused: LIKE with a pattern that is not written out
p.permit_class LIKE NULL

-- refused: LIKE with \
p.permit_class LIKE 'W\_%'

-- refused: LIKE with ESCAPE
p.permit_class LIKE 'W!_%' ESCAPE '!'

-- refused: SQL: Error during planning: Invalid escape character in LIKE expression
p.permit_class LIKE 'W%' ESCAPE ''

-- accepted
p.permit_class LIKE 'w%'

-- refused: ILIKE
p.permit_class ILIKE 'w%'

-- refused: ~~
p.permit_class ~~ 'W%'

-- refused: ~~
p.permit_class ~~* 'w%'

-- refused: ~~
p.permit_class !~~ 'W%'

-- refused: SQL: This feature is not implemented: ANY in LIKE expression
p.permit_class LIKE ANY ('W%', 'S%')

-- refused: SQL: This feature is not implemented: ANY in LIKE expression
p.permit_class LIKE ANY (ARRAY['W%', 'S%'])

-- refused: SQL: Error during planning: Invalid function 'all'
p.permit_class LIKE ALL ('W%', '%P')

-- refused: LIKE with a pattern that is not written out
p.permit_class LIKE concat('W', '%')

-- refused: LIKE with a pattern that is not written out
p.permit_class LIKE 'W' || '%'

-- refused: LIKE with a pattern that is not written out
p.permit_class LIKE p.end_kind

-- refused: LIKE with a pattern that is not written out
p.permit_class LIKE 'W%' = p.inhibited

-- refused: a text beside a value of another type
p.inhibited = p.permit_class LIKE 'W%'

-- accepted
p.permit_class || 'x' LIKE 'W%x'

-- accepted
p.permit_class LIKE 'W%' AND p.inhibited

-- accepted
p.permit_class LIKE 'W%' IS NULL

-- accepted
NOT p.permit_class LIKE 'W%'

-- accepted
lower(p.permit_class) LIKE 'w%'

-- refused: SQL: type_coercion caused by Error during planning: There isn't a common type to coerce In
p.floor_sek LIKE '9%'

-- accepted
CAST(p.floor_sek AS VARCHAR) LIKE '9%'

-- refused: SIMILAR TO
p.permit_class SIMILAR TO 'W%'

-- refused: SIMILAR TO
p.permit_class SIMILAR TO '(W|S)%'

-- refused: SQL: This feature is not implemented: Unsupported ast node in sqltorel: RLike
p.permit_class RLIKE 'W.*'

-- refused: SQL: This feature is not implemented: Unsupported ast node in sqltorel: RLike
p.permit_class REGEXP 'W.*'

-- refused: a regular expression
p.permit_class ~ 'W.*'

-- refused: a regular expression
p.permit_class ~* 'w.*'

-- refused: a regular expression
p.permit_class !~ 'W.*'

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found: 'W*'
p.permit_class GLOB 'W*'

-- refused: SQL: This feature is not implemented: Unsupported ast node in sqltorel: IsNormalized
p.permit_class IS NORMALIZED

-- refused: SQL: This feature is not implemented: Unsupported ast node in sqltorel: IsNormalized
p.permit_class IS NFC NORMALIZED

-- refused: SQL: This feature is not implemented: Unsupported ast node in sqltorel: Collate
p.permit_class = 'work_emp' COLLATE NOCASE

-- refused: SQL: This feature is not implemented: Unsupported ast node in sqltorel: Collate
p.permit_class COLLATE "C" = 'WORK_EMP'

-- accepted
p.permit_class = 'WORK_EMP'

-- accepted
p.permit_class < 'M'

-- accepted
p.permit_class > ''

-- refused: "WORK_EMP " is no code of permits.permit_class: it would match nothing
p.permit_class = 'WORK_EMP '

-- refused: a text beside a value of another type
p.permit_class = 1

-- refused: a text beside a value of another type
p.floor_sek = '90'

-- refused: a text beside a value of another type
p.floor_sek = '90.0'

-- refused: a text beside a value of another type
p.floor_sek > '9'

-- refused: a text beside a value of another type
p.floor_sek = 'a'

-- accepted
p.floor_sek = 90.0

-- accepted
p.floor_sek > 89.5

-- accepted
p.floor_sek = 1e2

-- refused: a date compared with a whole number
p.floor_sek > p.valid_from

-- accepted
p.valid_from = p.first_known_time

-- accepted
p.valid_from < p.first_known_time

-- accepted
p.valid_from = '2024-02-29'

-- refused: a day or an instant written otherwise
p.valid_from > '2024-2-9'

-- accepted
'2024-02-29' < p.valid_from

-- refused: a day or an instant written otherwise
p.valid_from = 'tomorrow'

-- accepted
p.first_known_time > '2024-02-29'

-- refused: a day or an instant written otherwise
p.first_known_time > '2024-02-29 12:00'

-- refused: a day or an instant written otherwise
p.first_known_time > '2024-02-29T12:00:00Z'

-- accepted
p.valid_from = TIMESTAMP '2024-02-29 00:00:00'

-- refused: SQL: Error during planning: Cannot infer common argument type for comparison operation Boo
p.inhibited = 'true'

-- refused: SQL: Error during planning: Cannot infer common argument type for comparison operation Boo
p.inhibited = 'yes'

-- refused: SQL: Error during planning: Cannot infer common argument type for comparison operation Boo
p.inhibited = 1

-- accepted
p.permit_id = p.record_key

-- refused: identifiers can be compared with other identifiers only: p.permit_id = p0-M0
p.permit_id = 'p0-M0'

-- refused: a text made of identifiers, or that may be one, can be compared with nothing: p.permit_id
p.permit_id = concat(p.permit_id, '')

-- accepted
p.citizenships_at_grant = p.citizenships_at_grant

-- accepted
p.citizenships_at_grant IS NULL

-- accepted
p.citizenships_at_grant = ['SWE']

-- accepted
true

-- accepted
false

-- accepted, null
NULL

-- accepted
TRUE AND FALSE

-- refused: SQL: Schema error: No field named unknown
unknown

-- accepted
CASE WHEN p.inhibited THEN 1 ELSE 0 END

-- accepted
CASE WHEN p.inhibited THEN 1 END

-- accepted
CASE WHEN p.inhibited THEN 1 ELSE NULL END

-- accepted, null
CASE WHEN p.inhibited THEN NULL ELSE NULL END

-- accepted
CASE p.inhibited WHEN true THEN 1 WHEN false THEN 2 ELSE 3 END

-- accepted
CASE p.floor_sek WHEN 1 THEN 'a' WHEN 90 THEN 'b' END

-- accepted
CASE p.floor_sek WHEN NULL THEN 'a' ELSE 'b' END

-- accepted
CASE NULL WHEN NULL THEN 'a' ELSE 'b' END

-- accepted
CASE p.floor_sek WHEN p.offered_sek THEN 'same' ELSE 'other' END

-- accepted
CASE WHEN p.floor_sek > 1 THEN 1 WHEN p.floor_sek > 0 THEN 2.5 ELSE 3 END

-- refused: a text beside a value of another type
CASE WHEN p.inhibited THEN 1 ELSE 'a' END

-- accepted
CASE WHEN p.inhibited THEN p.valid_from ELSE p.first_known_time END

-- refused: SQL: type_coercion caused by Error during planning: Failed to coerce then (Int64) and else
CASE WHEN p.inhibited THEN p.floor_sek ELSE true END

-- refused: a condition that is neither true nor false
CASE WHEN p.floor_sek THEN 1 END

-- accepted
CASE WHEN NULL THEN 1 ELSE 2 END

-- refused: a condition that is neither true nor false
CASE WHEN p.permit_class THEN 1 ELSE 2 END

-- accepted
CASE p.permit_class WHEN 'WORK_EMP' THEN 1 WHEN 'WORK_EMP' THEN 2 ELSE 3 END

-- accepted
CASE p.valid_from WHEN '2024-02-29' THEN 1 ELSE 2 END

-- accepted
CASE p.floor_sek WHEN 90.0 THEN 1 WHEN 0 THEN 2 END

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found: 1
CASE ELSE 1 END

-- accepted
CASE WHEN p.inhibited THEN 1 ELSE 0 END = 1

-- accepted
CASE WHEN CASE WHEN p.inhibited THEN true ELSE false END THEN 1 ELSE 2 END

-- accepted
CASE WHEN p.floor_sek = 0 THEN 0 ELSE 100 % nullif(p.floor_sek, 0) END

-- refused: SQL: Error during planning: Invalid function 'if'
if(p.inhibited, 1, 2)

-- refused: SQL: Error during planning: Invalid function 'iif'
iif(p.inhibited, 1, 2)

-- refused: SQL: Error during planning: Invalid function 'if'
IF(p.inhibited, 1)

-- refused: SQL: Error during planning: Invalid function 'decode'
decode(p.floor_sek, 1, 'a', 'b')

-- accepted
coalesce(p.floor_sek)

-- accepted
coalesce(p.floor_sek, p.offered_sek, 0)

-- accepted
coalesce(p.floor_sek, 1.5)

-- refused: a text beside a value of another type
coalesce(p.floor_sek, 'a')

-- accepted
coalesce(p.valid_from, p.first_known_time)

-- accepted, null
coalesce(NULL, NULL)

-- accepted
coalesce(NULL, p.floor_sek)

-- refused: coalesce(a, b, ...) takes values of one type, and is given nothing
coalesce()

-- refused: Invalid function 'ifnull'
ifnull(p.floor_sek, 0)

-- refused: Invalid function 'nvl'
nvl(p.floor_sek, 0)

-- refused: SQL: Error during planning: Invalid function 'nvl2'
nvl2(p.floor_sek, 1, 2)

-- accepted
nullif(p.floor_sek, 0)

-- accepted
nullif(p.floor_sek, NULL)

-- accepted, null
nullif(NULL, 1)

-- accepted
nullif(p.floor_sek, 90.0)

-- accepted
nullif(p.permit_class, '')

-- accepted
nullif(p.valid_from, DATE '2024-02-29')

-- accepted
nullif(p.inhibited, false)

-- accepted
greatest(p.floor_sek, p.offered_sek)

-- accepted
greatest(p.floor_sek)

-- accepted
greatest(p.floor_sek, NULL)

-- accepted
greatest(p.floor_sek, 1.5)

-- accepted
greatest(p.valid_from, p.first_known_time)

-- accepted
greatest(p.permit_class, 'a')

-- accepted
greatest(p.inhibited, p.first_grant)

-- refused: a text beside a value of another type
greatest(p.floor_sek, 'a')

-- accepted, null
greatest(NULL, NULL)

-- accepted
least(p.valid_from, p.valid_to, DATE '2024-02-29')

-- accepted
least(p.permit_class, p.end_kind)

-- accepted
least(p.tied_until, p.keep_notice_on) IN (DATE '2023-12-31', CASE WHEN p.threshold_sek = 1 THEN DATE '2024-01-01' END)

-- accepted
least(p.tied_until, p.keep_notice_on) NOT IN (DATE '2023-12-31', CASE WHEN p.threshold_sek = 1 THEN DATE '2024-01-01' END)

-- accepted
coalesce(p.threshold_sek, 1) IN (9, coalesce(p.floor_sek, p.offered_sek))

-- accepted
p.floor_sek IN (1, 2, 3, 4, CASE WHEN p.inhibited THEN p.floor_sek END)

-- accepted
abs(p.floor_sek) IN (CASE WHEN p.inhibited THEN 1 END, CASE WHEN p.first_grant THEN 90 ELSE 1 END)

-- accepted
(p.inhibited OR p.first_grant) IN (p.first_grant, CASE WHEN p.floor_sek = 1 THEN true END)
