-- around: SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM ({}) p

-- accepted
SELECT person_id, permit_id, first_known_time FROM permits UNION ALL SELECT person_id, permit_id, first_known_time FROM permit_employers

-- accepted
SELECT person_id, permit_id, first_known_time FROM permits UNION SELECT person_id, permit_id, first_known_time FROM permit_employers

-- accepted
SELECT person_id, permit_id, first_known_time FROM permits UNION DISTINCT SELECT person_id, permit_id, first_known_time FROM permit_employers

-- accepted
SELECT person_id, permit_id, first_known_time FROM permits UNION BY NAME SELECT permit_id, person_id, first_known_time FROM permit_employers

-- accepted
SELECT person_id, permit_id, first_known_time FROM permits UNION ALL BY NAME SELECT permit_id, person_id, first_known_time FROM permit_employers

-- accepted
SELECT person_id, permit_id, first_known_time FROM permits UNION ALL BY NAME SELECT person_id, permit_id FROM permit_employers

-- refused: it asserts an absence
SELECT person_id, permit_id, first_known_time FROM permits EXCEPT SELECT person_id, permit_id, first_known_time FROM permit_employers

-- refused: it asserts an absence
SELECT person_id, permit_id, first_known_time FROM permits EXCEPT ALL SELECT person_id, permit_id, first_known_time FROM permit_employers

-- refused: it asserts an absence
SELECT person_id, permit_id, first_known_time FROM permits EXCEPT DISTINCT SELECT person_id, permit_id, first_known_time FROM permit_employers

-- refused: SQL: This feature is not implemented: MINUS  not implemented
SELECT person_id, permit_id, first_known_time FROM permits MINUS SELECT person_id, permit_id, first_known_time FROM permit_employers

-- accepted
SELECT person_id, permit_id, first_known_time FROM permits INTERSECT SELECT person_id, permit_id, first_known_time FROM permits

-- accepted
SELECT person_id, permit_id, first_known_time FROM permits INTERSECT ALL SELECT person_id, permit_id, first_known_time FROM permits

-- accepted
SELECT person_id, permit_id, valid_from, first_known_time FROM permits INTERSECT SELECT person_id, permit_id, valid_from, first_known_time FROM permits WHERE permit_class = 'WORK_EMP'

-- refused: it asserts an absence
SELECT person_id, permit_id, valid_to, first_known_time FROM permits EXCEPT SELECT person_id, permit_id, valid_to, first_known_time FROM permits WHERE permit_class = 'WORK_EMP'

-- refused: SQL: Error during planning: UNION queries have different number of columns
SELECT person_id, permit_id, first_known_time FROM permits UNION ALL SELECT person_id, permit_id FROM permit_employers

-- refused: column first_known_time of a UNION, an instant in one branch and a day in another,
SELECT person_id, permit_id, first_known_time FROM permits UNION ALL SELECT person_id, permit_id, valid_from FROM permits

-- refused: column n of a UNION, a whole number in one branch and a fraction in another,
SELECT person_id, permit_id, first_known_time, floor_sek AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, 1.5 FROM permits

-- accepted
SELECT person_id, permit_id, first_known_time, floor_sek AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, NULL FROM permits

-- refused: column n of a UNION, a whole number in one branch and a text in another,
SELECT person_id, permit_id, first_known_time, floor_sek AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, permit_class FROM permits

-- refused: SQL: Error during planning: Projections require unique expression names but the expression
SELECT person_id, permit_id, first_known_time, valid_from AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, first_known_time FROM permits

-- refused: column n of a UNION, a truth in one branch and a whole number in another,
SELECT person_id, permit_id, first_known_time, inhibited AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, 1 FROM permits

-- accepted
SELECT person_id, permit_id, first_known_time FROM permits UNION ALL SELECT person_id, permit_id, first_known_time FROM permits UNION SELECT person_id, permit_id, first_known_time FROM permits

-- accepted
SELECT person_id, permit_id, first_known_time FROM permits UNION SELECT person_id, permit_id, first_known_time FROM permits UNION ALL SELECT person_id, permit_id, first_known_time FROM permits

-- accepted
SELECT person_id, permit_id, first_known_time FROM permits UNION ALL (SELECT person_id, permit_id, first_known_time FROM permits UNION SELECT person_id, permit_id, first_known_time FROM permits)

-- accepted
SELECT person_id, permit_id, first_known_time FROM permits UNION ALL SELECT person_id, permit_id, first_known_time FROM permits INTERSECT SELECT person_id, permit_id, first_known_time FROM permits WHERE permit_class = 'WORK_EMP'

-- refused: it asserts an absence
SELECT person_id, permit_id, first_known_time FROM permits EXCEPT SELECT person_id, permit_id, first_known_time FROM permits WHERE permit_class = 'WORK_EMP' UNION ALL SELECT person_id, permit_id, first_known_time FROM permits

-- accepted
(SELECT person_id, permit_id, first_known_time FROM permits) UNION ALL (SELECT person_id, permit_id, first_known_time FROM permit_employers)

-- accepted
(SELECT person_id, permit_id, first_known_time FROM permits ORDER BY valid_from) UNION ALL SELECT person_id, permit_id, first_known_time FROM permit_employers

-- accepted
SELECT person_id, permit_id, first_known_time FROM permits UNION ALL SELECT person_id, permit_id, first_known_time FROM permit_employers ORDER BY 1

-- accepted
SELECT person_id, permit_id, first_known_time FROM permits UNION ALL SELECT person_id, permit_id, first_known_time FROM permit_employers ORDER BY permit_id

-- refused: LIMIT
SELECT person_id, permit_id, first_known_time FROM permits UNION ALL SELECT person_id, permit_id, first_known_time FROM permit_employers LIMIT 3

-- refused: a UNION of rows of persons with rows of nobody
SELECT person_id, permit_id, first_known_time FROM permits UNION ALL VALUES ('a', 'b', TIMESTAMP '2024-01-01 00:00:00')

-- refused: a UNION of rows of persons with rows of nobody
SELECT person_id, permit_id, first_known_time FROM permits UNION ALL SELECT 'a', 'b', TIMESTAMP '2024-01-01 00:00:00'

-- refused: SQL: SQL error: ParserError("Expected: ), found: ,
SELECT person_id, permit_id, first_known_time FROM permits UNION ALL TABLE permit_employers

-- refused: output column person_id is computed
SELECT person_id, permit_id, first_known_time FROM permits UNION ALL SELECT permit_id, person_id, first_known_time FROM permits

-- accepted
SELECT DISTINCT person_id, permit_id, first_known_time FROM permits UNION ALL SELECT DISTINCT person_id, permit_id, first_known_time FROM permits

-- accepted
SELECT person_id, permit_id, first_known_time FROM permits UNION ALL SELECT person_id, permit_id, max(first_known_time) FROM permit_employers GROUP BY person_id, permit_id

-- accepted
SELECT person_id, permit_id, first_known_time FROM permits UNION ALL SELECT person_id, permit_id, first_known_time AS other FROM permit_employers

-- refused: SQL: SQL error: ParserError("Expected: ), found: ,
SELECT person_id, permit_id, first_known_time FROM permits OUTER UNION SELECT person_id, permit_id, first_known_time FROM permits

-- refused: column n of a UNION, a whole number in one branch and a truth in another,
SELECT person_id, permit_id, first_known_time, floor_sek AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, inhibited FROM permits

-- refused: column n of a UNION, a whole number in one branch and a day in another,
SELECT person_id, permit_id, first_known_time, floor_sek AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, valid_from FROM permits

-- refused: column n of a UNION, a whole number in one branch and an instant in another,
SELECT person_id, permit_id, first_known_time, floor_sek AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, event_time FROM permits

-- refused: column n of a UNION, a whole number in one branch and a list in another,
SELECT person_id, permit_id, first_known_time, floor_sek AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, citizenships_at_grant FROM permits

-- refused: column n of a UNION, a text in one branch and a whole number in another,
SELECT person_id, permit_id, first_known_time, permit_class AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, floor_sek FROM permits

-- refused: column n of a UNION, a text in one branch and a truth in another,
SELECT person_id, permit_id, first_known_time, permit_class AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, inhibited FROM permits

-- refused: column n of a UNION, a text in one branch and a day in another,
SELECT person_id, permit_id, first_known_time, permit_class AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, valid_from FROM permits

-- refused: column n of a UNION, a text in one branch and an instant in another,
SELECT person_id, permit_id, first_known_time, permit_class AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, event_time FROM permits

-- refused: column n of a UNION, a text in one branch and a fraction in another,
SELECT person_id, permit_id, first_known_time, permit_class AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, floor_sek * 1.5 FROM permits

-- refused: column n of a UNION, a text in one branch and a list in another,
SELECT person_id, permit_id, first_known_time, permit_class AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, citizenships_at_grant FROM permits

-- accepted
SELECT person_id, permit_id, first_known_time, permit_class AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, NULL FROM permits

-- refused: column n of a UNION, a truth in one branch and a text in another,
SELECT person_id, permit_id, first_known_time, inhibited AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, permit_class FROM permits

-- refused: column n of a UNION, a truth in one branch and a day in another,
SELECT person_id, permit_id, first_known_time, inhibited AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, valid_from FROM permits

-- refused: column n of a UNION, a truth in one branch and an instant in another,
SELECT person_id, permit_id, first_known_time, inhibited AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, event_time FROM permits

-- refused: column n of a UNION, a truth in one branch and a fraction in another,
SELECT person_id, permit_id, first_known_time, inhibited AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, floor_sek * 1.5 FROM permits

-- refused: column n of a UNION, a truth in one branch and a list in another,
SELECT person_id, permit_id, first_known_time, inhibited AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, citizenships_at_grant FROM permits

-- accepted
SELECT person_id, permit_id, first_known_time, inhibited AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, NULL FROM permits

-- refused: column n of a UNION, a day in one branch and a whole number in another,
SELECT person_id, permit_id, first_known_time, valid_from AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, floor_sek FROM permits

-- refused: column n of a UNION, a day in one branch and a text in another,
SELECT person_id, permit_id, first_known_time, valid_from AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, permit_class FROM permits

-- refused: column n of a UNION, a day in one branch and a truth in another,
SELECT person_id, permit_id, first_known_time, valid_from AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, inhibited FROM permits

-- refused: column n of a UNION, a day in one branch and an instant in another,
SELECT person_id, permit_id, first_known_time, valid_from AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, event_time FROM permits

-- refused: column n of a UNION, a day in one branch and a fraction in another,
SELECT person_id, permit_id, first_known_time, valid_from AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, floor_sek * 1.5 FROM permits

-- refused: column n of a UNION, a day in one branch and a list in another,
SELECT person_id, permit_id, first_known_time, valid_from AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, citizenships_at_grant FROM permits

-- accepted
SELECT person_id, permit_id, first_known_time, valid_from AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, NULL FROM permits

-- refused: column n of a UNION, an instant in one branch and a whole number in another,
SELECT person_id, permit_id, first_known_time, event_time AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, floor_sek FROM permits

-- refused: column n of a UNION, an instant in one branch and a text in another,
SELECT person_id, permit_id, first_known_time, event_time AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, permit_class FROM permits

-- refused: column n of a UNION, an instant in one branch and a truth in another,
SELECT person_id, permit_id, first_known_time, event_time AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, inhibited FROM permits

-- refused: column n of a UNION, an instant in one branch and a day in another,
SELECT person_id, permit_id, first_known_time, event_time AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, valid_from FROM permits

-- refused: column n of a UNION, an instant in one branch and a fraction in another,
SELECT person_id, permit_id, first_known_time, event_time AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, floor_sek * 1.5 FROM permits

-- refused: column n of a UNION, an instant in one branch and a list in another,
SELECT person_id, permit_id, first_known_time, event_time AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, citizenships_at_grant FROM permits

-- accepted
SELECT person_id, permit_id, first_known_time, event_time AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, NULL FROM permits

-- refused: column n of a UNION, a fraction in one branch and a whole number in another,
SELECT person_id, permit_id, first_known_time, floor_sek * 1.5 AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, floor_sek FROM permits

-- refused: column n of a UNION, a fraction in one branch and a text in another,
SELECT person_id, permit_id, first_known_time, floor_sek * 1.5 AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, permit_class FROM permits

-- refused: column n of a UNION, a fraction in one branch and a truth in another,
SELECT person_id, permit_id, first_known_time, floor_sek * 1.5 AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, inhibited FROM permits

-- refused: column n of a UNION, a fraction in one branch and a day in another,
SELECT person_id, permit_id, first_known_time, floor_sek * 1.5 AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, valid_from FROM permits

-- refused: column n of a UNION, a fraction in one branch and an instant in another,
SELECT person_id, permit_id, first_known_time, floor_sek * 1.5 AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, event_time FROM permits

-- refused: column n of a UNION, a fraction in one branch and a list in another,
SELECT person_id, permit_id, first_known_time, floor_sek * 1.5 AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, citizenships_at_grant FROM permits

-- accepted
SELECT person_id, permit_id, first_known_time, floor_sek * 1.5 AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, NULL FROM permits

-- refused: column n of a UNION, a list in one branch and a whole number in another,
SELECT person_id, permit_id, first_known_time, citizenships_at_grant AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, floor_sek FROM permits

-- refused: column n of a UNION, a list in one branch and a text in another,
SELECT person_id, permit_id, first_known_time, citizenships_at_grant AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, permit_class FROM permits

-- refused: column n of a UNION, a list in one branch and a truth in another,
SELECT person_id, permit_id, first_known_time, citizenships_at_grant AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, inhibited FROM permits

-- refused: column n of a UNION, a list in one branch and a day in another,
SELECT person_id, permit_id, first_known_time, citizenships_at_grant AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, valid_from FROM permits

-- refused: column n of a UNION, a list in one branch and an instant in another,
SELECT person_id, permit_id, first_known_time, citizenships_at_grant AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, event_time FROM permits

-- refused: column n of a UNION, a list in one branch and a fraction in another,
SELECT person_id, permit_id, first_known_time, citizenships_at_grant AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, floor_sek * 1.5 FROM permits

-- accepted
SELECT person_id, permit_id, first_known_time, citizenships_at_grant AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, NULL FROM permits

-- refused: column n of a UNION, NULL in one branch and a whole number in another,
SELECT person_id, permit_id, first_known_time, NULL AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, floor_sek FROM permits

-- refused: column n of a UNION, NULL in one branch and a text in another,
SELECT person_id, permit_id, first_known_time, NULL AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, permit_class FROM permits

-- refused: column n of a UNION, NULL in one branch and a truth in another,
SELECT person_id, permit_id, first_known_time, NULL AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, inhibited FROM permits

-- refused: column n of a UNION, NULL in one branch and a day in another,
SELECT person_id, permit_id, first_known_time, NULL AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, valid_from FROM permits

-- refused: column n of a UNION, NULL in one branch and an instant in another,
SELECT person_id, permit_id, first_known_time, NULL AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, event_time FROM permits

-- refused: column n of a UNION, NULL in one branch and a fraction in another,
SELECT person_id, permit_id, first_known_time, NULL AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, floor_sek * 1.5 FROM permits

-- refused: column n of a UNION, NULL in one branch and a list in another,
SELECT person_id, permit_id, first_known_time, NULL AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, citizenships_at_grant FROM permits

-- accepted
SELECT person_id, permit_id, first_known_time, NULL AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, NULL FROM permits

-- accepted
SELECT person_id, permit_id, first_known_time, CAST(NULL AS BIGINT) AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, floor_sek FROM permits

-- accepted
SELECT person_id, permit_id, first_known_time, floor_sek AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, CAST(1 AS INT) FROM permits

-- refused: column n of a UNION, a whole number in one branch and a whole number in another,
SELECT person_id, permit_id, first_known_time, CAST(1 AS INT) AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, floor_sek FROM permits

-- refused: column n of a UNION, a fraction in one branch and a fraction in another,
SELECT person_id, permit_id, first_known_time, 1.5 AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, 10.25 FROM permits

-- accepted
SELECT person_id, permit_id, first_known_time, CAST(1.5 AS DECIMAL(18, 2)) AS n FROM permits UNION ALL SELECT person_id, permit_id, first_known_time, CAST(floor_sek AS DECIMAL(18, 2)) FROM permits

-- refused: column n of a UNION, a whole number in one branch and a text in another,
SELECT person_id, permit_id, first_known_time, floor_sek AS n FROM permits UNION ALL BY NAME SELECT permit_id, permit_class AS n, first_known_time, person_id FROM permits

-- refused: a whole number compared with a text by INTERSECT
SELECT person_id, permit_id, first_known_time, floor_sek AS n FROM permits INTERSECT SELECT person_id, permit_id, first_known_time, permit_class FROM permits

-- refused: a day compared with an instant by INTERSECT
SELECT person_id, permit_id, first_known_time, valid_from AS n FROM permits INTERSECT SELECT person_id, permit_id, first_known_time, event_time FROM permits

-- around: {}

-- accepted
SELECT person_id, permit_id, 'a' AS alert_key, first_known_time AS alert_at FROM permits UNION ALL SELECT person_id, permit_id, 'b' AS alert_key, first_known_time AS alert_at FROM permit_employers

-- accepted
SELECT person_id, permit_id, 'a' AS alert_key, first_known_time AS alert_at FROM permits UNION ALL SELECT person_id, permit_id, 'bb', first_known_time FROM permit_employers

-- accepted
SELECT person_id, permit_id, 'a' AS alert_key, first_known_time AS alert_at FROM permits UNION SELECT person_id, permit_id, 'a', first_known_time FROM permits

-- refused: column alert_key of a UNION, a day in one branch and a text in another,
SELECT person_id, permit_id, valid_from AS alert_key, first_known_time AS alert_at FROM permits WHERE valid_from IS NOT NULL UNION ALL SELECT person_id, permit_id, 'b', first_known_time FROM permits

-- refused: column e0 of a UNION, a whole number in one branch and a fraction in another,
SELECT person_id, permit_id, 'a' AS alert_key, first_known_time AS alert_at, floor_sek AS e0 FROM permits UNION ALL SELECT person_id, permit_id, 'b', first_known_time, 1.5 FROM permits

-- refused: column e0 of a UNION, NULL in one branch and a day in another,
SELECT person_id, permit_id, 'a' AS alert_key, first_known_time AS alert_at, NULL AS e0 FROM permits UNION ALL SELECT person_id, permit_id, 'b', first_known_time, valid_from FROM permits

-- refused: SQL: Error during planning: Projections require unique expression names but the expression
SELECT person_id, permit_id, 'a' AS alert_key, first_known_time AS alert_at, valid_from AS e0 FROM permits UNION ALL SELECT person_id, permit_id, 'b', first_known_time, first_known_time FROM permits

-- refused: column e0 of a UNION, a truth in one branch and a whole number in another,
SELECT person_id, permit_id, 'a' AS alert_key, first_known_time AS alert_at, inhibited AS e0 FROM permits UNION ALL SELECT person_id, permit_id, 'b', first_known_time, 1 FROM permits

-- refused: column e0 of a UNION, a text in one branch and a whole number in another,
SELECT person_id, permit_id, 'a' AS alert_key, first_known_time AS alert_at, permit_class AS e0 FROM permits UNION ALL SELECT person_id, permit_id, 'b', first_known_time, 1 FROM permits

-- refused: column e0 of a UNION, a whole number in one branch and a fraction in another,
SELECT person_id, permit_id, 'a' AS alert_key, first_known_time AS alert_at, floor_sek AS e0 FROM permits UNION SELECT person_id, permit_id, 'a', first_known_time, floor_sek * 1.0 FROM permits

-- refused: it asserts an absence
SELECT person_id, permit_id, 'a' AS alert_key, first_known_time AS alert_at FROM permits EXCEPT SELECT person_id, permit_id, 'a', first_known_time FROM permits WHERE permit_class = 'WORK_EMP'

-- accepted
(SELECT person_id, permit_id, 'a' AS alert_key, first_known_time AS alert_at FROM permits) UNION ALL (SELECT person_id, permit_id, 'b', first_known_time FROM permits) ORDER BY alert_key
