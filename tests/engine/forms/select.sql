-- around: SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at {}

-- accepted
FROM permits p

-- accepted
FROM permits AS p

-- accepted
FROM "permits" p

-- accepted
FROM PERMITS P

-- accepted
FROM permits p WHERE true

-- accepted
FROM permits p WHERE 1 = 1

-- refused: SQL: Error during planning: Cannot create filter with non-boolean predicate 'Int64(1)' ret
FROM permits p WHERE 1

-- refused: the rule mixes persons: it reads no table of persons
FROM permits p WHERE NULL

-- accepted
FROM permits p WHERE p.inhibited

-- refused: SQL: Error during planning: Cannot create filter with non-boolean predicate 'p.floor_sek'
FROM permits p WHERE p.floor_sek

-- refused: SQL: Error during planning: Cannot create filter with non-boolean predicate 'p.permit_clas
FROM permits p WHERE p.permit_class

-- accepted
FROM permits p WHERE NOT p.inhibited

-- accepted
FROM permits p WHERE p.inhibited = true

-- refused: SQL: type_coercion caused by Error during planning: Cannot infer common argument type for
FROM permits p WHERE p.inhibited = 1

-- refused: a text beside a value of another type
FROM permits p WHERE p.inhibited = 'true'

-- accepted
FROM permits p WHERE p.inhibited IS TRUE

-- accepted
FROM permits p, border b WHERE b.person_id = p.person_id

-- refused: LATERAL
FROM permits p, LATERAL (SELECT b.observed_on FROM border b WHERE b.person_id = p.person_id) l

-- accepted
FROM (permits p)

-- accepted
FROM (permits) p

-- refused: SELECT *
FROM (SELECT * FROM permits) p

-- accepted
FROM (SELECT person_id, permit_id, first_known_time FROM permits) p

-- accepted
FROM (SELECT person_id, permit_id, first_known_time FROM permits) AS p

-- accepted
FROM (SELECT person_id, permit_id, first_known_time FROM permits) p(person_id, permit_id, first_known_time)

-- refused: SQL: Schema error: No field named p.person_id
FROM (SELECT person_id, permit_id, first_known_time FROM permits) p(a, permit_id, first_known_time)

-- accepted
FROM (SELECT person_id AS a, permit_id AS b, first_known_time AS c FROM permits) AS p(person_id, permit_id, first_known_time)

-- accepted
FROM ((SELECT person_id, permit_id, first_known_time FROM permits)) p

-- refused: SQL: Error during planning: Source table contains 40 columns but only 1 names given as col
FROM permits p(person_id)

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found: p
FROM ONLY permits p

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found: FINAL
FROM permits p FINAL

-- refused: WITH
FROM permits p WITH (NOLOCK)

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found: USE
FROM permits p USE INDEX (a)

-- refused: PARTITION
FROM permits PARTITION (a) p

-- refused: TABLESAMPLE BERNOULLI
FROM permits p TABLESAMPLE BERNOULLI (50)

-- refused: SAMPLE 10
FROM permits p SAMPLE 10

-- refused: SQL: SQL error: ParserError("Expected: one of UPDATE or SHARE, found: SYSTEM_TIME
FROM permits FOR SYSTEM_TIME AS OF TIMESTAMP '2024-01-01 00:00:00' p

-- refused: SQL: SQL error: ParserError("Expected: ), found: =>
FROM permits AT (TIMESTAMP => TIMESTAMP '2024-01-01 00:00:00') p

-- refused: SQL: This feature is not implemented: Unsupported ast node TableFunction
FROM TABLE(permits) p

-- refused: a name with its schema
FROM public.permits p

-- refused: a name with its schema
FROM datafusion.public.permits p

-- refused: a name with its schema
FROM main.permits p

-- refused: PREWHERE p.inhibited
FROM permits p PREWHERE p.inhibited

-- refused: LATERAL VIEW explode(p.citizenships_at_grant) v AS c
FROM permits p LATERAL VIEW explode(p.citizenships_at_grant) v AS c

-- refused: CONNECT BY p.permit_id = PRIOR p.permit_id
FROM permits p CONNECT BY p.permit_id = PRIOR p.permit_id

-- refused: START WITH p.inhibited CONNECT BY p.permit_id = PRIOR p.permit_id
FROM permits p START WITH p.inhibited CONNECT BY p.permit_id = PRIOR p.permit_id

-- refused: CLUSTER BY p.permit_id
FROM permits p CLUSTER BY p.permit_id

-- refused: DISTRIBUTE BY p.permit_id
FROM permits p DISTRIBUTE BY p.permit_id

-- refused: SORT BY p.permit_id
FROM permits p SORT BY p.permit_id

-- accepted
FROM permits p ORDER BY p.valid_from

-- accepted
FROM permits p ORDER BY p.valid_from DESC NULLS LAST, p.record_key

-- accepted
FROM permits p ORDER BY 1

-- accepted
FROM permits p ORDER BY 1, 2 DESC

-- accepted
FROM permits p ORDER BY alert_at

-- refused: SQL: Schema error: No field named all
FROM permits p ORDER BY ALL

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found: USING
FROM permits p ORDER BY p.valid_from USING >

-- refused: SQL: This feature is not implemented: ORDER BY WITH FILL is not supported: WITH FILL
FROM permits p ORDER BY p.valid_from WITH FILL

-- refused: SQL: This feature is not implemented: Unsupported ast node in sqltorel: Collate
FROM permits p ORDER BY p.permit_class COLLATE "C"

-- accepted
FROM permits p ORDER BY count(*) OVER (PARTITION BY p.person_id)

-- refused: a subquery outside WHERE
FROM permits p ORDER BY (SELECT 1)

-- refused: ORDER BY a constant, or ALL
FROM permits p ORDER BY 'x'

-- refused: ORDER BY a constant, or ALL
FROM permits p ORDER BY NULL

-- refused: LIMIT
FROM permits p LIMIT 1

-- accepted
FROM permits p LIMIT ALL

-- refused: LIMIT
FROM permits p LIMIT NULL

-- refused: LIMIT
FROM permits p LIMIT 5, 10

-- refused: LIMIT
FROM permits p LIMIT 1 BY p.person_id

-- refused: LIMIT
FROM permits p LIMIT 1 OFFSET 1

-- refused: OFFSET, like LIMIT,
FROM permits p OFFSET 0

-- refused: OFFSET, like LIMIT,
FROM permits p OFFSET 0 ROWS

-- refused: FETCH FIRST 1 ROWS ONLY
FROM permits p FETCH FIRST 1 ROW ONLY

-- refused: FETCH FIRST ROWS ONLY
FROM permits p FETCH FIRST ROW ONLY

-- refused: FETCH FIRST 10 ROWS WITH TIES
FROM permits p FETCH NEXT 10 ROWS WITH TIES

-- refused: FETCH FIRST 50 PERCENT ROWS ONLY
FROM permits p FETCH FIRST 50 PERCENT ROWS ONLY

-- refused: FOR UPDATE
FROM permits p FOR UPDATE

-- refused: FOR SHARE
FROM permits p FOR SHARE

-- refused: FOR XML AUTO
FROM permits p FOR XML AUTO

-- refused: FOR JSON AUTO
FROM permits p FOR JSON AUTO

-- refused: FOR BROWSE
FROM permits p FOR BROWSE

-- refused: SETTINGS max_threads = 1
FROM permits p SETTINGS max_threads = 1

-- refused: FORMAT JSON
FROM permits p FORMAT JSON

-- refused: FORMAT NULL
FROM permits p FORMAT NULL

-- refused: |> WHERE p.inhibited
FROM permits p |> WHERE p.inhibited

-- refused: |> LIMIT 1
FROM permits p |> LIMIT 1

-- accepted
FROM permits p QUALIFY row_number() OVER (PARTITION BY p.person_id ORDER BY p.valid_from, p.record_key) = 1

-- refused: SQL: Error during planning: Column in SELECT must be in GROUP BY or an aggregate function:
FROM permits p WINDOW w AS (PARTITION BY p.person_id) QUALIFY count(*) OVER w > 1

-- refused: QUALIFY before WINDOW
FROM permits p QUALIFY count(*) OVER (PARTITION BY p.person_id) > 1 WINDOW w AS (PARTITION BY p.person_id)

-- refused: SQL: Error during planning: QUALIFY clause requires window functions in the SELECT list or
FROM permits p QUALIFY p.inhibited

-- refused: SQL: This feature is not implemented: Physical plan does not support logical expression Wi
FROM permits p WHERE count(*) OVER (PARTITION BY p.person_id) > 1

-- refused: SQL: Schema error: No field named alert_key
FROM permits p WHERE alert_key = 'x'

-- refused: SQL: Schema error: No field named alert_at
FROM permits p WHERE alert_at > TIMESTAMP '2024-01-01 00:00:00'

-- refused: SQL: Error during planning: HAVING clause references: Boolean(true) must appear in the GRO
FROM permits p HAVING true

-- refused: SQL: Error during planning: HAVING clause references: p.inhibited must appear in the GROUP
FROM permits p HAVING p.inhibited

-- refused: SQL: Error during planning: Column in SELECT must be in GROUP BY or an aggregate function:
FROM permits p HAVING count(*) > 0

-- accepted
FROM permits p WINDOW w AS (PARTITION BY p.person_id)

-- accepted
FROM permits p;

-- refused: SQL: This feature is not implemented: The context currently only supports a single SQL sta
FROM permits p; SELECT 1

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found: INTO
FROM permits p INTO x

-- refused: SELECT *
FROM permits p EXCEPT SELECT * FROM permits

-- refused: SQL: Schema error: No field named p.person_id
FROM unnest([1, 2]) u(n)

-- refused: a subquery outside WHERE
FROM permits p, unnest(p.citizenships_at_grant) u

-- refused: a subquery outside WHERE
FROM permits p CROSS JOIN unnest(p.citizenships_at_grant) AS u(c)

-- refused: SQL: Error during planning: table function 'unnest' not found
FROM permits p CROSS JOIN LATERAL unnest(p.citizenships_at_grant) AS u(c)

-- refused: SQL: This feature is not implemented: UNNEST with ordinality is not supported yet
FROM permits p CROSS JOIN unnest(p.citizenships_at_grant) WITH ORDINALITY AS u(c, n)

-- refused: SQL: This feature is not implemented: UNNEST table factor with offset is not supported yet
FROM permits p CROSS JOIN unnest(p.citizenships_at_grant) AS u(c) WITH OFFSET

-- refused: SQL: Error during planning: table function 'generate_series' not found
FROM permits p CROSS JOIN generate_series(1, 2) g(n)

-- refused: SQL: Error during planning: table function 'range' not found
FROM permits p CROSS JOIN range(1, 2) g(n)

-- refused: SQL: This feature is not implemented: Unsupported ast node Pivot
FROM permits p PIVOT (count(p.permit_id) FOR p.permit_class IN ('WORK_EMP'))

-- refused: SQL: This feature is not implemented: Unsupported ast node Unpivot
FROM permits p UNPIVOT (v FOR n IN (valid_from, valid_to))

-- refused: SQL: This feature is not implemented: Unsupported ast node MatchRecognize
FROM permits p MATCH_RECOGNIZE (PARTITION BY person_id PATTERN (a) DEFINE a AS true)

-- refused: SQL: This feature is not implemented: Unsupported ast node JsonTable
FROM JSON_TABLE('[]', '$[*]' COLUMNS (a INT PATH '$')) p

-- refused: SQL: This feature is not implemented: Unsupported ast node OpenJsonTable
FROM OPENJSON('[]') p

-- refused: SQL: This feature is not implemented: Unsupported ast node XmlTable
FROM XMLTABLE('/a' PASSING '<a/>' COLUMNS b INT PATH 'c') p

-- refused: VALUES without names of its columns
FROM (VALUES (1)) p

-- accepted, no rows
FROM (VALUES (1)) AS v(n) JOIN permits p ON p.floor_sek = v.n

-- accepted
FROM (VALUES (1), (2), (3)) AS v(n) CROSS JOIN permits p

-- accepted
FROM permits p CROSS JOIN (VALUES (1, 'a'), (2, NULL)) AS v(n, t) WHERE v.t IS NULL

-- refused: VALUES with ROW
FROM permits p CROSS JOIN (VALUES ROW(1), ROW(2)) AS v(n)

-- accepted
FROM permits p CROSS JOIN (SELECT 1 AS n) v

-- accepted
FROM permits p CROSS JOIN (SELECT 1) v

-- accepted
FROM permits p CROSS JOIN (SELECT 1 AS n UNION ALL SELECT 2) v

-- accepted
FROM permits p CROSS JOIN VALUES (1), (2) AS v(n)

-- accepted
FROM permits p CROSS JOIN (VALUES (1), (NULL), (1.5)) AS v(n) WHERE v.n > 0

-- refused: a value read from a text
FROM permits p CROSS JOIN (VALUES (1), ('a')) AS v(n)

-- refused: SQL: Error during planning: Inconsistent data length across values list: got 2 values in r
FROM permits p CROSS JOIN (VALUES (1), (2, 3)) AS v(n)

-- accepted
FROM permits p CROSS JOIN (VALUES (NULL), (NULL)) AS v(n)

-- accepted
FROM permits p CROSS JOIN (VALUES (DATE '2024-02-29'), (NULL)) AS v(d) WHERE v.d > p.valid_from

-- refused: SQL: Error during planning: Source table contains 2 columns but only 1 names given as colu
FROM permits p CROSS JOIN (VALUES (1, 2)) AS v(n)

-- refused: SQL: Error during planning: Source table contains 1 columns but only 2 names given as colu
FROM permits p CROSS JOIN (VALUES (1)) AS v(n, m)

-- refused: SQL: SQL error: ParserError("Expected: (, found: permits
FROM permits p CROSS JOIN (TABLE permits) v

-- around: {}

-- refused: SQL: SQL error: ParserError("Expected: an SQL statement, found: TABLE
TABLE permits

-- refused: the rule mixes persons: it reads no table of persons
VALUES (1)

-- refused: output column person_id is missing
FROM permits

-- accepted
FROM permits p SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at

-- refused: SQL: SQL error: ParserError("Expected: an expression, found: EOF
SELECT

-- refused: SELECT *
SELECT *

-- refused: the rule mixes persons: it reads no table of persons
SELECT 1

-- refused: output column person_id is missing
SELECT FROM permits

-- refused: SELECT *
SELECT * FROM permits

-- refused: permits.* is of permits, which is no step
SELECT permits.* FROM permits

-- accepted
SELECT ALL p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p

-- accepted
SELECT DISTINCT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p

-- accepted
SELECT DISTINCT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p ORDER BY p.permit_id

-- refused: SQL: Error during planning: For SELECT DISTINCT, ORDER BY expressions p.valid_from must ap
SELECT DISTINCT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p ORDER BY p.valid_from

-- refused: first_value without an ORDER BY can tie: rows of permits may have the same values there
SELECT DISTINCT ON (p.person_id) p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p

-- refused: output column person_id is computed
SELECT DISTINCT ON (p.person_id) p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p ORDER BY p.person_id, p.valid_from, p.record_key

-- refused: output column person_id is computed
SELECT DISTINCT ON (p.person_id, p.permit_id) p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p ORDER BY p.person_id, p.permit_id, p.valid_from DESC NULLS LAST, p.record_key DESC

-- accepted
SELECT DISTINCT (p.person_id), p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p

-- refused: TOP 1
SELECT TOP 1 p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found:
SELECT STRAIGHT_JOIN p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found:
SELECT SQL_NO_CACHE p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found: p
SELECT AS VALUE p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found: p
SELECT AS STRUCT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p

-- refused: INTO t
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at INTO t FROM permits p

-- accepted
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, FROM permits p

-- refused: a column named without AS
SELECT p.person_id, p.permit_id, 'x' alert_key, p.first_known_time AS alert_at FROM permits p

-- refused: SQL: Error during planning: Projections require unique expression names but the expression
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, p.person_id FROM permits p

-- refused: SQL: Error during planning: Projections require unique expression names but the expression
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, 1 AS e0, 2 AS e0 FROM permits p

-- refused: an output column without a name
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, 1 FROM permits p

-- refused: an output column without a name
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, count(*) OVER (PARTITION BY p.person_id) FROM permits p

-- accepted
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, 1 AS E0 FROM permits p

-- refused: a name in quotes that has other than small letters, digits, _ and blanks
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, 1 AS "E0" FROM permits p

-- accepted
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, 1 AS "e0" FROM permits p

-- accepted
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, 1 AS "e 0" FROM permits p

-- accepted
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, 1 AS 'e0' FROM permits p

-- refused: an output column without a name
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, 1 AS "" FROM permits p

-- accepted
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, 1 AS year FROM permits p

-- accepted
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, 1 AS order FROM permits p

-- accepted
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, 1 AS user FROM permits p

-- accepted
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, 1 AS å FROM permits p

-- refused: a name with a capital beyond A to Z
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, 1 AS Å FROM permits p

-- accepted
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, 1 AS rowid FROM permits p

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found: :
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, e0: 1 FROM permits p

-- refused: SQL: Schema error: No field named e0
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, e0 = 1 FROM permits p

-- refused: SQL: Schema error: No field named e0
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, 1 AS e0, e0 + 1 AS e1 FROM permits p

-- refused: p.* is of permits, which is no step
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, p.* FROM permits p

-- refused: SQL: Error during planning: Invalid function 'columns'
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, COLUMNS('valid.*') FROM permits p

-- accepted
SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM permits

-- accepted
SELECT permits.person_id, permits.permit_id, 'x' AS alert_key, permits.first_known_time AS alert_at FROM permits

-- refused: a name with its schema
SELECT public.permits.person_id, permits.permit_id, 'x' AS alert_key, permits.first_known_time AS alert_at FROM permits

-- accepted
SELECT P.PERSON_ID, p.Permit_Id, 'x' AS Alert_Key, p.first_known_time AS ALERT_AT FROM permits p

-- accepted
select p.person_id, p.permit_id, 'x' as alert_key, p.first_known_time as alert_at from permits p where p.inhibited

-- accepted
(SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p)

-- accepted
((SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p))

-- accepted
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p -- a remark

-- accepted
SELECT p.person_id, /* within */ p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p

-- accepted
SELECT p.person_id, /* a /* nested */ one */ p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p

-- refused: /*+ HINT */
SELECT /*+ HINT */ p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found: #
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p # a remark

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found: //
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p // a remark

-- refused: SQL: Error during planning: Cannot create filter with non-boolean predicate 'p.valid_from'
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p WHERE p.valid_from --1 > p.valid_to

-- accepted
SELECT p.person_id, p.permit_id, '--' AS alert_key, p.first_known_time AS alert_at FROM permits p

-- accepted
SELECT p.person_id, p.permit_id, '/* x */' AS alert_key, p.first_known_time AS alert_at FROM permits p

-- accepted
SELECT p.person_id, p.permit_id, 'it''s' AS alert_key, p.first_known_time AS alert_at FROM permits p

-- accepted
SELECT p.person_id, p.permit_id, 'a\nb' AS alert_key, p.first_known_time AS alert_at FROM permits p

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found: AS
SELECT p.person_id, p.permit_id, 'a' 'b' AS alert_key, p.first_known_time AS alert_at FROM permits p

-- accepted
SELECT p.person_id, p.permit_id, 'år é' AS alert_key, p.first_known_time AS alert_at FROM permits p

-- accepted
SELECT p.person_id, p.permit_id, '' AS alert_key, p.first_known_time AS alert_at FROM permits p

-- refused: output column alert_key is Int64
SELECT p.person_id, p.permit_id, $wait_days AS alert_key, p.first_known_time AS alert_at FROM permits p

-- accepted
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, $wait_days AS e0, '$wait_days' AS e1 FROM permits p

-- refused: rule drawn.sql: parameter $1 is used but not declared
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, $1 AS e0 FROM permits p

-- refused: a placeholder
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, ? AS e0 FROM permits p

-- refused: a placeholder
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, :name AS e0 FROM permits p

-- refused: SQL: Error during planning: variable ["@name"] has no type information
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, @name AS e0 FROM permits p

-- accepted
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, $wait_days$least_pct AS e0 FROM permits p

-- accepted
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, -$wait_days AS e0, 1 -$wait_days AS e1 FROM permits p

-- accepted
SELECT p.person_id, p.permit_id, p.valid_from AS alert_key, p.first_known_time AS alert_at FROM permits p WHERE p.valid_from IS NOT NULL

-- refused: output column alert_key is Timestamp(ns)
SELECT p.person_id, p.permit_id, CAST(p.valid_from AS TIMESTAMP) AS alert_key, p.first_known_time AS alert_at FROM permits p

-- accepted
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.valid_from AS alert_at FROM permits p

-- accepted
SELECT p.person_id, p.permit_id, 'x' AS alert_key, CAST(p.valid_from AS TIMESTAMP) AS alert_at, p.valid_to AS cleared_at, 'ended' AS cleared_reason, p.valid_from AS anchor_at, 'weak' AS severity, p.record AS records FROM permits p

-- accepted, no rows
SELECT p.person_id, p.permit_id, 'x' AS alert_key, NULL AS alert_at FROM permits p

-- accepted
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, NULL AS due_at, NULL AS cleared_at, NULL AS anchor_at FROM permits p

-- refused: output column alert_at is Utf8
SELECT p.person_id, p.permit_id, 'x' AS alert_key, 'a' AS alert_at FROM permits p

-- refused: output column person_id is computed
SELECT p.permit_id AS person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p

-- accepted
SELECT p.person_id AS permit_id, p.person_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p
