-- around: SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, p.first_known_time AS due_at FROM permits p WHERE {}

-- accepted
EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id)

-- refused: SELECT *
EXISTS (SELECT * FROM border b WHERE b.person_id = p.person_id)

-- accepted
EXISTS (SELECT NULL FROM border b WHERE b.person_id = p.person_id)

-- accepted
EXISTS (SELECT b.direction, b.observed_on FROM border b WHERE b.person_id = p.person_id)

-- accepted
EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id AND b.observed_on > p.valid_from)

-- refused: LIMIT
EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id LIMIT 1)

-- refused: a subquery outside WHERE
EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id ORDER BY b.observed_on)

-- accepted
EXISTS (SELECT DISTINCT b.direction FROM border b WHERE b.person_id = p.person_id)

-- refused: EXISTS
EXISTS (SELECT count(*) FROM border b WHERE b.person_id = p.person_id)

-- refused: EXISTS
EXISTS (SELECT count(*) FROM border b WHERE b.person_id = p.person_id HAVING count(*) > 2)

-- accepted
EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id GROUP BY b.direction HAVING count(*) > 1)

-- accepted
EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id GROUP BY b.person_id)

-- accepted
EXISTS (SELECT b.person_id, max(b.observed_on) FROM border b WHERE b.person_id = p.person_id GROUP BY b.person_id)

-- refused: a subquery outside WHERE
EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id UNION ALL SELECT 1 FROM notices n WHERE n.person_id = p.person_id)

-- accepted
EXISTS (SELECT 1 FROM border b JOIN notices n ON n.person_id = b.person_id WHERE b.person_id = p.person_id)

-- accepted
EXISTS (SELECT 1 FROM border b, notices n WHERE n.person_id = b.person_id AND b.person_id = p.person_id)

-- accepted
EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id AND EXISTS (SELECT 1 FROM notices n WHERE n.person_id = b.person_id AND n.event_on > b.observed_on))

-- refused: a text made of identifiers, or that may be one, can be compared with nothing: __correlated
EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id AND EXISTS (SELECT 1 FROM notices n WHERE n.person_id = b.person_id AND n.event_on > p.valid_from))

-- accepted
EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id AND NOT EXISTS (SELECT 1 FROM notices n WHERE n.person_id = b.person_id))

-- accepted
EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id) AND p.inhibited

-- accepted
EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id) OR p.inhibited

-- accepted
(EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id)) = true

-- accepted
EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id) IS TRUE

-- refused: JOIN mixes persons: EXISTS or IN (SELECT ...) with no column that is equal on both sides
EXISTS (SELECT 1 FROM border b)

-- refused: JOIN mixes persons: EXISTS or IN (SELECT ...) ON p.valid_from = observed_on
EXISTS (SELECT 1 FROM border b WHERE b.observed_on = p.valid_from)

-- accepted
EXISTS (SELECT 1)

-- accepted
EXISTS (SELECT 1 WHERE p.inhibited)

-- accepted
EXISTS (VALUES (1))

-- accepted, no rows
EXISTS (SELECT 1 FROM (VALUES (1), (2)) AS v(n) WHERE v.n = p.floor_sek)

-- refused: SQL: This feature is not implemented: Physical plan does not support logical expression Wi
EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id AND row_number() OVER (PARTITION BY b.person_id ORDER BY b.record_key) = 1)

-- accepted
EXISTS (SELECT 1 FROM (SELECT person_id, count(*) AS n FROM border GROUP BY person_id) b WHERE b.person_id = p.person_id AND b.n > 1)

-- accepted
EXISTS (SELECT 1 FROM months m WHERE m.month = p.valid_from)

-- refused: SQL: SQL error: ParserError("Expected: ), found: WHERE
EXISTS (FROM border b WHERE b.person_id = p.person_id)

-- refused: JOIN mixes persons: EXISTS or IN (SELECT ...) with no column that is equal on both sides
EXISTS (SELECT 1 FROM border p WHERE p.person_id = p.person_id)

-- accepted
EXISTS (SELECT 1 FROM border WHERE person_id = p.person_id)

-- accepted
EXISTS (SELECT 1 FROM permits q WHERE q.person_id = p.person_id AND q.record_key <> p.record_key)

-- refused: JOIN mixes persons: EXISTS or IN (SELECT ...) with no column that is equal on both sides
EXISTS (SELECT 1 FROM border b LEFT JOIN notices n ON n.person_id = b.person_id AND n.event_on = p.valid_from WHERE b.person_id = p.person_id)

-- accepted
NOT EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id)

-- accepted
NOT EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id AND b.observed_on > p.valid_from)

-- refused: EXISTS
NOT EXISTS (SELECT count(*) FROM border b WHERE b.person_id = p.person_id)

-- accepted
NOT (EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id))

-- accepted, no rows
NOT (EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id) OR p.inhibited)

-- accepted
NOT NOT EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id)

-- accepted
NOT EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id) AND NOT EXISTS (SELECT 1 FROM notices n WHERE n.person_id = p.person_id)

-- accepted
NOT EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id) OR NOT EXISTS (SELECT 1 FROM notices n WHERE n.person_id = p.person_id)

-- accepted
CASE WHEN EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id) THEN p.inhibited ELSE true END

-- accepted
coalesce(EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id), false)

-- accepted
p.valid_from IN (SELECT b.observed_on FROM border b WHERE b.person_id = p.person_id)

-- refused: JOIN mixes persons: EXISTS or IN (SELECT ...) ON p.valid_from = observed_on
p.valid_from IN (SELECT b.observed_on FROM border b)

-- accepted
p.valid_from IN (SELECT DISTINCT b.observed_on FROM border b WHERE b.person_id = p.person_id)

-- refused: IN
p.valid_from IN (SELECT max(b.observed_on) FROM border b WHERE b.person_id = p.person_id)

-- refused: a subquery outside WHERE
p.valid_from IN (SELECT b.observed_on FROM border b WHERE b.person_id = p.person_id UNION ALL SELECT n.event_on FROM notices n WHERE n.person_id = p.person_id)

-- refused: SQL: Error during planning: Too many columns! The subquery should only return one column:
p.valid_from IN (SELECT b.observed_on, 1 FROM border b WHERE b.person_id = p.person_id)

-- refused: SELECT *
p.valid_from IN (SELECT * FROM border b WHERE b.person_id = p.person_id)

-- refused: SQL: SQL error: ParserError("Expected: ), found: EOF
p.valid_from IN (TABLE border)

-- refused: NOT IN
p.valid_from NOT IN (SELECT b.observed_on FROM border b WHERE b.person_id = p.person_id)

-- refused: IN
NOT p.valid_from IN (SELECT b.observed_on FROM border b WHERE b.person_id = p.person_id)

-- accepted
p.valid_from + 1 IN (SELECT b.observed_on FROM border b WHERE b.person_id = p.person_id)

-- accepted
p.person_id IN (SELECT b.person_id FROM border b)

-- accepted
p.person_id IN (SELECT b.person_id FROM border b WHERE b.observed_on > p.valid_from)

-- accepted
p.permit_id IN (SELECT e.permit_id FROM permit_employers e)

-- refused: SQL: Error during planning: Too many columns! The subquery should only return one column:
(p.person_id, p.valid_from) IN (SELECT b.person_id, b.observed_on FROM border b)

-- refused: a struct
(p.person_id, p.valid_from) IN ((p.person_id, p.valid_to))

-- refused: a struct
(p.valid_from, p.valid_to) = (p.valid_from, p.valid_to)

-- refused: a struct
(p.valid_from, p.floor_sek) < (p.valid_to, p.offered_sek)

-- refused: SQL: Error during planning: Invalid function 'row'
ROW(p.valid_from, p.valid_to) = ROW(p.valid_from, p.valid_to)

-- refused: SQL: This feature is not implemented: Unsupported binary operator: Overlaps
(p.valid_from, p.valid_to) OVERLAPS (p.decided_on, p.ended_on)

-- refused: a comparison with ALL or ANY of a query
p.valid_from = ANY (SELECT b.observed_on FROM border b WHERE b.person_id = p.person_id)

-- refused: a comparison with ALL or ANY of a query
p.valid_from = SOME (SELECT b.observed_on FROM border b WHERE b.person_id = p.person_id)

-- refused: a comparison with ALL or ANY of a query
p.valid_from > ALL (SELECT b.observed_on FROM border b WHERE b.person_id = p.person_id)

-- refused: ALL or ANY of a list
p.floor_sek = ANY ([1, 2])

-- refused: ALL or ANY of a list
p.floor_sek = ANY (ARRAY[1, 90])

-- refused: ALL or ANY of a list
'SWE' = ANY (p.citizenships_at_grant)

-- refused: ALL or ANY of a list
'SWE' <> ALL (p.citizenships_at_grant)

-- refused: SQL: This feature is not implemented: Unsupported ast node in sqltorel: InUnnest
p.valid_from IN UNNEST ([p.valid_to])

-- accepted
p.valid_from = (SELECT max(b.observed_on) FROM border b WHERE b.person_id = p.person_id)

-- accepted
(SELECT count(*) FROM border b WHERE b.person_id = p.person_id) > 1

-- refused: a subquery outside WHERE
(SELECT true)

-- refused: a subquery outside WHERE
p.valid_from = (SELECT DATE '2024-02-29')

-- accepted
p.valid_from IN (p.valid_to, (SELECT max(b.observed_on) FROM border b WHERE b.person_id = p.person_id))

-- refused: SQL: SQL error: ParserError("Expected: ), found: b
UNIQUE (SELECT b.observed_on FROM border b WHERE b.person_id = p.person_id)

-- around: SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, {} AS e0 FROM permits p

-- accepted
(SELECT max(b.observed_on) FROM border b WHERE b.person_id = p.person_id)

-- refused: a subquery outside WHERE
(SELECT 1)

-- refused: a subquery outside WHERE
EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id)

-- refused: IN
p.valid_from IN (SELECT b.observed_on FROM border b WHERE b.person_id = p.person_id)

-- refused: a subquery outside WHERE
CASE WHEN EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id) THEN 1 ELSE 0 END

-- refused: a query as the argument of a function
ARRAY(SELECT b.observed_on FROM border b WHERE b.person_id = p.person_id)

-- refused: a query as the argument of a function
array(SELECT 1)
