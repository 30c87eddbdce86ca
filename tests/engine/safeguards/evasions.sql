-- Texts that go round a safeguard. Each begins with a line `-- technique | safeguard | what it does`; lines `-- header: key = value` change
-- the rule's header. ALERT(p) stands for p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at.

-- rename | names | a name called q in a step
WITH n AS (SELECT person_id, name AS q FROM population)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id WHERE n.q LIKE 'A%'

-- rename | names | called title, then called again
WITH a AS (SELECT person_id, name AS title FROM population), b AS (SELECT person_id, title AS word FROM a)
SELECT ALERT(p) FROM permits p JOIN b ON b.person_id = p.person_id WHERE b.word = 'Ali'

-- rename | names | the name at the grant called identifier
SELECT ALERT(q) FROM (SELECT person_id, permit_id, first_known_time, name_at_grant AS sector FROM permits) q WHERE q.sector >= 'M'

-- rename | identity-numbers | the digit that tells the sex, of a column called kind
WITH n AS (SELECT person_id, number AS kind FROM population)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id WHERE substr(n.kind, 11, 1) IN ('1', '3', '5', '7', '9')

-- rename | age | a date of birth called valid_to
WITH n AS (SELECT person_id, birth_on AS valid_to FROM population)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id WHERE n.valid_to > DATE '2000-01-01'

-- rename | civil-status | civil status called kind
WITH n AS (SELECT person_id, civil_status AS kind FROM population)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id AND n.kind = 'G'

-- rename | named-country | a country called code
WITH b AS (SELECT person_id, country AS code FROM border)
SELECT ALERT(p) FROM permits p JOIN b ON b.person_id = p.person_id AND b.code = 'SYR'

-- rename | named-country | the issuer of a document called issuer
SELECT ALERT(p) FROM permits p JOIN (SELECT person_id, doc_issuer AS issuer FROM border) b ON b.person_id = p.person_id WHERE b.issuer IN ('IRN', 'IRQ')

-- rename | citizenship | citizenships called list
WITH n AS (SELECT person_id, citizenships AS list FROM population)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id WHERE array_length(n.list) > 1

-- rename | keys-of-things | an address called place
WITH n AS (SELECT person_id, address_key AS place FROM population)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id WHERE n.place = 'a1b2c3'

-- rename | other-persons | the spouse called who
WITH n AS (SELECT person_id, spouse_id AS who FROM population)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id WHERE n.who = 'p17'

-- rename | secrecy-class | the secrecy of a record called level
WITH n AS (SELECT person_id, secrecy_class AS level FROM notices WHERE kind = 'tip')
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id WHERE n.level = 4

-- alias list | names | a step with names of its own for its columns
WITH n(person_id, q) AS (SELECT person_id, name FROM population)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id WHERE starts_with(n.q, 'A')

-- alias list | names | a query in FROM with names of its own
SELECT ALERT(p) FROM permits p JOIN (SELECT person_id, name FROM population) AS n(person_id, q) ON n.person_id = p.person_id WHERE length(n.q) > 20

-- alias list | identity-numbers | a table with names of its own
WITH n(a, b) AS (SELECT person_id, number FROM identities)
SELECT ALERT(p) FROM permits p JOIN n ON n.a = p.person_id WHERE n.b LIKE '19%'

-- alias list | age | a date of birth by a name of the list
WITH n(person_id, month) AS (SELECT person_id, birth_on FROM population)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id WHERE date_part('year', n.month) < 1990

-- alias list | civil-status | civil status by a name of the list
WITH n(person_id, outcome) AS (SELECT person_id, civil_status FROM population)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id WHERE n.outcome IN ('S', 'OG')

-- alias list | named-country | a country by a name of the list
SELECT ALERT(p) FROM permits p JOIN (SELECT person_id, country FROM border) AS b(person_id, direction) ON b.person_id = p.person_id WHERE b.direction = 'AFG'

-- alias list | keys-of-things | a document by a name of the list
WITH d(person_id, kind) AS (SELECT person_id, document_key FROM documents)
SELECT ALERT(p) FROM permits p JOIN d ON d.person_id = p.person_id AND d.kind = 'abcdef0123456789'

-- alias list | gateway | what is called permit_class is none
WITH k(person_id, permit_class) AS (SELECT person_id, 'WORK_EMP' FROM permits)
SELECT ALERT(p) FROM permits p JOIN k ON k.person_id = p.person_id JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary' AND k.permit_class = 'WORK_EMP'
-- header: legal_gate = "request"

-- quoted alias | names | a name in quotes
SELECT ALERT(p) FROM permits p JOIN (SELECT person_id, name AS "q q" FROM population) n ON n.person_id = p.person_id WHERE n."q q" LIKE '%ov'

-- quoted alias | names | the column in quotes
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE lower(n."name") = 'x'

-- quoted alias | identity-numbers | the table in quotes
SELECT ALERT(p) FROM permits p JOIN "population" "n" ON "n"."person_id" = p.person_id WHERE substr("n"."number", 11) > '5000'

-- quoted alias | age | quoted names of a step
WITH "n" AS (SELECT "person_id", "birth_on" AS "day" FROM "population")
SELECT ALERT(p) FROM permits p JOIN "n" ON "n"."person_id" = p.person_id WHERE p.valid_from - "n"."day" > 10000

-- quoted alias | named-country | a quoted country
SELECT ALERT(p) FROM permits p JOIN border "b" ON "b"."person_id" = p.person_id WHERE "b"."country" = 'ERI'

-- quoted alias | citizenship | quoted citizenships
SELECT ALERT(p) FROM permits p JOIN population "n" ON "n"."person_id" = p.person_id WHERE array_has("n"."citizenships", "n"."foreign_country")

-- quoted alias | civil-status | a quoted status
SELECT ALERT(p) FROM permits p JOIN population "permits2" ON "permits2".person_id = p.person_id WHERE "permits2"."civil_status" <> 'G'

-- quoted alias | gateway | payments by a quoted name
SELECT ALERT(p) FROM permits p JOIN "payments" "permits3" ON "permits3"."person_id" = p."person_id" AND "permits3"."kind" = 'benefit'

-- step | names | compared two steps later
WITH a AS (SELECT person_id, name FROM population), b AS (SELECT person_id, name, 1 AS one FROM a), c AS (SELECT person_id, name <> 'X' AS hit FROM b)
SELECT ALERT(p) FROM permits p JOIN c ON c.person_id = p.person_id AND c.hit

-- step | age | the age computed in one step and asked for in another
WITH a AS (SELECT n.person_id, p.permit_id, p.first_known_time, p.valid_from - n.birth_on AS days FROM permits p JOIN population n ON n.person_id = p.person_id)
SELECT ALERT(a) FROM a WHERE a.days < 6570

-- step | age | who is of age by the application
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE add_months(n.birth_on, 216) <= p.application_on

-- step | age | the same, handed on as a truth value
WITH a AS (SELECT p.person_id, p.permit_id, p.first_known_time, add_months(n.birth_on, 216) > p.valid_from AS fresh FROM permits p JOIN population n ON n.person_id = p.person_id)
SELECT ALERT(a) FROM a WHERE a.fresh

-- step | age | of age by one day and not by another
WITH a AS (SELECT p.person_id, p.permit_id, p.first_known_time, (add_months(n.birth_on, 216) <= p.valid_from) <> (add_months(n.birth_on, 216) <= p.valid_to) AS hit
           FROM permits p JOIN population n ON n.person_id = p.person_id)
SELECT ALERT(a) FROM a WHERE a.hit

-- step | named-country | the country is named in a step of its own
WITH c AS (SELECT 'SYR' AS code), b AS (SELECT person_id, country FROM border)
SELECT ALERT(p) FROM permits p JOIN b ON b.person_id = p.person_id JOIN c ON c.code = b.country

-- step | gateway | salaries of a worker's permit, for the permit to study
WITH pay AS (SELECT p.person_id, s.amount_sek FROM permits p JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary' WHERE p.permit_class = 'WORK_EMP')
SELECT ALERT(q) FROM permits q JOIN pay ON pay.person_id = q.person_id WHERE q.permit_class = 'STUDY_HE' AND pay.amount_sek > 10000
-- header: legal_gate = "request"

-- step | gateway | a class that a step makes up
WITH q AS (SELECT person_id, permit_id, first_known_time, 'WORK_EMP' AS permit_class FROM permits)
SELECT ALERT(q) FROM q JOIN payments s ON s.person_id = q.person_id AND s.kind = 'salary' AND q.permit_class = 'WORK_EMP'
-- header: legal_gate = "request"

-- step | gateway | a class that is some other column
WITH q AS (SELECT person_id, permit_id, first_known_time, coalesce(work_right, 'any') AS permit_class FROM permits)
SELECT ALERT(q) FROM q JOIN payments s ON s.person_id = q.person_id AND s.kind = 'salary' AND q.permit_class IN ('WORK_EMP', 'any')
-- header: legal_gate = "request"

-- step | gateway | the class that somebody applied for
WITH a AS (SELECT person_id, permit_class FROM applications)
SELECT ALERT(p) FROM permits p JOIN a ON a.person_id = p.person_id JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary' WHERE a.permit_class = 'WORK_EMP'
-- header: legal_gate = "request"

-- step | gateway | the kind that a step makes up
WITH s AS (SELECT person_id, 'salary' AS kind, amount_sek FROM payments)
SELECT ALERT(p) FROM permits p JOIN s ON s.person_id = p.person_id AND s.kind = 'salary' WHERE p.permit_class = 'WORK_EMP'
-- header: legal_gate = "request"

-- step | gateway | a court notice by way of a step
WITH n AS (SELECT person_id, kind AS what, event_on FROM notices)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id AND n.what = 'court_notice'

-- step | gateway | every notice but tips
SELECT ALERT(p) FROM permits p JOIN notices n ON n.person_id = p.person_id WHERE n.kind <> 'tip'

-- step | gateway | benefits for the control of permits, through a view
SELECT ALERT(p) FROM permits p JOIN later_signs s ON s.person_id = p.person_id

-- step | cancellers | asks what silences alerts
SELECT ALERT(p) FROM permits p JOIN cancellers c ON c.person_id = p.person_id AND c.permit_id = p.permit_id AND c.reason = 'minor'

-- union | names | a name below another text
WITH u AS (SELECT person_id, name AS word FROM population UNION ALL SELECT person_id, source AS word FROM permits)
SELECT ALERT(p) FROM permits p JOIN u ON u.person_id = p.person_id WHERE u.word = 'Ali'

-- union | names | a name in the second branch
WITH u AS (SELECT person_id, CAST(NULL AS VARCHAR) AS word FROM permits UNION ALL SELECT person_id, name FROM population)
SELECT ALERT(p) FROM permits p JOIN u ON u.person_id = p.person_id WHERE u.word > 'K'

-- union | named-country | a named country among the person's, found by counting
WITH u AS (SELECT person_id, country FROM border UNION ALL SELECT person_id, 'SYR' AS country FROM permits),
g AS (SELECT person_id, country, count(*) AS n FROM u GROUP BY person_id, country)
SELECT ALERT(p) FROM permits p JOIN g ON g.person_id = p.person_id AND g.n > 1

-- union | named-country | several named countries as rows
WITH c AS (SELECT 'SYR' AS code UNION ALL SELECT 'IRQ' UNION ALL SELECT 'AFG')
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id JOIN c ON c.code = b.country

-- union | age | a date of birth below other days
WITH u AS (SELECT person_id, birth_on AS day FROM population UNION ALL SELECT person_id, valid_from AS day FROM permits)
SELECT ALERT(p) FROM permits p JOIN u ON u.person_id = p.person_id AND u.day < DATE '1960-01-01'

-- union | identity-numbers | a number below a document's kind
WITH u AS (SELECT person_id, number AS x FROM identities UNION ALL SELECT person_id, kind AS x FROM documents)
SELECT ALERT(p) FROM permits p JOIN u ON u.person_id = p.person_id WHERE substr(u.x, 11, 1) = '1'

-- union | civil-status | civil status below another code
WITH u AS (SELECT person_id, civil_status AS code FROM population UNION ALL SELECT person_id, dereg_code AS code FROM population)
SELECT ALERT(p) FROM permits p JOIN u ON u.person_id = p.person_id WHERE u.code = 'OG'

-- union | keys-of-things | a named address among the person's
WITH u AS (SELECT person_id, address_key FROM population UNION ALL SELECT person_id, 'a1b2c3d4' AS address_key FROM permits),
g AS (SELECT person_id, address_key, count(*) AS n FROM u GROUP BY person_id, address_key)
SELECT ALERT(p) FROM permits p JOIN g ON g.person_id = p.person_id AND g.n > 1

-- union | gateway | salaries of workers, handed to all permits by a window
WITH u AS (
    SELECT p.person_id, p.permit_id, p.record, p.first_known_time, s.amount_sek FROM permits p JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary' AND p.permit_class = 'WORK_EMP'
    UNION ALL
    SELECT person_id, permit_id, record, first_known_time, 0 AS amount_sek FROM permits WHERE permit_class = 'STUDY_HE'),
w AS (SELECT person_id, permit_id, first_known_time, sum(amount_sek) OVER (PARTITION BY person_id) AS paid_sek FROM u)
SELECT ALERT(w) FROM w WHERE w.paid_sek > 100000
-- header: legal_gate = "request"

-- union | gateway | the branch of a worker is not the only one
WITH u AS (SELECT person_id, permit_id, first_known_time FROM permits WHERE permit_class = 'WORK_EMP' UNION ALL SELECT person_id, permit_id, first_known_time FROM permits WHERE permit_class = 'PERMANENT')
SELECT ALERT(u) FROM u JOIN payments s ON s.person_id = u.person_id AND s.kind = 'salary'
-- header: legal_gate = "request"

-- subquery | names | a name in EXISTS
SELECT ALERT(p) FROM permits p WHERE EXISTS (SELECT 1 FROM population n WHERE n.person_id = p.person_id AND n.name LIKE 'A%')

-- subquery | names | IN a query of names
SELECT ALERT(p) FROM permits p WHERE p.name_at_grant IN (SELECT n.name FROM population n WHERE n.person_id = p.person_id)

-- subquery | identity-numbers | a number in a query in FROM of a query in FROM
SELECT ALERT(p) FROM permits p JOIN (SELECT person_id, x FROM (SELECT person_id, number AS x FROM identities) a) b ON b.person_id = p.person_id WHERE b.x < '1980'

-- subquery | age | a date of birth in EXISTS
SELECT ALERT(p) FROM permits p WHERE EXISTS (SELECT 1 FROM population n WHERE n.person_id = p.person_id AND n.birth_on < add_months(p.valid_from, -720))

-- subquery | civil-status | civil status in EXISTS
SELECT ALERT(p) FROM permits p WHERE EXISTS (SELECT 1 FROM population n WHERE n.person_id = p.person_id AND n.civil_status IN ('OG', 'S'))

-- subquery | named-country | a country IN a query that names some
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id WHERE b.country IN (SELECT c.code FROM (VALUES ('SYR'), ('IRQ')) AS c(code))

-- subquery | named-country | a country in EXISTS
SELECT ALERT(p) FROM permits p WHERE EXISTS (SELECT 1 FROM statuses s WHERE s.person_id = p.person_id AND s.tested_country = 'ERI')

-- subquery | other-persons | another person in EXISTS
SELECT ALERT(p) FROM permits p WHERE EXISTS (SELECT 1 FROM anchors a WHERE a.person_id = p.person_id AND a.holder_id LIKE 'p1%')

-- subquery | gateway | salaries in EXISTS
SELECT ALERT(p) FROM permits p WHERE p.permit_class = 'STUDY_HE' AND EXISTS (SELECT 1 FROM payments s WHERE s.person_id = p.person_id AND s.kind = 'salary')
-- header: legal_gate = "request"

-- subquery | gateway | the class of another permit in EXISTS
SELECT ALERT(p) FROM permits p WHERE EXISTS (SELECT 1 FROM permits q JOIN payments s ON s.person_id = q.person_id AND s.kind = 'salary' WHERE q.person_id = p.person_id AND q.permit_class = 'WORK_EMP')
-- header: legal_gate = "request"

-- values | names | names as rows
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id JOIN (VALUES ('Ali'), ('Omar')) AS v(x) ON v.x = n.name

-- values | named-country | countries as rows
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id JOIN (VALUES ('SYR'), ('AFG')) AS v(x) ON v.x = b.country

-- values | named-country | countries in two pieces
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id JOIN (VALUES ('S', 'YR'), ('A', 'FG')) AS v(x, y) ON concat(v.x, v.y) = b.country

-- values | named-country | countries in pieces of rows, one with SWE
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id JOIN (VALUES ('SWE'), ('IRN')) AS v(x) ON v.x <> b.country

-- values | named-country | a list of countries beside a citizenship
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id JOIN (VALUES ('SYR'), ('AFG')) AS v(x) ON has_citizenship(n.citizenships, v.x)
-- header: compares_citizenship = "a reason"

-- values | age | years as rows
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id JOIN (VALUES (DATE '1990-01-01')) AS v(x) ON n.birth_on > v.x

-- values | civil-status | codes as rows
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id JOIN (VALUES ('G'), ('RP')) AS v(x) ON v.x = n.civil_status

-- values | identity-numbers | beginnings of numbers as rows
SELECT ALERT(p) FROM permits p JOIN identities i ON i.person_id = p.person_id JOIN (VALUES ('19900101')) AS v(x) ON v.x = substr(i.number, 1, 8)

-- values | gateway | the class comes from VALUES
SELECT ALERT(p) FROM permits p CROSS JOIN (VALUES ('WORK_EMP')) AS v(permit_class) JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary' AND v.permit_class = 'WORK_EMP'
-- header: legal_gate = "request"

-- values | gateway | one of the classes in VALUES has no gateway
SELECT ALERT(p) FROM permits p JOIN (VALUES ('WORK_EMP'), ('STUDY_HE')) AS v(c) ON v.c = p.permit_class JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary'
-- header: legal_gate = "request"

-- function | names | the length of a name
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE character_length(n.name) > 20

-- function | names | part of a name
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE strpos(n.name, 'ovic') > 0

-- function | names | name_agreement with a name of the rule's own
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE name_agreement(n.name, 'Mohammed') <> 'none'

-- function | names | the same by way of coalesce
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE name_agreement(n.name, coalesce(nullif(n.name, n.name), 'Mohammed')) = 'part'

-- function | names | name_agreement with a code
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE name_agreement(n.name, n.source) = 'same'

-- function | identity-numbers | the ninth digit
SELECT ALERT(p) FROM permits p JOIN identities i ON i.person_id = p.person_id WHERE substr(i.number, 9, 3) > '500'

-- function | identity-numbers | all but the last digits taken away
SELECT ALERT(p) FROM permits p JOIN identities i ON i.person_id = p.person_id WHERE replace(i.number, substr(i.number, 1, 8), '') LIKE '__1%'

-- function | identity-numbers | the date of birth compared with a day
SELECT ALERT(p) FROM permits p JOIN identities i ON i.person_id = p.person_id WHERE substr(i.number, 1, 8) < '19800101'

-- function | age | months after the date of birth
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE add_months(n.birth_on, 720) < p.valid_from

-- function | age | the lesser of two days
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE least(n.birth_on, DATE '1970-01-01') = n.birth_on

-- function | age | nullif with the date of birth
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE nullif(n.birth_on, p.valid_from) IS NULL

-- function | age | coalesce puts a day in the place of one
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE n.birth_on < coalesce(nullif(p.birth_on_at_grant, p.birth_on_at_grant), DATE '1980-01-01')

-- function | age | the year of birth
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE date_trunc('year', n.birth_on) = TIMESTAMP '1990-01-01 00:00:00'

-- function | named-country | in small letters
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id WHERE lower(b.country) = 'syr'

-- function | named-country | all but the last letter
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id WHERE substr(b.country, 1, 2) = 'SY'

-- function | named-country | put together from letters
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id WHERE b.country = concat('S', 'Y', 'R')

-- function | named-country | made of another text
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id WHERE b.country = replace('SYX', 'X', 'R')

-- function | named-country | same_state with a named one
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id WHERE same_state(b.country, 'SRB') > 0

-- function | named-country | nullif with a named one
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id WHERE nullif(b.country, 'SYR') IS NULL

-- function | named-country | where in a list of codes it stands
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id WHERE strpos('SYR,IRQ,AFG', b.country) > 0

-- function | named-country | put after another text
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id WHERE b.country || '' = 'SYR'

-- function | citizenship | how many citizenships
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE cardinality(n.citizenships) >= 2

-- function | citizenship | more than one, with a reason in the header
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE array_length(n.citizenships) > 1
-- header: compares_citizenship = "a reason"

-- function | citizenship | a change of citizenship, without a reason
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE citizenship_change(n.citizenships, p.citizenships_at_grant) = 'lost'

-- function | named-country | has_citizenship of a named one, with a reason in the header
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE has_citizenship(n.citizenships, 'SYR')
-- header: compares_citizenship = "a reason"

-- function | civil-status | civil status within a text
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE strpos('G,RP', n.civil_status) > 0

-- function | civil-status | how long somebody has been married
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE add_months(n.civil_status_on, 12) > p.valid_from

-- function | civil-status | whether there is a spouse
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE n.spouse_id IS NOT NULL

-- cast | identity-numbers | a number as a number
SELECT ALERT(p) FROM permits p JOIN identities i ON i.person_id = p.person_id WHERE TRY_CAST(i.number AS BIGINT) % 2 = 1

-- cast | identity-numbers | a number as a number, by steps
WITH i AS (SELECT person_id, TRY_CAST(number AS DECIMAL(20, 0)) AS v FROM identities)
SELECT ALERT(p) FROM permits p JOIN i ON i.person_id = p.person_id AND i.v > 199001010000

-- cast | names | a name as bytes
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE TRY_CAST(n.name AS BYTEA) > TRY_CAST('M' AS BYTEA)

-- cast | age | a date of birth as a text
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE CAST(n.birth_on AS VARCHAR) LIKE '199%'

-- cast | age | a date of birth as an instant
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE CAST(n.birth_on AS TIMESTAMP) > TIMESTAMP '1990-01-01 00:00:00'

-- cast | named-country | a country as another kind of text
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id WHERE CAST(b.country AS CHAR(3)) = 'SYR'

-- cast | named-country | a named one cast
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id WHERE b.country = CAST('SYR' AS VARCHAR)

-- cast | keys-of-things | an address cut by a cast
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE TRY_CAST(n.address_key AS INT) > 7

-- cast | civil-status | civil status cast
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE CAST(n.civil_status AS VARCHAR) = 'S'

-- cast | secrecy-class | the secrecy of a record cast
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE CAST(n.secrecy_class AS VARCHAR) = '3'

-- regex | names | a name by an expression
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE n.name ~ '^Al'

-- regex | names | not like
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE n.name NOT LIKE '%sson'

-- regex | names | in any case
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE n.name ILIKE '%abdul%'

-- regex | identity-numbers | a number by an expression
SELECT ALERT(p) FROM permits p JOIN identities i ON i.person_id = p.person_id WHERE i.number ~ '^.{10}[13579]'

-- regex | named-country | a country by an expression
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id WHERE b.country ~ '^(SYR|IRQ)$'

-- regex | named-country | a country by LIKE
SELECT ALERT(p) FROM permits p JOIN statuses s ON s.person_id = p.person_id WHERE s.tested_country LIKE 'SY_'

-- regex | named-country | a country by NOT LIKE, called otherwise
WITH s AS (SELECT person_id, tested_country AS k FROM statuses)
SELECT ALERT(p) FROM permits p JOIN s ON s.person_id = p.person_id WHERE s.k NOT LIKE 'SOM'

-- regex | named-country | SIMILAR TO
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id WHERE b.doc_issuer SIMILAR TO '(SYR|ERI)'

-- regex | keys-of-things | the beginning of an address
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE n.address_key LIKE 'a%'

-- regex | civil-status | civil status by LIKE
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE n.civil_status LIKE '%P'

-- array | names | a name in an array
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE array_element([n.name], 1) = 'Ali'

-- array | names | a name in an array of names
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE array_has(['Ali', 'Omar'], n.name)

-- array | identity-numbers | a number in an array
WITH i AS (SELECT person_id, array_element([number], 1) AS v FROM identities)
SELECT ALERT(p) FROM permits p JOIN i ON i.person_id = p.person_id WHERE substr(i.v, 11, 1) = '1'

-- array | named-country | a country in an array
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id WHERE array_has(['SYR', 'IRQ'], b.country)

-- array | named-country | an array of countries of the person and one of the rule
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id WHERE array_has_any([b.country], ['SYR'])

-- array | citizenship | citizenships and an array of the rule's own
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE array_has_any(n.citizenships, ['SYR', 'IRQ'])

-- array | citizenship | the same with a reason in the header
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE array_has_all(n.citizenships, ['SYR'])
-- header: compares_citizenship = "a reason"

-- array | citizenship | the first citizenship
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE n.citizenships[1] = n.foreign_country

-- array | named-country | the first citizenship is a named one
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE n.citizenships[1] = 'SYR'
-- header: compares_citizenship = "a reason"

-- array | age | a date of birth in a struct
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE named_struct('d', n.birth_on) < named_struct('d', DATE '1980-01-01')

-- array | named-country | a country in a struct
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id WHERE named_struct('c', b.country) = named_struct('c', 'SYR')

-- array | civil-status | civil status in an array
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE array_has(['OG', 'S'], n.civil_status)

-- window | names | the name before
WITH n AS (SELECT person_id, lag(name) OVER (PARTITION BY person_id ORDER BY version, record) AS q FROM population_history)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id WHERE n.q = 'Ali'

-- window | names | ordered by names
WITH n AS (SELECT person_id, record, row_number() OVER (PARTITION BY person_id ORDER BY name, record) AS place FROM population)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id WHERE n.place = 2

-- window | identity-numbers | the first number
WITH i AS (SELECT person_id, first_value(number) OVER (PARTITION BY person_id ORDER BY record) AS x FROM identities)
SELECT ALERT(p) FROM permits p JOIN i ON i.person_id = p.person_id WHERE i.x LIKE '%1'

-- window | age | the least date of birth
WITH n AS (SELECT person_id, min(birth_on) OVER (PARTITION BY person_id) AS d FROM population_history)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id WHERE n.d < DATE '1970-01-01'

-- window | age | lag with a day of the rule's own
WITH n AS (SELECT person_id, lag(birth_on, 1, DATE '1980-01-01') OVER (PARTITION BY person_id ORDER BY version, record) AS d, birth_on FROM population_history)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id WHERE n.birth_on > n.d

-- window | age | ordered by dates of birth and others
WITH n AS (SELECT person_id, record, row_number() OVER (PARTITION BY person_id ORDER BY birth_on, record) AS place FROM population)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id WHERE n.place = 1

-- window | named-country | the next country
WITH b AS (SELECT person_id, lead(country) OVER (PARTITION BY person_id ORDER BY observed_on, record) AS next FROM border)
SELECT ALERT(p) FROM permits p JOIN b ON b.person_id = p.person_id WHERE b.next = 'AFG'

-- window | named-country | lead with a named one
WITH b AS (SELECT person_id, country, lead(country, 1, 'SYR') OVER (PARTITION BY person_id ORDER BY observed_on, record) AS next FROM border)
SELECT ALERT(p) FROM permits p JOIN b ON b.person_id = p.person_id WHERE b.next = b.country

-- window | civil-status | the status before
WITH n AS (SELECT person_id, lag(civil_status) OVER (PARTITION BY person_id ORDER BY version, record) AS before FROM population_history)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id WHERE n.before = 'G'

-- window | gateway | what was read for a worker's permit, over all the person's permits
WITH q AS (SELECT p.person_id, p.permit_id, p.permit_class, p.record, p.first_known_time, s.gross_sek
           FROM permits p LEFT JOIN salaries s ON s.person_id = p.person_id AND p.permit_class = 'WORK_EMP'),
w AS (SELECT person_id, permit_id, permit_class, first_known_time, max(gross_sek) OVER (PARTITION BY person_id) AS most_sek FROM q)
SELECT ALERT(w) FROM w WHERE w.permit_class = 'STUDY_HE' AND w.most_sek > 0
-- header: legal_gate = "request"

-- window | keys-of-things | the address before
WITH n AS (SELECT person_id, lag(address_key) OVER (PARTITION BY person_id ORDER BY version, record) AS k FROM population_history)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id WHERE n.k IN ('0011223344', '5566778899')

-- aggregate | names | the least name
WITH n AS (SELECT person_id, min(name) AS q FROM population GROUP BY person_id)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id WHERE n.q < 'B'

-- aggregate | names | names in HAVING
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id GROUP BY p.person_id, p.permit_id, p.first_known_time HAVING max(n.name) LIKE 'Z%'

-- aggregate | names | names in FILTER
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id GROUP BY p.person_id, p.permit_id, p.first_known_time HAVING count(*) FILTER (WHERE n.name = 'Ali') > 0

-- aggregate | identity-numbers | numbers in CASE in sum
SELECT ALERT(p) FROM permits p JOIN identities i ON i.person_id = p.person_id GROUP BY p.person_id, p.permit_id, p.first_known_time HAVING sum(CASE WHEN substr(i.number, 11, 1) = '1' THEN 1 ELSE 0 END) > 0

-- aggregate | age | the greatest date of birth
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id GROUP BY p.person_id, p.permit_id, p.first_known_time HAVING max(n.birth_on) > DATE '2005-01-01'

-- aggregate | named-country | countries in bool_or
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id GROUP BY p.person_id, p.permit_id, p.first_known_time HAVING bool_or(b.country = 'SYR')

-- aggregate | named-country | countries in one text
WITH b AS (SELECT person_id, string_agg(country, ',' ORDER BY record) AS list FROM border GROUP BY person_id)
SELECT ALERT(p) FROM permits p JOIN b ON b.person_id = p.person_id WHERE b.list LIKE '%SYR%'

-- aggregate | named-country | countries in one array
WITH b AS (SELECT person_id, array_agg(country ORDER BY record) AS list FROM border GROUP BY person_id)
SELECT ALERT(p) FROM permits p JOIN b ON b.person_id = p.person_id WHERE array_has(b.list, 'SYR')

-- aggregate | civil-status | how many civil statuses
SELECT ALERT(p) FROM permits p JOIN population_history n ON n.person_id = p.person_id GROUP BY p.person_id, p.permit_id, p.first_known_time HAVING count(DISTINCT n.civil_status) > 2

-- aggregate | citizenship | the greatest number of citizenships
SELECT ALERT(p) FROM permits p JOIN population_history n ON n.person_id = p.person_id GROUP BY p.person_id, p.permit_id, p.first_known_time HAVING max(array_length(n.citizenships)) > 1

-- aggregate | gateway | all the person's permits in one group
SELECT p.person_id, max(p.permit_id) AS permit_id, 'x' AS alert_key, min(p.first_known_time) AS alert_at
FROM permits p JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary' WHERE p.permit_class = 'WORK_EMP' GROUP BY p.person_id
-- header: legal_gate = "request"

-- case | names | a name in CASE
SELECT ALERT(p), CASE n.name WHEN 'Ali' THEN 'medium' ELSE 'info' END AS severity FROM permits p JOIN population n ON n.person_id = p.person_id

-- case | identity-numbers | the sex in CASE
SELECT ALERT(p), CASE WHEN substr(n.number, 11, 1) IN ('0', '2', '4', '6', '8') THEN 'weak' ELSE 'info' END AS severity FROM permits p JOIN population n ON n.person_id = p.person_id

-- case | age | the age in CASE
SELECT ALERT(p), CASE WHEN n.birth_on > DATE '2000-01-01' THEN 'weak' ELSE 'info' END AS severity FROM permits p JOIN population n ON n.person_id = p.person_id

-- case | age | of age in CASE
SELECT ALERT(p), CASE WHEN add_months(p.birth_on_at_grant, 216) <= p.application_on THEN 'weak' ELSE 'info' END AS severity FROM permits p

-- case | named-country | a country in CASE
SELECT ALERT(p), CASE b.country WHEN 'SYR' THEN 'medium' ELSE 'info' END AS severity FROM permits p JOIN border b ON b.person_id = p.person_id

-- case | named-country | a CASE that names countries
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id WHERE b.country = CASE WHEN p.first_grant THEN 'SYR' ELSE 'IRQ' END

-- case | named-country | a country with a named one in its place
WITH b AS (SELECT person_id, CASE WHEN transit THEN 'SYR' ELSE country END AS c FROM border)
SELECT ALERT(p) FROM permits p JOIN b ON b.person_id = p.person_id JOIN statuses s ON s.person_id = p.person_id AND s.tested_country = b.c

-- case | civil-status | civil status in CASE
SELECT ALERT(p), CASE WHEN n.civil_status = 'OG' THEN 'weak' ELSE 'info' END AS severity FROM permits p JOIN population n ON n.person_id = p.person_id

-- case | civil-status | civil status lowers an alert
SELECT ALERT(p), CASE n.civil_status WHEN 'G' THEN 'info' ELSE 'medium' END AS severity FROM permits p JOIN population n ON n.person_id = p.person_id

-- case | citizenship | a change of citizenship in CASE
SELECT ALERT(p), CASE WHEN citizenship_change(n.citizenships, p.citizenships_at_grant) <> 'same' THEN 'weak' ELSE 'info' END AS severity FROM permits p JOIN population n ON n.person_id = p.person_id

-- case | gateway | salaries only in CASE
SELECT ALERT(p), CASE WHEN s.gross_sek > 0 AND p.permit_class = 'WORK_EMP' THEN 'info' ELSE 'weak' END AS severity FROM permits p LEFT JOIN salaries s ON s.person_id = p.person_id
-- header: legal_gate = "request"

-- case | gateway | the class in CASE of the join
SELECT ALERT(p) FROM permits p JOIN payments s ON s.person_id = p.person_id AND CASE WHEN p.permit_class = 'WORK_EMP' THEN s.kind ELSE 'salary' END = 'salary'
-- header: legal_gate = "request"

-- evidence | names | a name
SELECT ALERT(p), n.name AS title FROM permits p JOIN population n ON n.person_id = p.person_id

-- evidence | names | the first letter of a name
SELECT ALERT(p), substr(n.name, 1, 1) AS letter FROM permits p JOIN population n ON n.person_id = p.person_id

-- evidence | names | a name of a group
SELECT ALERT(p), max(n.name) AS most FROM permits p JOIN population n ON n.person_id = p.person_id GROUP BY p.person_id, p.permit_id, p.first_known_time

-- evidence | identity-numbers | a number
SELECT ALERT(p), i.number AS note FROM permits p JOIN identities i ON i.person_id = p.person_id

-- evidence | identity-numbers | the date of birth of a number
SELECT ALERT(p), substr(i.number, 1, 8) AS day FROM permits p JOIN identities i ON i.person_id = p.person_id

-- evidence | age | the date of birth
SELECT ALERT(p), n.birth_on AS since_on FROM permits p JOIN population n ON n.person_id = p.person_id

-- evidence | age | the day of coming of age
SELECT ALERT(p), add_months(n.birth_on, 216) AS until_on FROM permits p JOIN population n ON n.person_id = p.person_id

-- evidence | age | whether somebody is of age
SELECT ALERT(p), add_months(n.birth_on, 216) <= p.valid_from AS adult FROM permits p JOIN population n ON n.person_id = p.person_id

-- evidence | keys-of-things | an address
SELECT ALERT(p), n.address_key AS place FROM permits p JOIN population n ON n.person_id = p.person_id

-- evidence | keys-of-things | a document
SELECT ALERT(p), coalesce(b.doc_key, d.document_key) AS thing FROM permits p JOIN border b ON b.person_id = p.person_id JOIN documents d ON d.person_id = p.person_id

-- evidence | keys-of-things | the source of a tip
SELECT ALERT(p), t.source_token AS channel FROM permits p JOIN notices t ON t.person_id = p.person_id AND t.kind = 'tip'

-- evidence | other-persons | the anchor
SELECT ALERT(p), p.anchor_person_id AS anchor FROM permits p

-- evidence | other-persons | the spouse of a group
SELECT ALERT(p), min(n.spouse_id) AS other FROM permits p JOIN population n ON n.person_id = p.person_id GROUP BY p.person_id, p.permit_id, p.first_known_time

-- evidence | civil-status | civil status
SELECT ALERT(p), n.civil_status AS status FROM permits p JOIN population n ON n.person_id = p.person_id

-- evidence | citizenship | citizenships
SELECT ALERT(p), n.citizenships AS countries FROM permits p JOIN population n ON n.person_id = p.person_id

-- evidence | person-id | the person's own id
SELECT ALERT(p), p.person_id AS who FROM permits p

-- evidence | person-id | the person's own id in a text
SELECT ALERT(p), concat('case of ', n.person_id) AS note FROM permits p JOIN population n ON n.person_id = p.person_id

-- evidence | protected-persons | that the anchor is protected
SELECT ALERT(p), a.protected AS marked FROM permits p JOIN anchor_population a ON a.permit_id = p.permit_id

-- evidence | protected-persons | the same in words
SELECT ALERT(p), CASE WHEN a.protected THEN 'yes' ELSE 'no' END AS marked FROM permits p JOIN anchor_population a ON a.permit_id = p.permit_id

-- evidence | secrecy-class | the secrecy of a record
SELECT ALERT(p), n.secrecy_class AS level FROM permits p JOIN population n ON n.person_id = p.person_id

-- reserved column | names | a name as the key
SELECT p.person_id, p.permit_id, n.name AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN population n ON n.person_id = p.person_id

-- reserved column | names | a name in the key
SELECT p.person_id, p.permit_id, concat('of ', n.name) AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN population n ON n.person_id = p.person_id

-- reserved column | identity-numbers | a number as the key
SELECT p.person_id, p.permit_id, i.number AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN identities i ON i.person_id = p.person_id

-- reserved column | names | a name as the reason for the end
SELECT ALERT(p), p.first_known_time AS cleared_at, n.name AS cleared_reason FROM permits p JOIN population n ON n.person_id = p.person_id

-- reserved column | names | a name as the severity
SELECT ALERT(p), n.name AS severity FROM permits p JOIN population n ON n.person_id = p.person_id

-- reserved column | identity-numbers | a number as the permit
SELECT p.person_id, i.number AS permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN identities i ON i.person_id = p.person_id

-- reserved column | age | the date of birth as the day it is about
SELECT ALERT(p), n.birth_on AS anchor_at FROM permits p JOIN population n ON n.person_id = p.person_id

-- reserved column | age | the date of birth as the key
SELECT p.person_id, p.permit_id, n.birth_on AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN population n ON n.person_id = p.person_id

-- reserved column | age | the eighteenth birthday as the time of the alert
SELECT p.person_id, p.permit_id, 'x' AS alert_key, CAST(add_months(n.birth_on, 216) AS TIMESTAMP) AS alert_at FROM permits p JOIN population n ON n.person_id = p.person_id

-- reserved column | age | a birthday as the deadline
SELECT ALERT(p), CAST(add_months(n.birth_on, 720) AS TIMESTAMP) AS due_at FROM permits p JOIN population n ON n.person_id = p.person_id

-- reserved column | other-persons | another person as the subject
SELECT p.person_id, p.permit_id, p.anchor_person_id AS about, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p
-- header: subject = "about"

-- reserved column | person-id | the person's id in the key
SELECT p.person_id, p.permit_id, p.person_id AS alert_key, p.first_known_time AS alert_at FROM permits p

-- reserved column | civil-status | civil status as the key
SELECT p.person_id, p.permit_id, n.civil_status AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN population n ON n.person_id = p.person_id

-- reserved column | keys-of-things | an address as the key
SELECT p.person_id, p.permit_id, n.address_key AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN population n ON n.person_id = p.person_id

-- reserved column | gateway | a made-up permit
SELECT p.person_id, concat('permit of ', p.source) AS permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p

-- header | cancellers | survives protection
SELECT ALERT(p) FROM permits p
-- header: survives = ["protected"]

-- header | cancellers | survives childhood
SELECT ALERT(p) FROM permits p
-- header: survives = ["minor"]

-- header | cancellers | survives naturalisation
SELECT ALERT(p) FROM permits p
-- header: survives = ["permit_ended", "naturalised"]

-- header | cancellers | survives death in the control of permits
SELECT ALERT(p) FROM permits p
-- header: survives = ["deceased"]

-- header | cancellers | is about protected cases
SELECT ALERT(p) FROM permits p
-- header: permit_classes = ["PROTECTED_CASE"]

-- header | gateway | the header alone names the class
SELECT ALERT(p) FROM permits p JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary'
-- header: legal_gate = "request"

-- header | gateway | says that salaries are open
SELECT ALERT(p) FROM permits p JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary' WHERE p.permit_class = 'WORK_EMP'

-- header | gateway | benefits for another purpose
SELECT ALERT(p) FROM permits p JOIN payments s ON s.person_id = p.person_id AND s.kind = 'benefit'
-- header: legal_gate = "request"

-- header | gateway | journeys for the control of payments
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id
-- header: purpose = "payment_control"

-- header | gateway | salaries of workers for the control of payments
SELECT ALERT(p) FROM permits p JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary' WHERE p.permit_class = 'WORK_EMP'
-- header: purpose = "payment_control"
-- header: legal_gate = "request"

-- header | gateway | the subject is the person, so that no permit narrows what is read
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary' WHERE p.permit_class = 'WORK_EMP'
-- header: subject = "person_id"
-- header: legal_gate = "request"

-- header | named-country | a reason for comparing citizenships does not let one name a country
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE array_has(n.citizenships, 'SYR')
-- header: compares_citizenship = "a reason"

-- header | citizenship | ordered by citizenships, with a reason
WITH n AS (SELECT person_id, record, row_number() OVER (PARTITION BY person_id ORDER BY citizenships, record) AS place FROM population)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id AND n.place = 1
-- header: compares_citizenship = "a reason"

-- header | civil-status | civil status, for the header's class alone
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE n.civil_status = 'S'
-- header: permit_classes = ["FAMILY_SPOUSE"]

-- header | civil-status | civil status of a class that is not of couples
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE n.civil_status = 'S' AND p.permit_class = 'FAMILY_CHILD'
-- header: permit_classes = ["FAMILY_CHILD"]

-- window | age | of age by two days, in two rows
WITH a AS (SELECT p.person_id, p.permit_id, p.record, p.first_known_time, add_months(n.birth_on, 216) <= p.application_on AS adult FROM permits p JOIN population n ON n.person_id = p.person_id),
b AS (SELECT a.person_id, a.permit_id, a.first_known_time, a.adult, c.adult AS other FROM a JOIN a AS c ON c.person_id = a.person_id)
SELECT ALERT(b) FROM b WHERE b.adult <> b.other

-- step | protected-persons | whose anchor is protected
SELECT ALERT(p) FROM permits p JOIN anchor_population a ON a.permit_id = p.permit_id WHERE a.protected

-- subquery | protected-persons | whose anchor is protected, in EXISTS
SELECT ALERT(p) FROM permits p WHERE EXISTS (SELECT 1 FROM anchor_population a WHERE a.permit_id = p.permit_id AND a.protected = true)

-- reserved column | cancellers | the permit of somebody else
SELECT a.person_id, a.permit_id, 'x' AS alert_key, a.first_known_time AS alert_at FROM anchors a

-- header | cancellers | alerts about the person escape what is said of permits
SELECT ALERT(p) FROM permits p
-- header: subject = "person_id"

-- header | cancellers | alerts about the institution
SELECT ALERT(p), p.institution_id FROM permits p
-- header: subject = "institution_id"

-- header | gateway | what rules about workers found, for the permits of students
SELECT ALERT(p) FROM permits p JOIN indications i ON i.person_id = p.person_id WHERE p.permit_class = 'STUDY_HE'
-- header: uses = ["salary-below-floor"]
-- header: legal_gate = "verify"

-- function | named-country | a threshold for each country
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id JOIN parameters r ON r.name = concat('limit_', b.country)

-- function | named-country | a threshold called like a country
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id JOIN parameters r ON r.name = b.country

-- aggregate | citizenship | how many sets of citizenships
SELECT ALERT(p) FROM permits p JOIN population_history n ON n.person_id = p.person_id GROUP BY p.person_id, p.permit_id, p.first_known_time HAVING count(DISTINCT n.citizenships) > 1

-- aggregate | civil-status | rows for each civil status
WITH n AS (SELECT person_id, civil_status FROM population_history GROUP BY person_id, civil_status), m AS (SELECT person_id, count(*) AS many FROM n GROUP BY person_id)
SELECT ALERT(p) FROM permits p JOIN m ON m.person_id = p.person_id AND m.many > 2

-- aggregate | secrecy-class | rows for each secrecy
WITH n AS (SELECT person_id, secrecy_class FROM population_history GROUP BY person_id, secrecy_class), m AS (SELECT person_id, count(*) AS many FROM n GROUP BY person_id)
SELECT ALERT(p) FROM permits p JOIN m ON m.person_id = p.person_id AND m.many > 1

-- step | gateway | the class that a permit was once said to be of
WITH h AS (SELECT person_id, permit_id, permit_class FROM permits_history WHERE permit_class = 'WORK_EMP')
SELECT ALERT(p) FROM permits p JOIN h ON h.permit_id = p.permit_id JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary'
-- header: legal_gate = "request"

-- union | named-country | all of the person's countries but a named one
WITH b AS (SELECT person_id, country FROM border EXCEPT SELECT person_id, 'SYR' AS country FROM border)
SELECT ALERT(p), p.first_known_time AS due_at FROM permits p JOIN b ON b.person_id = p.person_id

-- union | named-country | the person's countries that are a named one
WITH b AS (SELECT person_id, country FROM border INTERSECT SELECT person_id, 'SYR' AS country FROM permits)
SELECT ALERT(p) FROM permits p JOIN b ON b.person_id = p.person_id

-- step | age | on which day somebody comes of age
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id JOIN days d ON d.day = add_months(n.birth_on, 216)

-- function | age | comes of age within the permit
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE add_months(n.birth_on, 216) BETWEEN p.valid_from AND p.valid_to

-- function | age | comes of age on one of some days
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE add_months(n.birth_on, 216) IN (p.valid_from, p.valid_to, p.decided_on)

-- case | age | comes of age on the first day
SELECT ALERT(p), CASE add_months(n.birth_on, 216) WHEN p.valid_from THEN 'weak' ELSE 'info' END AS severity FROM permits p JOIN population n ON n.person_id = p.person_id

-- function | age | the first day in the place of the eighteenth birthday
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE nullif(add_months(n.birth_on, 216), p.valid_from) IS NULL

-- values | age | months as rows
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id JOIN (VALUES (216), (720)) AS v(m) ON add_months(n.birth_on, v.m) < p.valid_from

-- function | protected-persons | protected, or not known not to be
SELECT ALERT(p) FROM permits p JOIN anchor_population a ON a.permit_id = p.permit_id WHERE coalesce(a.protected, false)

-- function | protected-persons | not unprotected
SELECT ALERT(p) FROM permits p JOIN anchor_population a ON a.permit_id = p.permit_id WHERE a.protected IS NOT FALSE

-- aggregate | protected-persons | one of the posts is protected
SELECT ALERT(p) FROM permits p JOIN anchor_population a ON a.permit_id = p.permit_id GROUP BY p.person_id, p.permit_id, p.first_known_time HAVING bool_or(a.protected)

-- values | protected-persons | a row that says so
SELECT ALERT(p) FROM permits p JOIN anchor_population a ON a.permit_id = p.permit_id JOIN (VALUES (true)) AS v(x) ON v.x = a.protected

-- case | protected-persons | a lower severity for the protected
SELECT ALERT(p), CASE WHEN a.protected THEN 'info' ELSE 'weak' END AS severity FROM permits p JOIN anchor_population a ON a.permit_id = p.permit_id

-- aggregate | civil-status | posts with a spouse
SELECT ALERT(p) FROM permits p JOIN population_history n ON n.person_id = p.person_id GROUP BY p.person_id, p.permit_id, p.first_known_time HAVING count(n.spouse_id) > 0

-- window | civil-status | another spouse than before
WITH n AS (SELECT person_id, spouse_id, lag(spouse_id) OVER (PARTITION BY person_id ORDER BY version, record) AS before FROM population_history)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id WHERE n.before <> n.spouse_id

-- array | named-country | a list of citizenships that is a list of the rule
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE n.citizenships = ['SYR']
-- header: compares_citizenship = "a reason"

-- function | named-country | has_citizenship the other way round
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE has_citizenship(['SYR', 'IRQ'], n.foreign_country)

-- cast | age | the key is a date of birth as a text
SELECT p.person_id, p.permit_id, CAST(n.birth_on AS VARCHAR) AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN population n ON n.person_id = p.person_id

-- aggregate | identity-numbers | numbers in one text
SELECT ALERT(p), string_agg(i.number, ' ' ORDER BY i.record) AS list FROM permits p JOIN identities i ON i.person_id = p.person_id GROUP BY p.person_id, p.permit_id, p.first_known_time

-- aggregate | keys-of-things | addresses in an array
WITH n AS (SELECT person_id, array_agg(address_key ORDER BY record) AS list FROM population_history GROUP BY person_id)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id WHERE array_has(n.list, 'a1b2')

-- subquery | gateway | all classes but one
SELECT ALERT(p) FROM permits p JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary' WHERE p.permit_class <> 'STUDY_HE'
-- header: legal_gate = "request"

-- subquery | gateway | a class, or something else
SELECT ALERT(p) FROM permits p JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary' WHERE p.permit_class = 'WORK_EMP' OR p.first_grant
-- header: legal_gate = "request"

-- subquery | gateway | the anchor's class
SELECT ALERT(p) FROM permits p JOIN anchor_permits a ON a.permit_id = p.permit_id AND a.anchor_class = 'WORK_EMP' JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary'
-- header: legal_gate = "request"

-- subquery | gateway | no salary of a student, by a deadline
SELECT ALERT(p), CAST(p.valid_from + 120 AS TIMESTAMP) AS due_at FROM permits p WHERE p.permit_class = 'STUDY_HE' AND NOT EXISTS (SELECT 1 FROM payments s WHERE s.person_id = p.person_id AND s.kind = 'salary')
-- header: legal_gate = "request"

-- function | gateway | the kind in capitals
SELECT ALERT(p) FROM permits p JOIN payments s ON s.person_id = p.person_id AND upper(s.kind) = 'SALARY' WHERE p.permit_class = 'WORK_EMP'
-- header: legal_gate = "request"

-- header | names | closed, so that no gateway counts
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE n.name LIKE 'A%'
-- header: legal_gate = "closed"

-- header | named-country | a draft
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id WHERE b.country = 'SYR'
-- header: stage = "draft"

-- retraction | gateway | retractions alone, of whatever kind
SELECT ALERT(p) FROM permits p JOIN payments_history n ON n.person_id = p.person_id AND n.op = 'retract' AND p.permit_class = 'WORK_EMP'
-- header: legal_gate = "request"

-- retraction | gateway | retractions of any record beside salaries
SELECT ALERT(p) FROM permits p JOIN payments_history n ON n.person_id = p.person_id AND (n.kind = 'salary' OR n.op = 'retract') AND p.permit_class = 'WORK_EMP'
-- header: legal_gate = "request"

-- retraction | gateway | retractions of any record beside another salary
SELECT ALERT(p) FROM permits p JOIN payments_history h ON h.person_id = p.person_id AND h.kind = 'salary' AND p.permit_class = 'WORK_EMP' JOIN payments_history n ON n.person_id = h.person_id AND (n.kind = 'salary' OR n.op = 'retract')
-- header: legal_gate = "request"

-- retraction | gateway | a record that may have been of any kind, retracted twice
SELECT ALERT(p) FROM permits p JOIN payments_history h ON h.person_id = p.person_id AND (h.kind = 'salary' OR h.op = 'retract') AND p.permit_class = 'WORK_EMP' JOIN payments_history n ON n.person_id = h.person_id AND n.record_key = h.record_key AND (n.kind = 'salary' OR n.op = 'retract')
-- header: legal_gate = "request"

-- retraction | gateway | what was not retracted
SELECT ALERT(p) FROM permits p JOIN payments_history h ON h.person_id = p.person_id AND h.kind = 'salary' AND p.permit_class = 'WORK_EMP' JOIN payments_history n ON n.person_id = h.person_id AND n.record_key = h.record_key AND (n.kind = 'salary' OR n.op <> 'retract')
-- header: legal_gate = "request"

-- link key | other-persons | the number behind a shared identifier, in evidence
SELECT ALERT(p), s.record_key AS matter FROM permits p JOIN shared_identifiers s ON s.person_id = p.person_id

-- link key | other-persons | the same as part of the alert's key
SELECT p.person_id, p.permit_id, concat('shared:', s.record_key) AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN shared_identifiers s ON s.person_id = p.person_id

-- link key | other-persons | the greatest of them, from a step
WITH k AS (SELECT person_id, max(record_key) AS k FROM anchor_permits GROUP BY person_id)
SELECT ALERT(p), k.k AS matter FROM permits p JOIN k ON k.person_id = p.person_id

-- link key | other-persons | a holder's permit beside the employer
SELECT e.person_id, e.employer_id, 'x' AS alert_key, e.known_at AS alert_at, e.permit_id AS matter FROM employer_permits e
-- header: key = "employer_id"
-- header: subject = "employer_id"

-- link key | other-persons | what another rule found of a holder, as the key
SELECT e.person_id, e.employer_id, concat('found:', e.record_key) AS alert_key, e.alert_at FROM employer_indications e
-- header: key = "employer_id"
-- header: subject = "employer_id"

-- link key | other-persons | by CASE, where it is made of a number
SELECT ALERT(p), CASE WHEN s.kind = 'number' THEN s.record_key END AS matter FROM permits p JOIN shared_identifiers s ON s.person_id = p.person_id

-- link key | other-persons | put in order: the least number first
WITH s AS (SELECT person_id, kind, row_number() OVER (PARTITION BY person_id ORDER BY record_key) AS place FROM shared_identifiers)
SELECT ALERT(p) FROM permits p JOIN s ON s.person_id = p.person_id AND s.place = 1 AND s.kind = 'number'

-- link key | other-persons | the permit that depends on this person, under another name
WITH a AS (SELECT person_id, permit_id AS case_no FROM anchors)
SELECT ALERT(p), a.case_no FROM permits p JOIN a ON a.person_id = p.person_id

-- link key | other-persons | the key of the record that names it
SELECT ALERT(p), a.record_key AS case_no FROM permits p JOIN anchors a ON a.person_id = p.person_id

-- protected by omission | protected-persons | a post without what the register leaves out
SELECT ALERT(p) FROM permits p JOIN population_history h ON h.person_id = p.person_id WHERE h.name IS NULL AND h.op <> 'retract'

-- protected by omission | protected-persons | more posts than those that are shown
WITH h AS (SELECT person_id, count(*) AS posts FROM population_history GROUP BY person_id), v AS (SELECT person_id, count(*) AS posts FROM population_posts GROUP BY person_id)
SELECT ALERT(p) FROM permits p JOIN h ON h.person_id = p.person_id JOIN v ON v.person_id = p.person_id AND v.posts < h.posts

-- protected by omission | protected-persons | the last place among those that are not marked
WITH x AS (SELECT person_id, row_number() OVER (PARTITION BY person_id ORDER BY version, record_key) AS place FROM population_history WHERE NOT coalesce(protected, false))
SELECT ALERT(p), max(x.place) AS places FROM permits p JOIN x ON x.person_id = p.person_id GROUP BY p.person_id, p.permit_id, p.first_known_time

-- protected by omission | protected-persons | an anchor without a day of registration
SELECT ALERT(p) FROM permits p JOIN anchor_population a ON a.permit_id = p.permit_id WHERE a.registered_on IS NULL AND a.dereg_code IS NULL AND a.is_latest

-- protected by omission | protected-persons | an anchor of whom it is not known whether one is Swedish, shown
SELECT ALERT(p), coalesce(a.swedish, false) AS swedish FROM permits p JOIN anchor_population a ON a.permit_id = p.permit_id

-- protected by omission | protected-persons | an anchor with a post and no permit
SELECT ALERT(p), p.first_known_time AS due_at FROM permits p WHERE p.permit_class = 'FAMILY_CHILD' AND NOT EXISTS (SELECT 1 FROM anchor_permits a WHERE a.permit_id = p.permit_id)

-- protected by omission | protected-persons | keeps protected anchors away, but of another permit
SELECT ALERT(p), p.first_known_time AS due_at FROM permits p JOIN anchor_population a ON a.permit_id = p.permit_id AND a.civil_status_on IS NULL
JOIN permits q ON q.person_id = p.person_id WHERE NOT EXISTS (SELECT 1 FROM protected_anchors x WHERE x.permit_id = q.permit_id)

-- protected by omission | protected-persons | keeps some of them away
SELECT ALERT(p), p.first_known_time AS due_at FROM permits p JOIN anchor_population a ON a.permit_id = p.permit_id AND a.address_key IS NULL
WHERE NOT EXISTS (SELECT 1 FROM protected_anchors x WHERE x.permit_id = p.permit_id AND p.valid_from < DATE '2020-01-01')

-- protected by omission | protected-persons | those whom the view names
SELECT ALERT(p) FROM permits p JOIN protected_anchors a ON a.permit_id = p.permit_id

-- derived birth date | age | the days of a hundred and twelve years
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE add_months(n.birth_on, 1344) - n.birth_on < 40908

-- derived birth date | age | the day within the year, shown
SELECT ALERT(p), n.birth_on - CAST(date_trunc('year', n.birth_on) AS DATE) AS days FROM permits p JOIN population n ON n.person_id = p.person_id

-- derived birth date | age | born on the first of a month
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE n.birth_on = CAST(date_trunc('month', n.birth_on) AS DATE)

-- derived birth date | age | born on the first of January, by the date that the decision rests on
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE p.birth_on_at_grant = CAST(date_trunc('year', n.birth_on) AS DATE) AND p.birth_on_at_grant <= n.birth_on

-- derived birth date | age | there and back: a leap day
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE add_months(add_months(n.birth_on, 12), -12) <> n.birth_on

-- derived birth date | age | a day beyond the calendar
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE add_months(n.birth_on, 2600) IS NULL

-- derived birth date | age | grouped by the year
WITH n AS (SELECT person_id, date_trunc('year', birth_on) AS y FROM population_posts)
SELECT ALERT(p), count(*) AS posts FROM permits p JOIN n ON n.person_id = p.person_id GROUP BY p.person_id, p.permit_id, p.first_known_time, n.y

-- civil by its day | civil-status | any day of a civil status
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE n.civil_status_on <= add_months(n.event_on, 1200)

-- civil by its day | civil-status | none, by NOT EXISTS
SELECT ALERT(p), p.first_known_time AS due_at FROM permits p WHERE NOT EXISTS (SELECT 1 FROM population n WHERE n.person_id = p.person_id AND n.civil_status_on <= add_months(n.event_on, 600))

-- civil by its day | civil-status | on the day of the post, as evidence
SELECT ALERT(p), n.civil_status_on = n.event_on AS fresh FROM permits p JOIN population n ON n.person_id = p.person_id

-- civil by its day | civil-status | a severity by it
SELECT ALERT(p), CASE WHEN coalesce(n.civil_status_on >= n.event_on, false) THEN 'weak' ELSE 'info' END AS severity FROM permits p JOIN population n ON n.person_id = p.person_id

-- civil by its day | civil-status | beside a change of name, under a word of its own
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE CASE WHEN coalesce(n.civil_status_on >= n.event_on, false) THEN 'wed' ELSE coalesce(name_agreement(n.name, p.name_at_grant), 'same') END = 'wed'

-- civil by its day | civil-status | the spouse is somebody whose anchor this person is
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id JOIN anchors a ON a.person_id = p.person_id AND a.holder_id = n.spouse_id

-- alphabet | named-country | a journey to a country before Sweden's place in the alphabet
WITH b AS (SELECT person_id, country, row_number() OVER (PARTITION BY person_id ORDER BY country, record_key) AS place FROM border)
SELECT ALERT(p) FROM permits p JOIN b ON b.person_id = p.person_id AND b.country = 'SWE' AND b.place > 1

-- alphabet | named-country | behind something that is equal
WITH b AS (SELECT person_id, country, lag(country) OVER (PARTITION BY person_id ORDER BY transit, country, record_key) AS before FROM border)
SELECT ALERT(p) FROM permits p JOIN b ON b.person_id = p.person_id AND b.country = 'SWE' AND b.before IS NOT NULL

-- alphabet | named-country | the greatest is not Sweden
WITH b AS (SELECT person_id, max(country) AS last FROM border GROUP BY person_id)
SELECT ALERT(p) FROM permits p JOIN b ON b.person_id = p.person_id AND b.last <> 'SWE'

-- alphabet | named-country | the least, over a window
WITH b AS (SELECT person_id, country, min(country) OVER (PARTITION BY person_id) AS first FROM border)
SELECT ALERT(p) FROM permits p JOIN b ON b.person_id = p.person_id AND b.first = b.country AND b.country = 'SWE'

-- alphabet | named-country | Kosovo is no unknown country
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id WHERE b.country = 'UNK'

-- alphabet | named-country | nor in a list, beside codes that may be named
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id WHERE b.doc_issuer IN ('XXA', 'XXB', 'UNK')

-- alphabet | named-country | nor in a row of VALUES
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id JOIN (VALUES ('UNK')) AS v(x) ON b.country = v.x

-- which citizenship | citizenship | shown, with a reason, of a worker
SELECT ALERT(p), n.citizenships[1] AS seen_countries FROM permits p JOIN population n ON n.person_id = p.person_id WHERE p.permit_class = 'WORK_EMP'
-- header: compares_citizenship = "a reason"

-- which citizenship | citizenship | a second one, by its place
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE n.citizenships[2] IS NOT NULL
-- header: compares_citizenship = "a reason"

-- which citizenship | citizenship | the stateless, for whom nothing is compared
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE citizenship_change(n.citizenships, p.citizenships_at_grant) IS NULL
-- header: compares_citizenship = "a reason"

-- which citizenship | citizenship | the stateless under a word of their own
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE coalesce(citizenship_change(n.citizenships, p.citizenships_at_grant), 'none') = 'none'
-- header: compares_citizenship = "a reason"

-- which citizenship | citizenship | no state
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE NOT is_state(n.citizenships[1])
-- header: compares_citizenship = "a reason"

-- which citizenship | citizenship | a state that has ceased
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id JOIN statuses s ON s.person_id = p.person_id WHERE p.permit_class = 'PROT_REFUGEE' AND has_citizenship(n.citizenships, s.tested_country) AND NOT array_has(n.citizenships, s.tested_country)
-- header: compares_citizenship = "a reason"

-- which citizenship | citizenship | as the word for which an alert ends
SELECT ALERT(p), n.known_time AS cleared_at, n.citizenships[1] AS cleared_reason FROM permits p JOIN population n ON n.person_id = p.person_id
-- header: compares_citizenship = "a reason"

-- in favour only | in-favour-only | who is excused
SELECT ALERT(p) FROM permits p WHERE EXISTS (SELECT 1 FROM excused_months x WHERE x.person_id = p.person_id)
-- header: legal_gate = "request"

-- in favour only | in-favour-only | a tier more for who is excused
SELECT ALERT(p), CASE WHEN x.month IS NOT NULL THEN 'strong' ELSE 'info' END AS severity FROM permits p LEFT JOIN excused_months x ON x.person_id = p.person_id
-- header: legal_gate = "request"

-- in favour only | in-favour-only | the month of it
SELECT ALERT(p), x.month AS first_month FROM permits p JOIN excused_months x ON x.person_id = p.person_id
-- header: legal_gate = "request"

-- in favour only | in-favour-only | through the months with pay or an excuse
SELECT ALERT(p) FROM permits p JOIN salary_months m ON m.person_id = p.person_id AND m.gross_sek = 0 WHERE p.permit_class = 'WORK_EMP'
-- header: legal_gate = "request"

-- in favour only | in-favour-only | idle since a month that was not paid
SELECT ALERT(p) FROM permits p JOIN idle_months m ON m.permit_id = p.permit_id AND m.last_month > m.last_paid_month WHERE p.permit_class = 'WORK_EMP'
-- header: legal_gate = "request"

-- in favour only | in-favour-only | what is absent where it is absent
SELECT ALERT(p), p.first_known_time AS due_at FROM permits p WHERE NOT EXISTS (SELECT 1 FROM permits q WHERE q.permit_id = p.permit_id AND NOT EXISTS (SELECT 1 FROM excused_months x WHERE x.person_id = q.person_id))
-- header: legal_gate = "request"

-- in favour only | in-favour-only | an excuse that was taken back
SELECT ALERT(p), e.month AS first_month FROM permits p JOIN earlier_excuses e ON e.person_id = p.person_id
-- header: legal_gate = "request"

-- in favour only | in-favour-only | a report of violence
SELECT ALERT(p) FROM permits p JOIN notices n ON n.person_id = p.person_id AND n.kind = 'violence'

-- in favour only | in-favour-only | violence among other kinds
SELECT ALERT(p) FROM permits p JOIN notices n ON n.person_id = p.person_id AND n.kind IN ('employment_end', 'violence')

-- in favour only | in-favour-only | a tip alone, and what it says
SELECT ALERT(p), n.allegation AS matter FROM permits p JOIN notices n ON n.person_id = p.person_id AND n.kind = 'tip'

-- in favour only | in-favour-only | a tip counted beside the permit
SELECT ALERT(p), count(n.record_key) AS reports FROM permits p LEFT JOIN notices n ON n.person_id = p.person_id AND n.kind = 'tip' GROUP BY p.person_id, p.permit_id, p.first_known_time

-- sealed table | gateway | what other rules found, without naming them
SELECT ALERT(p) FROM permits p JOIN rule_rows r ON r.permit_id = p.permit_id

-- sealed table | gateway | of any permit of the person
SELECT ALERT(p), count(*) AS findings FROM permits p JOIN rule_rows r ON r.person_id = p.person_id GROUP BY p.person_id, p.permit_id, p.first_known_time
-- header: uses = ["salary-below-floor"]
-- header: legal_gate = "verify"

-- sealed table | gateway | by what it has no rows of
SELECT ALERT(p), p.first_known_time AS due_at FROM permits p WHERE NOT EXISTS (SELECT 1 FROM rule_rows r WHERE r.permit_id = p.permit_id AND r.rule_id = 'salary-drop')

-- class of another record | gateway | one record of the permit says so, the permit does not
SELECT ALERT(p) FROM whole_permits p JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary' JOIN permits q ON q.permit_id = p.permit_id WHERE q.permit_class = 'WORK_EMP'
-- header: legal_gate = "request"

-- class of another record | gateway | asked by EXISTS
SELECT ALERT(p) FROM whole_permits p JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary' WHERE EXISTS (SELECT 1 FROM permits q WHERE q.permit_id = p.permit_id AND q.permit_class = 'WORK_EMP')
-- header: legal_gate = "request"

-- class of another record | gateway | two records of it, one for each question
SELECT ALERT(p) FROM permits p JOIN permits q ON q.permit_id = p.permit_id JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary' AND q.permit_class = 'WORK_EMP' WHERE p.permit_class <> 'PERMANENT'
-- header: legal_gate = "request"

-- in favour only | in-favour-only | kept away and then missed by an outer join
WITH kept AS (SELECT p.permit_id FROM permits p WHERE NOT EXISTS (SELECT 1 FROM excused_months x WHERE x.person_id = p.person_id))
SELECT ALERT(p) FROM permits p LEFT JOIN kept k ON k.permit_id = p.permit_id WHERE k.permit_id IS NULL
-- header: legal_gate = "request"

-- in favour only | in-favour-only | how many are left once excused months are kept away
WITH left_over AS (SELECT s.person_id, count(*) AS months FROM payments s WHERE s.kind = 'salary' AND NOT EXISTS (SELECT 1 FROM excused_months x WHERE x.person_id = s.person_id AND x.month = s.month) GROUP BY s.person_id)
SELECT ALERT(p) FROM permits p JOIN left_over m ON m.person_id = p.person_id AND m.months < 3 WHERE p.permit_class = 'WORK_EMP'
-- header: legal_gate = "request"

-- in favour only | in-favour-only | the gap that an excused month leaves, by a window
WITH kept AS (SELECT s.person_id, s.month, s.record, s.version FROM payments s WHERE s.kind = 'salary' AND NOT EXISTS (SELECT 1 FROM excused_months x WHERE x.person_id = s.person_id AND x.month = s.month)),
gaps AS (SELECT person_id, month, lag(month) OVER (PARTITION BY person_id ORDER BY month, version, record) AS before FROM kept)
SELECT ALERT(p) FROM permits p JOIN gaps g ON g.person_id = p.person_id AND g.before < add_months(g.month, -1) WHERE p.permit_class = 'WORK_EMP'
-- header: legal_gate = "request"

-- in favour only | in-favour-only | the first month that is left
WITH first_left AS (SELECT s.person_id, min(s.month) AS month FROM payments s WHERE s.kind = 'salary' AND NOT EXISTS (SELECT 1 FROM excused_months x WHERE x.person_id = s.person_id AND x.month = s.month) GROUP BY s.person_id)
SELECT ALERT(p) FROM permits p JOIN first_left m ON m.person_id = p.person_id AND m.month > p.valid_from WHERE p.permit_class = 'WORK_EMP'
-- header: legal_gate = "request"

-- in favour only | in-favour-only | idle months, counted
SELECT ALERT(p) FROM permits p JOIN idle_months m ON m.permit_id = p.permit_id WHERE p.permit_class = 'WORK_EMP' GROUP BY p.person_id, p.permit_id, p.first_known_time HAVING count(*) < 2
-- header: legal_gate = "request"

-- in favour only | in-favour-only | a permit of which no month is idle
SELECT ALERT(p), p.first_known_time AS due_at FROM permits p WHERE p.permit_class = 'WORK_EMP' AND NOT EXISTS (SELECT 1 FROM idle_months m WHERE m.permit_id = p.permit_id)
-- header: legal_gate = "request"

-- in favour only | in-favour-only | violence that keeps away what keeps away
SELECT ALERT(p), p.first_known_time AS due_at FROM permits p WHERE NOT EXISTS (SELECT 1 FROM permits q WHERE q.permit_id = p.permit_id AND NOT EXISTS (SELECT 1 FROM notices v WHERE v.person_id = q.person_id AND v.kind = 'violence'))

-- in favour only | in-favour-only | three times absent is once absent, four times is there
SELECT ALERT(p), p.first_known_time AS due_at FROM permits p WHERE NOT EXISTS (SELECT 1 FROM permits q WHERE q.permit_id = p.permit_id AND NOT EXISTS (SELECT 1 FROM permits r WHERE r.permit_id = q.permit_id AND NOT EXISTS (SELECT 1 FROM permits s WHERE s.permit_id = r.permit_id AND NOT EXISTS (SELECT 1 FROM excused_months x WHERE x.person_id = s.person_id))))
-- header: legal_gate = "request"

-- in favour only | in-favour-only | absent, or something else
SELECT ALERT(p), p.first_known_time AS due_at FROM permits p WHERE p.first_grant OR NOT EXISTS (SELECT 1 FROM notices v WHERE v.person_id = p.person_id AND v.kind = 'violence')

-- who is protected | protected-persons | absent where the others are
SELECT ALERT(p), p.first_known_time AS due_at FROM permits p WHERE NOT EXISTS (SELECT 1 FROM population n WHERE n.person_id = p.person_id AND NOT coalesce(n.protected, false))

-- who is protected | protected-persons | twice absent
SELECT ALERT(p), p.first_known_time AS due_at FROM permits p WHERE NOT EXISTS (SELECT 1 FROM permits q WHERE q.permit_id = p.permit_id AND NOT EXISTS (SELECT 1 FROM population n WHERE n.person_id = q.person_id AND n.protected))

-- who is protected | protected-persons | missed by an outer join
WITH n AS (SELECT person_id FROM population WHERE NOT coalesce(protected, false))
SELECT ALERT(p) FROM permits p LEFT JOIN n ON n.person_id = p.person_id WHERE n.person_id IS NULL

-- who is protected | protected-persons | none of the others, counted
SELECT ALERT(p) FROM permits p LEFT JOIN population n ON n.person_id = p.person_id GROUP BY p.person_id, p.permit_id, p.first_known_time HAVING count(*) FILTER (WHERE NOT coalesce(n.protected, false)) = 0

-- who is protected | protected-persons | absent, or something else
SELECT ALERT(p), p.first_known_time AS due_at FROM permits p WHERE p.inhibited OR NOT EXISTS (SELECT 1 FROM population n WHERE n.person_id = p.person_id AND NOT coalesce(n.protected, false))

-- who is protected | protected-persons | first in an order
SELECT ALERT(p), first_value(n.dereg_code) OVER (PARTITION BY p.permit_id ORDER BY n.protected, n.record) AS code FROM permits p JOIN population n ON n.person_id = p.person_id

-- evidence | keys-of-things | the permit, under another name
SELECT ALERT(p), p.permit_id AS matter FROM permits p

-- evidence | keys-of-things | the key of a payment within a text
SELECT ALERT(p), s.record_key || '!' AS matter FROM permits p JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary' WHERE p.permit_class = 'WORK_EMP'
-- header: legal_gate = "request"

-- evidence | keys-of-things | the greatest of a record's references
SELECT ALERT(p), max(s.record) AS matter FROM permits p JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary' WHERE p.permit_class = 'WORK_EMP' GROUP BY p.person_id, p.permit_id, p.first_known_time
-- header: legal_gate = "request"

-- evidence | keys-of-things | the records once more
SELECT ALERT(p), records(p.record) AS matter FROM permits p

-- reserved column | keys-of-things | a key as the reason
SELECT ALERT(p), p.first_known_time AS cleared_at, p.record_key AS cleared_reason FROM permits p

-- subject | cancellers | the permit that a list of employers names
SELECT a.person_id, a.permit_id, 'x' AS alert_key, a.first_known_time AS alert_at FROM permit_employers a

-- subject | cancellers | a permit that was taken back
SELECT h.person_id, h.permit_id, 'x' AS alert_key, h.first_known_time AS alert_at FROM permits_history h WHERE h.op = 'retract'

-- civil by its day | civil-status | names that differ, of those who married alone
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE CASE WHEN coalesce(n.civil_status_on < add_months(n.event_on, -12), false) THEN 'same' ELSE coalesce(name_agreement(n.name, p.name_at_grant), 'same') END <> 'same'

-- civil by its day | civil-status | the same, by NOT
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE CASE WHEN NOT coalesce(n.civil_status_on >= add_months(n.event_on, -12), false) THEN 'same' ELSE coalesce(name_agreement(n.name, p.name_at_grant), 'same') END <> 'same'

-- civil by its day | civil-status | the same, with the branches the other way round
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE CASE WHEN coalesce(n.civil_status_on >= add_months(n.event_on, -12), false) THEN coalesce(name_agreement(n.name, p.name_at_grant), 'same') ELSE 'same' END <> 'same'

-- civil by its day | civil-status | both agreements, which differ for those who married
WITH a AS (SELECT p.permit_id, CASE WHEN coalesce(n.civil_status_on >= add_months(n.event_on, -12), false) THEN 'same' ELSE coalesce(name_agreement(n.name, p.name_at_grant), 'same') END AS spared,
    coalesce(name_agreement(n.name, p.name_at_grant), 'same') AS plain FROM permits p JOIN population n ON n.person_id = p.person_id)
SELECT ALERT(p) FROM permits p JOIN a ON a.permit_id = p.permit_id WHERE a.spared <> a.plain

-- link key | keys-of-things | the key of the person's own record, as evidence
SELECT ALERT(p), i.record_key AS matter FROM permits p JOIN identities i ON i.person_id = p.person_id

-- civil by its day | civil-status | names that differ, of those whose day is another
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE CASE WHEN coalesce(n.civil_status_on <> n.event_on, false) THEN 'same' ELSE coalesce(name_agreement(n.name, p.name_at_grant), 'same') END <> 'same'

-- who is protected | protected-persons | known before the first post that is shown
WITH h AS (SELECT person_id, record_key, min(known_from) AS since FROM population_posts GROUP BY person_id, record_key)
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id JOIN h ON h.person_id = n.person_id AND h.record_key = n.record_key WHERE n.first_known_time < h.since

-- who is protected | protected-persons | more versions than posts
WITH h AS (SELECT person_id, count(*) AS posts FROM population_posts GROUP BY person_id), n AS (SELECT person_id, version AS newest FROM population)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id JOIN h ON h.person_id = p.person_id WHERE n.newest > h.posts

-- who is protected | protected-persons | a post and none that is shown
SELECT ALERT(p), p.first_known_time AS due_at FROM permits p WHERE EXISTS (SELECT 1 FROM population n WHERE n.person_id = p.person_id) AND NOT EXISTS (SELECT 1 FROM population_posts h WHERE h.person_id = p.person_id)

-- function | names | the script of a name
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE name_agreement(p.name_at_grant, n.name) = 'script'

-- function | neutral-words | a word made of two
SELECT ALERT(p), concat('fra', 'ud') AS what FROM permits p

-- function | neutral-words | a word with another letter
SELECT ALERT(p), replace('frXud', 'X', 'a') AS what FROM permits p

-- reserved column | neutral-words | a verdict as the key
SELECT p.person_id, p.permit_id, lower('BEDRAGARE') AS alert_key, p.first_known_time AS alert_at FROM permits p

-- case | neutral-words | a verdict by case
SELECT ALERT(p), CASE WHEN p.inhibited THEN lower('TERRORIST') ELSE 'income' END AS what FROM permits p
