-- around: {}

-- accepted
WITH a AS (SELECT person_id, permit_id, first_known_time FROM permits) SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM a

-- accepted
WITH a (person_id, permit_id, t) AS (SELECT person_id, permit_id, first_known_time FROM permits) SELECT person_id, permit_id, 'x' AS alert_key, t AS alert_at FROM a

-- refused: SQL: Error during planning: Source table contains 3 columns but only 2 names given as colu
WITH a (person_id, permit_id) AS (SELECT person_id, permit_id, first_known_time FROM permits) SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM a

-- refused: SQL: SQL error: ParserError("Expected: (, found: MATERIALIZED
WITH a AS MATERIALIZED (SELECT person_id, permit_id, first_known_time FROM permits) SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM a

-- refused: SQL: SQL error: ParserError("Expected: (, found: NOT
WITH a AS NOT MATERIALIZED (SELECT person_id, permit_id, first_known_time FROM permits) SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM a

-- refused: SELECT *
WITH a AS (SELECT person_id, permit_id, first_known_time FROM permits), b AS (SELECT * FROM a) SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM b

-- accepted
WITH a AS (SELECT person_id, permit_id, first_known_time FROM permits), b AS (SELECT a.* FROM a) SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM b

-- refused: SQL: Error during planning: table 'datafusion.public.a' not found
WITH b AS (SELECT person_id, permit_id, first_known_time FROM a), a AS (SELECT person_id, permit_id, first_known_time FROM permits) SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM b

-- refused: SQL: Error during planning: WITH query name "a" specified more than once
WITH a AS (SELECT person_id, permit_id, first_known_time FROM permits), A AS (SELECT person_id, permit_id, first_known_time FROM permits) SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM a

-- accepted
WITH a AS (SELECT person_id, permit_id, first_known_time FROM permits) SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM A

-- accepted
WITH a AS (WITH b AS (SELECT person_id, permit_id, first_known_time FROM permits) SELECT b.* FROM b) SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM a

-- refused: SQL: Error during planning: WITH query name "b" specified more than once
WITH b AS (SELECT person_id, permit_id, first_known_time FROM permit_employers), a AS (WITH b AS (SELECT person_id, permit_id, first_known_time FROM permits) SELECT b.* FROM b) SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM a

-- accepted
WITH a AS (SELECT person_id, permit_id, first_known_time FROM permits) SELECT x.person_id, x.permit_id, 'x' AS alert_key, x.first_known_time AS alert_at FROM a x JOIN a y ON y.permit_id = x.permit_id

-- accepted
WITH a AS (SELECT person_id, permit_id, first_known_time FROM permits) SELECT x.person_id, x.permit_id, 'x' AS alert_key, x.first_known_time AS alert_at FROM (SELECT a.* FROM a) x

-- accepted
WITH a AS (SELECT person_id, permit_id, first_known_time FROM permits ORDER BY valid_from) SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM a

-- refused: LIMIT
WITH a AS (SELECT person_id, permit_id, first_known_time FROM permits ORDER BY valid_from LIMIT 1) SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM a

-- refused: WITH RECURSIVE
WITH RECURSIVE a AS (SELECT person_id, permit_id, first_known_time FROM permits) SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM a

-- refused: WITH RECURSIVE
WITH RECURSIVE a(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM a WHERE n < 3) SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p CROSS JOIN a

-- refused: VALUES without names of its columns
WITH a AS (VALUES (1), (2)) SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p CROSS JOIN a

-- accepted
WITH a(n) AS (VALUES (1), (2)) SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, a.n AS e0 FROM permits p CROSS JOIN a

-- accepted
WITH a AS (SELECT 1 AS n UNION ALL SELECT 2) SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, a.n AS e0 FROM permits p CROSS JOIN a

-- accepted
WITH a AS (SELECT 1 AS n) SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM permits

-- accepted
WITH a AS (SELECT 1 / 0 AS n) SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM permits

-- refused: a step called permits, like a table or view,
WITH permits AS (SELECT person_id, permit_id, first_known_time FROM permits) SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM permits

-- accepted
WITH "a b" AS (SELECT person_id, permit_id, first_known_time FROM permits) SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM "a b"

-- refused: a name in quotes that has other than small letters, digits, _ and blanks
WITH "A" AS (SELECT person_id, permit_id, first_known_time FROM permits) SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM a

-- refused: SQL: Error during planning: table 'datafusion.public.Å' not found
WITH å AS (SELECT person_id, permit_id, first_known_time FROM permits) SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM Å

-- accepted
WITH a AS (SELECT person_id, permit_id, first_known_time, valid_from - valid_to FROM permits) SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM a

-- accepted
WITH a AS (SELECT person_id, permit_id, first_known_time, count(*) OVER (PARTITION BY person_id) FROM permits) SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM a

-- accepted
WITH a AS (SELECT person_id, person_id AS other, permit_id, first_known_time FROM permits) SELECT other AS person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM a

-- refused: output column person_id is missing
WITH a AS (SELECT p.person_id, p.permit_id, b.person_id, p.first_known_time FROM permits p JOIN border b ON b.person_id = p.person_id) SELECT permit_id, 'x' AS alert_key FROM a

-- refused: SQL: This feature is not implemented: Query DELETE FROM permits RETURNING * not implemente
WITH a AS (DELETE FROM permits RETURNING *) SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM a

-- refused: SQL: SQL error: ParserError("Expected: SELECT, VALUES, or a subquery in the query body, fo
WITH a AS (SELECT person_id, permit_id, first_known_time FROM permits) SEARCH DEPTH FIRST BY person_id SET o SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM a

-- refused: a step without AS
WITH a (SELECT person_id, permit_id, first_known_time FROM permits) SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM a

-- refused: SQL: SQL error: ParserError("Expected: identifier, found: 1
WITH 1 AS a SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM permits

-- refused: SQL: SQL error: ParserError("Expected: (, found: person_id
WITH a AS (SELECT person_id, permit_id, first_known_time FROM permits), SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM a

-- accepted
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p WHERE EXISTS (WITH b AS (SELECT person_id FROM border) SELECT 1 FROM b WHERE b.person_id = p.person_id)

-- accepted
WITH a AS (SELECT person_id, permit_id, first_known_time, CASE WHEN inhibited THEN 1 END AS n FROM permits), b AS (SELECT a.*, coalesce(n, 0) AS m FROM a) SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at, n AS e0, m AS e1 FROM b

-- accepted
WITH a AS (SELECT person_id, permit_id, first_known_time FROM permits) SELECT a.person_id, a.permit_id, 'x' AS alert_key, a.first_known_time AS alert_at FROM a, permits p WHERE p.permit_id = a.permit_id
