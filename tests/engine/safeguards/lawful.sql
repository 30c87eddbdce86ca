-- Texts that resemble those of evasions.sql and keep every safeguard. The form is the same, without a safeguard.

-- rename | a country of the person under another name, held against another of the person
WITH b AS (SELECT person_id, country AS code FROM border)
SELECT ALERT(p) FROM permits p JOIN b ON b.person_id = p.person_id JOIN statuses s ON s.person_id = p.person_id AND s.tested_country = b.code

-- rename | names under other names, held against each other
WITH n AS (SELECT person_id, name AS q FROM population), g AS (SELECT person_id, permit_id, first_known_time, name_at_grant AS r FROM permits)
SELECT ALERT(g) FROM g JOIN n ON n.person_id = g.person_id WHERE name_agreement(n.q, g.r) = 'none'

-- rename | numbers under another name, held against each other
WITH i AS (SELECT person_id, number AS v FROM identities), n AS (SELECT person_id, number AS w FROM population)
SELECT ALERT(p) FROM permits p JOIN i ON i.person_id = p.person_id JOIN n ON n.person_id = p.person_id AND n.w <> i.v

-- rename | a code called name
WITH s AS (SELECT person_id, dereg_code AS name FROM population)
SELECT ALERT(p) FROM permits p JOIN s ON s.person_id = p.person_id AND s.name = 'UV'

-- rename | a class called c
WITH q AS (SELECT person_id, permit_id, first_known_time, permit_class AS c FROM permits)
SELECT ALERT(q) FROM q JOIN payments s ON s.person_id = q.person_id AND s.kind = 'salary' WHERE q.c = 'WORK_EMP'
-- header: legal_gate = "request"

-- rename | a kind called what
WITH s AS (SELECT person_id, kind AS what FROM payments)
SELECT ALERT(p) FROM permits p JOIN s ON s.person_id = p.person_id AND s.what = 'salary' WHERE p.permit_class IN ('WORK_EMP', 'ICT')
-- header: legal_gate = "request"

-- alias list | the class by a name of the list
WITH q(person_id, permit_id, first_known_time, c) AS (SELECT person_id, permit_id, first_known_time, permit_class FROM permits)
SELECT ALERT(q) FROM q JOIN studies s ON s.person_id = q.person_id AND s.kind = 'registered' WHERE q.c = 'STUDY_HE'

-- alias list | countries by names of the list
SELECT ALERT(p) FROM permits p JOIN (SELECT person_id, country FROM border) AS b(person_id, x) ON b.person_id = p.person_id JOIN statuses s ON s.person_id = p.person_id AND s.tested_country = b.x

-- alias list | a birth date by a name of the list, held against the one at the grant
WITH n(person_id, d) AS (SELECT person_id, birth_on FROM population)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id WHERE n.d <> p.birth_on_at_grant

-- quoted alias | Sweden among quoted citizenships
SELECT ALERT(p) FROM permits p JOIN population "n" ON "n"."person_id" = p.person_id WHERE array_has("n"."citizenships", 'SWE')

-- quoted alias | a quoted class
SELECT ALERT(p) FROM permits p JOIN "studies" "s" ON "s"."person_id" = p."person_id" AND "s"."kind" = 'registered' WHERE p."permit_class" = 'STUDY_HE'

-- step | handed on and never asked for
WITH a AS (SELECT person_id, name, number, birth_on, citizenships, civil_status, address_key, event_on FROM population)
SELECT ALERT(p), a.event_on AS changed_on FROM permits p JOIN a ON a.person_id = p.person_id

-- step | the class in a step, of the permit that the alert is about
WITH w AS (SELECT person_id, permit_id, first_known_time FROM permits WHERE permit_class = 'WORK_EMP')
SELECT ALERT(w) FROM w JOIN payments s ON s.person_id = w.person_id AND s.kind = 'salary'
-- header: legal_gate = "request"

-- step | salaries in a step, and the permit that they were read for
WITH pay AS (SELECT p.permit_id, s.amount_sek FROM permits p JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary' WHERE p.permit_class = 'WORK_EMP')
SELECT ALERT(q) FROM permits q JOIN pay ON pay.permit_id = q.permit_id WHERE pay.amount_sek > 100
-- header: legal_gate = "request"

-- step | the permit that carries the matter on, which is of the same class
WITH w AS (SELECT p.person_id, p.permit_id, p.record, p.first_known_time, s.gross_sek FROM whole_permits p JOIN salaries s ON s.person_id = p.person_id WHERE p.permit_class = 'WORK_EMP')
SELECT w.person_id, c.carrier_id AS permit_id, 'x' AS alert_key, greatest(w.first_known_time, c.from_at) AS alert_at FROM w JOIN carriers c ON c.permit_id = w.permit_id WHERE w.gross_sek > 0
-- header: legal_gate = "request"

-- step | a change of birth date of so many days
WITH a AS (SELECT p.person_id, p.permit_id, p.first_known_time, abs(n.birth_on - p.birth_on_at_grant) AS moved FROM permits p JOIN population n ON n.person_id = p.person_id)
SELECT ALERT(a), a.moved AS birth_days FROM a WHERE a.moved > 365

-- step | of age by one date of birth and not by the other
WITH a AS (SELECT p.person_id, p.permit_id, p.first_known_time, coalesce((add_months(n.birth_on, 216) <= p.application_on) <> (add_months(p.birth_on_at_grant, 216) <= p.application_on), false) AS hit
           FROM permits p JOIN population n ON n.person_id = p.person_id)
SELECT ALERT(a) FROM a WHERE a.hit

-- step | notices of one kind
WITH t AS (SELECT person_id, event_on FROM notices WHERE kind = 'employment_end')
SELECT ALERT(p) FROM permits p JOIN t ON t.person_id = p.person_id

-- step | notices of all kinds but those of courts
SELECT ALERT(p) FROM permits p JOIN notices n ON n.person_id = p.person_id WHERE n.kind NOT IN ('court_notice', 'tip', 'violence')

-- union | signs of two kinds, each for its class
WITH sign AS (
    SELECT p.permit_id, s.month AS on_day FROM permits p JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary' AND p.permit_class = 'WORK_EMP'
    UNION ALL
    SELECT p.permit_id, s.event_on AS on_day FROM permits p JOIN studies s ON s.person_id = p.person_id AND s.kind = 'registered' AND p.permit_class = 'STUDY_HE')
SELECT ALERT(p) FROM permits p JOIN sign ON sign.permit_id = p.permit_id
-- header: legal_gate = "request"

-- union | documents and numbers, held against those of others
WITH own AS (SELECT person_id, 'document' AS kind, document_key AS identifier FROM documents UNION ALL SELECT person_id, 'number', number FROM identities)
SELECT ALERT(p) FROM permits p JOIN own ON own.person_id = p.person_id JOIN shared_identifiers s ON s.person_id = p.person_id AND s.kind = own.kind AND s.identifier = own.identifier

-- union | countries of journeys and addresses
WITH u AS (SELECT person_id, country FROM border UNION ALL SELECT person_id, foreign_country FROM population)
SELECT ALERT(p) FROM permits p JOIN u ON u.person_id = p.person_id JOIN statuses s ON s.person_id = p.person_id AND s.tested_country = u.country

-- union | a country, and none
WITH u AS (SELECT person_id, country FROM border UNION ALL SELECT person_id, CAST(NULL AS VARCHAR) FROM permits)
SELECT ALERT(p) FROM permits p JOIN u ON u.person_id = p.person_id AND u.country = 'SWE'

-- subquery | a journey to the tested country
SELECT ALERT(p) FROM permits p JOIN statuses s ON s.person_id = p.person_id WHERE EXISTS (SELECT 1 FROM border b WHERE b.person_id = s.person_id AND b.country = s.tested_country)

-- subquery | another name in a later post
SELECT ALERT(p) FROM permits p WHERE EXISTS (SELECT 1 FROM population n WHERE n.person_id = p.person_id AND name_agreement(n.name, p.name_at_grant) = 'none')

-- subquery | salaries in EXISTS, for a worker
SELECT ALERT(p) FROM permits p WHERE p.permit_class = 'WORK_EMP' AND EXISTS (SELECT 1 FROM payments s WHERE s.person_id = p.person_id AND s.kind = 'salary')
-- header: legal_gate = "request"

-- subquery | no salary, for a worker, by a deadline
SELECT ALERT(p), CAST(p.valid_from + 120 AS TIMESTAMP) AS due_at FROM permits p WHERE p.permit_class = 'WORK_EMP' AND NOT EXISTS (SELECT 1 FROM payments s WHERE s.person_id = p.person_id AND s.kind = 'salary')
-- header: legal_gate = "request"

-- subquery | a protected anchor keeps the alert away
SELECT ALERT(p), p.first_known_time AS due_at FROM permits p WHERE p.permit_class = 'FAMILY_SPOUSE' AND NOT EXISTS (SELECT 1 FROM anchor_population a WHERE a.permit_id = p.permit_id AND a.protected)

-- subquery | an address among those before
SELECT ALERT(p) FROM permits p JOIN population_posts n ON n.person_id = p.person_id WHERE EXISTS (SELECT 1 FROM population_posts h WHERE h.person_id = n.person_id AND h.address_key <> n.address_key)

-- values | tiers
SELECT p.person_id, p.permit_id, 'x' AS alert_key, CAST(p.valid_from + tier.days AS TIMESTAMP) AS alert_at, tier.severity FROM (VALUES ('weak', 30), ('medium', 60)) AS tier(severity, days) CROSS JOIN permits p

-- values | the classes that may be asked for
SELECT ALERT(p) FROM permits p JOIN (VALUES ('WORK_EMP'), ('ICT')) AS v(c) ON v.c = p.permit_class JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary'
-- header: legal_gate = "request"

-- values | codes of journeys
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id JOIN (VALUES ('exit'), ('entry')) AS v(x) ON v.x = b.direction

-- values | Sweden and the stateless
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id JOIN (VALUES ('SWE'), ('XXA')) AS v(x) ON v.x = b.country

-- function | the same state as the tested one
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id JOIN statuses s ON s.person_id = p.person_id AND same_state(b.doc_issuer, s.tested_country) > 0

-- function | a document of a state
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id WHERE is_state(b.doc_issuer)

-- function | numbers with the same date of birth
SELECT ALERT(p) FROM permits p JOIN identities i ON i.person_id = p.person_id JOIN population n ON n.person_id = p.person_id AND substr(n.number, 1, 8) <> substr(i.number, 1, 8)

-- function | a country, or another of the person
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id JOIN statuses s ON s.person_id = p.person_id WHERE coalesce(b.doc_issuer, b.country) = s.tested_country

-- function | a country, or a word that is none
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id WHERE coalesce(b.country, 'none') <> 'SWE'

-- function | a change of citizenship, with a reason
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE citizenship_change(n.citizenships, p.citizenships_at_grant) = 'lost'
-- header: compares_citizenship = "citizenship itself is the matter"

-- function | the tested country among the citizenships, with a reason
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id JOIN statuses s ON s.person_id = p.person_id WHERE p.permit_class = 'PROT_REFUGEE' AND has_citizenship(n.citizenships, s.tested_country)
-- header: compares_citizenship = "citizenship itself is the matter"

-- function | any citizenship stated, with a reason
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE p.permit_class = 'PROT_SUBSIDIARY' AND array_length(n.citizenships) > 0
-- header: compares_citizenship = "citizenship itself is the matter"

-- function | Swedish or not
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE NOT has_citizenship(n.citizenships, 'SWE')

-- function | whether there is a name
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE n.name IS NOT NULL AND n.birth_on IS NOT NULL AND n.citizenships IS NOT NULL

-- cast | a day as an instant
SELECT p.person_id, p.permit_id, 'x' AS alert_key, CAST(b.observed_on AS TIMESTAMP) AS alert_at FROM permits p JOIN border b ON b.person_id = p.person_id

-- cast | both dates of birth as instants
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE CAST(n.birth_on AS TIMESTAMP) <> CAST(p.birth_on_at_grant AS TIMESTAMP)

-- cast | a country as a text
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id WHERE CAST(b.country AS VARCHAR) = CAST('SWE' AS VARCHAR)

-- regex | a code by LIKE
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE n.dereg_code LIKE 'G%'

-- regex | a source by an expression
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id WHERE b.source NOT LIKE 'tip'

-- array | Sweden in the list
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE coalesce(array_has(n.citizenships, 'SWE'), false)

-- array | codes in a list of the rule's own
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id WHERE array_has(['exit', 'seen'], b.direction)

-- array | a former citizenship among those of now, with a reason
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE p.permit_class IN ('PROT_REFUGEE', 'PROT_SUBSIDIARY') AND NOT has_citizenship(n.citizenships, p.citizenships_at_grant[1])
-- header: compares_citizenship = "citizenship itself is the matter"

-- window | the name before, held against the name
WITH n AS (SELECT person_id, name, lag(name) OVER (PARTITION BY person_id ORDER BY version, record) AS before FROM population_posts)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id WHERE name_agreement(n.name, n.before) = 'none'

-- window | the country after, held against the country
WITH b AS (SELECT person_id, country, lead(country) OVER (PARTITION BY person_id ORDER BY observed_on, record) AS next FROM border)
SELECT ALERT(p) FROM permits p JOIN b ON b.person_id = p.person_id WHERE b.next = b.country

-- window | the number before
WITH n AS (SELECT person_id, number, first_value(number) OVER (PARTITION BY person_id, substr(number, 1, 8) ORDER BY version, record) AS first FROM population_posts)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id WHERE n.number <> n.first

-- window | the address before
WITH n AS (SELECT person_id, address_key, lag(address_key) OVER (PARTITION BY person_id ORDER BY version, record) AS before FROM population_posts)
SELECT ALERT(p) FROM permits p JOIN n ON n.person_id = p.person_id WHERE n.before <> n.address_key

-- window | salaries beside the permit that they are read for
WITH q AS (SELECT p.person_id, p.permit_id, p.permit_class, p.record, p.first_known_time, s.gross_sek, s.month, s.first_record
           FROM permits p LEFT JOIN salaries s ON s.person_id = p.person_id AND p.permit_class = 'WORK_EMP'),
w AS (SELECT person_id, permit_id, first_known_time, max(gross_sek) OVER (PARTITION BY permit_id) AS most_sek FROM q)
SELECT ALERT(w) FROM w WHERE w.most_sek > 0
-- header: legal_gate = "request"

-- aggregate | the number of names, addresses and other persons
SELECT ALERT(p), count(DISTINCT s.other_id) AS others FROM permits p JOIN shared_identifiers s ON s.person_id = p.person_id GROUP BY p.person_id, p.permit_id, p.first_known_time HAVING count(DISTINCT s.other_id) > 1

-- aggregate | countries in one text, to be shown
SELECT ALERT(p), string_agg(b.country, ' ' ORDER BY b.record) AS seen_countries FROM permits p JOIN border b ON b.person_id = p.person_id GROUP BY p.person_id, p.permit_id, p.first_known_time

-- aggregate | notices of an employment's end
SELECT ALERT(p), count(DISTINCT t.record_key) AS notices FROM permits p JOIN notices t ON t.person_id = p.person_id AND t.kind = 'employment_end' GROUP BY p.person_id, p.permit_id, p.first_known_time

-- aggregate | a journey to Sweden among others
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id GROUP BY p.person_id, p.permit_id, p.first_known_time HAVING bool_or(b.country = 'SWE')

-- case | severity by the kind of the status
SELECT ALERT(p), CASE s.status_kind WHEN 'refugee' THEN 'medium' ELSE 'weak' END AS severity FROM permits p JOIN statuses s ON s.person_id = p.person_id

-- case | severity by the class
SELECT ALERT(p), CASE p.permit_class WHEN 'PERMANENT' THEN 'weak' ELSE 'info' END AS severity FROM permits p

-- case | one country of the person or another
SELECT ALERT(p), CASE WHEN b.transit THEN b.doc_issuer ELSE b.country END AS which_country FROM permits p JOIN border b ON b.person_id = p.person_id

-- case | salaries for a worker, studies for a student
SELECT ALERT(p), CASE WHEN s.month IS NULL THEN 'weak' ELSE 'info' END AS severity FROM permits p LEFT JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary' AND p.permit_class = 'WORK_EMP'
LEFT JOIN studies t ON t.person_id = p.person_id AND t.kind = 'registered' AND p.permit_class = 'STUDY_HE'
-- header: legal_gate = "request"

-- evidence | a tested country
SELECT ALERT(p), s.tested_country FROM permits p JOIN statuses s ON s.person_id = p.person_id

-- evidence | whether the name differs
SELECT ALERT(p), name_agreement(n.name, p.name_at_grant) <> 'same' AS name_differs FROM permits p JOIN population n ON n.person_id = p.person_id

-- evidence | the day of a change, the code of a deregistration
SELECT ALERT(p), n.event_on, n.dereg_code, n.foreign_in_eu FROM permits p JOIN population n ON n.person_id = p.person_id

-- evidence | previous citizenships, with a reason
SELECT ALERT(p), p.citizenships_at_grant AS previous FROM permits p WHERE p.permit_class = 'PROT_REFUGEE'
-- header: compares_citizenship = "citizenship itself is the matter"

-- reserved column | the tested country as the key
SELECT p.person_id, p.permit_id, s.tested_country AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN statuses s ON s.person_id = p.person_id

-- reserved column | a kind and a day as the key
SELECT p.person_id, p.permit_id, concat(b.direction, ':', CAST(b.observed_on AS VARCHAR)) AS alert_key, p.first_known_time AS alert_at, b.observed_on AS anchor_at FROM permits p JOIN border b ON b.person_id = p.person_id

-- reserved column | the record that a row rests on, in the key
SELECT p.person_id, p.permit_id, concat('doc:', d.record_key) AS alert_key, p.first_known_time AS alert_at, records(p.record, d.record) AS records FROM permits p JOIN documents d ON d.person_id = p.person_id

-- header | survives the end of the permit
SELECT ALERT(p) FROM permits p
-- header: survives = ["permit_ended"]

-- header | survives death, for payments
SELECT ALERT(p) FROM permits p JOIN payments a ON a.person_id = p.person_id AND a.kind = 'allowance'
-- header: survives = ["permit_ended", "deceased"]
-- header: purpose = "payment_control"

-- header | salaries on request
SELECT ALERT(p) FROM permits p JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary' WHERE p.permit_class = 'WORK_EMP'
-- header: legal_gate = "request"

-- header | benefits for the control of payments
SELECT ALERT(p) FROM permits p JOIN payments s ON s.person_id = p.person_id AND s.kind = 'benefit'
-- header: purpose = "payment_control"

-- header | civil status, for the permits of couples
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE n.civil_status IN ('S', 'SP') AND p.permit_class = 'FAMILY_SPOUSE'
-- header: permit_classes = ["FAMILY_SPOUSE"]

-- header | the day of a civil status beside the post that reports it
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE CASE WHEN coalesce(n.civil_status_on >= add_months(n.event_on, -12), false) THEN 'same' ELSE coalesce(name_agreement(n.name, p.name_at_grant), 'same') END <> 'same'

-- header | what another rule found about the same permit
SELECT ALERT(p) FROM permits p JOIN indications i ON i.permit_id = p.permit_id
-- header: uses = ["salary-below-floor"]
-- header: legal_gate = "verify"

-- function | a threshold for each sector of an employer
SELECT ALERT(p) FROM permits p JOIN permit_employers e ON e.person_id = p.person_id JOIN employers f ON f.employer_id = e.employer_id JOIN parameters r ON r.name = concat('breach_rate_bp_', f.sector)

-- subquery | the permit is one of a worker's
SELECT ALERT(p) FROM whole_permits p JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary' WHERE p.permit_id IN (SELECT q.permit_id FROM whole_permits q WHERE q.permit_class = 'WORK_EMP')
-- header: legal_gate = "request"

-- function | rows of those who are not protected
SELECT ALERT(p), p.first_known_time AS due_at FROM permits p JOIN anchor_population a ON a.permit_id = p.permit_id WHERE NOT coalesce(a.protected, false) AND NOT EXISTS (SELECT 1 FROM protected_anchors x WHERE x.permit_id = p.permit_id)

-- function | the spouse is the anchor
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE n.spouse_id = p.anchor_person_id

-- function | not of another class
SELECT ALERT(p) FROM permits p JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary' WHERE NOT (p.permit_class <> 'WORK_EMP')
-- header: legal_gate = "request"

-- retraction | salaries, and that one of them was taken back
SELECT ALERT(p) FROM permits p JOIN payments_history h ON h.person_id = p.person_id AND h.kind = 'salary' AND p.permit_class = 'WORK_EMP' JOIN payments_history n ON n.person_id = h.person_id AND n.record_key = h.record_key AND (n.kind = 'salary' OR n.op = 'retract')
-- header: legal_gate = "request"

-- link key | counted, and one of several equal ones chosen by it
WITH s AS (SELECT person_id, kind, held_from, record_key, row_number() OVER (PARTITION BY person_id ORDER BY held_from, record_key) AS place FROM shared_identifiers)
SELECT ALERT(p), s.kind, count(DISTINCT o.record_key) AS others FROM permits p JOIN s ON s.person_id = p.person_id AND s.place = 1 JOIN shared_identifiers o ON o.person_id = p.person_id
GROUP BY p.person_id, p.permit_id, p.first_known_time, s.kind

-- link key | grouped and joined by it
WITH a AS (SELECT person_id, permit_id, record_key, max(valid_to) AS last_on FROM anchor_permits GROUP BY person_id, permit_id, record_key)
SELECT ALERT(p), p.first_known_time AS due_at, a.last_on FROM permits p JOIN anchor_permits q ON q.permit_id = p.permit_id JOIN a ON a.permit_id = q.permit_id AND a.record_key = q.record_key
WHERE NOT EXISTS (SELECT 1 FROM protected_anchors x WHERE x.permit_id = p.permit_id)

-- link key | the key of the person's own record
SELECT p.person_id, p.permit_id, i.record_key AS alert_key, p.first_known_time AS alert_at, records(p.record, i.record) AS records
FROM permits p JOIN identities i ON i.person_id = p.person_id

-- protected by omission | what the anchor's posts lack, where the anchor is not protected
SELECT ALERT(p), p.first_known_time AS due_at FROM permits p LEFT JOIN anchor_population a ON a.permit_id = p.permit_id
WHERE a.registered_on IS NULL AND NOT EXISTS (SELECT 1 FROM anchor_population x WHERE x.permit_id = p.permit_id AND x.protected)

-- protected by omission | kept away in a step
WITH q AS (SELECT p.person_id, p.permit_id, p.first_known_time FROM whole_permits p WHERE NOT EXISTS (SELECT 1 FROM protected_anchors x WHERE x.permit_id = p.permit_id))
SELECT ALERT(q), q.first_known_time AS due_at FROM q JOIN anchor_permits a ON a.permit_id = q.permit_id AND a.revoked_final_on IS NOT NULL

-- protected by omission | posts in the register's order
WITH h AS (SELECT person_id, address_key, lead(op) OVER (PARTITION BY person_id, record_key ORDER BY version) AS next_op FROM population_posts)
SELECT ALERT(p) FROM permits p JOIN h ON h.person_id = p.person_id AND h.next_op = 'correct'

-- derived birth date | an estimated first of January that became a day of its year
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id
WHERE n.birth_on <> p.birth_on_at_grant AND NOT (p.birth_on_at_grant = CAST(date_trunc('year', n.birth_on) AS DATE) AND n.birth_on > p.birth_on_at_grant)

-- derived birth date | more than a year apart
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE abs(n.birth_on - p.birth_on_at_grant) > 365

-- derived birth date | the first date among the posts
WITH h AS (SELECT person_id, birth_on, first_value(birth_on) OVER (PARTITION BY person_id ORDER BY version, record) AS first FROM population_posts)
SELECT ALERT(p), h.birth_on - h.first AS days FROM permits p JOIN h ON h.person_id = p.person_id AND h.birth_on <> h.first

-- civil by its day | for the permits of couples
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE p.permit_class = 'FAMILY_SPOUSE' AND n.civil_status_on >= n.event_on
-- header: permit_classes = ["FAMILY_SPOUSE"]

-- civil by its day | a name that came with it, beside other reasons
SELECT ALERT(p), CASE WHEN coalesce(n.civil_status_on = n.event_on, false) OR n.number IS NULL THEN 'same' ELSE coalesce(name_agreement(n.name, p.name_at_grant), 'same') END = 'none' AS name_differs
FROM permits p JOIN population n ON n.person_id = p.person_id

-- civil by its day | the day of the post alone
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE n.event_on >= p.valid_from

-- alphabet | the greatest country, to be shown
SELECT ALERT(p), max(b.country) AS which_country FROM permits p JOIN border b ON b.person_id = p.person_id GROUP BY p.person_id, p.permit_id, p.first_known_time

-- alphabet | the country of the last journey
WITH b AS (SELECT person_id, country, row_number() OVER (PARTITION BY person_id ORDER BY observed_on DESC, record_key) AS place FROM border)
SELECT ALERT(p) FROM permits p JOIN b ON b.person_id = p.person_id AND b.place = 1 AND b.country <> 'SWE'

-- alphabet | unknown countries
SELECT ALERT(p) FROM permits p JOIN border b ON b.person_id = p.person_id WHERE b.country NOT IN ('XXA', 'XXB', 'XXC', 'XXX')

-- which citizenship | the same or not, and null for the same
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE coalesce(citizenship_change(n.citizenships, p.citizenships_at_grant), 'same') <> 'same'
-- header: compares_citizenship = "citizenship itself is the matter"

-- which citizenship | a new one, of a refugee
SELECT ALERT(p), n.citizenships[1] AS country FROM permits p JOIN population n ON n.person_id = p.person_id WHERE p.permit_class = 'PROT_REFUGEE' AND is_state(n.citizenships[1])
-- header: compares_citizenship = "citizenship itself is the matter"
-- header: permit_classes = ["PROT_REFUGEE"]

-- which citizenship | how it changed, shown
SELECT ALERT(p), citizenship_change(n.citizenships, p.citizenships_at_grant) AS change FROM permits p JOIN population n ON n.person_id = p.person_id
-- header: compares_citizenship = "citizenship itself is the matter"

-- in favour only | a month that is excused keeps the row away
SELECT ALERT(p), p.first_known_time AS due_at FROM permits p JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary'
WHERE p.permit_class = 'WORK_EMP' AND NOT EXISTS (SELECT 1 FROM excused_months x WHERE x.person_id = s.person_id AND x.month = s.month)
-- header: legal_gate = "request"

-- in favour only | months without pay that nothing excuses
SELECT ALERT(p), m.month AS first_month FROM permits p JOIN idle_months m ON m.permit_id = p.permit_id AND m.idle_no > 3 WHERE p.permit_class = 'WORK_EMP'
-- header: legal_gate = "request"

-- in favour only | violence keeps the row away
SELECT ALERT(p), p.first_known_time AS due_at FROM permits p WHERE p.permit_class = 'FAMILY_SPOUSE' AND NOT EXISTS (SELECT 1 FROM notices v WHERE v.person_id = p.person_id AND v.kind = 'violence')

-- sealed table | what rules found, by the view
SELECT ALERT(p), i.rule_number AS matter FROM permits p JOIN indications i ON i.permit_id = p.permit_id
-- header: uses = ["salary-below-floor"]
-- header: legal_gate = "verify"

-- class of another record | both are the whole permit
SELECT ALERT(p) FROM permit_spells p JOIN whole_permits q ON q.permit_id = p.permit_id JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary' WHERE q.permit_class = 'WORK_EMP'
-- header: legal_gate = "request"

-- class of another record | another record of a permit whose class is asked itself
SELECT ALERT(p) FROM whole_permits p JOIN permits q ON q.permit_id = p.permit_id AND q.permit_class = p.permit_class JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary' WHERE p.permit_class = 'WORK_EMP'
-- header: legal_gate = "request"

-- class of another record | one record, and its class
SELECT ALERT(p) FROM permits p JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary' WHERE p.permit_class = 'WORK_EMP'
-- header: legal_gate = "request"

-- in favour only | three times absent is absent
SELECT ALERT(p), p.first_known_time AS due_at FROM permits p WHERE NOT EXISTS (SELECT 1 FROM permits q WHERE q.permit_id = p.permit_id AND NOT EXISTS (SELECT 1 FROM permits r WHERE r.permit_id = q.permit_id AND NOT EXISTS (SELECT 1 FROM notices v WHERE v.person_id = r.person_id AND v.kind = 'violence')))

-- in favour only | each excused month keeps one away, and what is left is there once
WITH kept AS (SELECT DISTINCT s.person_id, s.month FROM payments s WHERE s.kind = 'salary' AND NOT EXISTS (SELECT 1 FROM excused_months x WHERE x.person_id = s.person_id AND x.month = s.month))
SELECT ALERT(p), p.first_known_time AS due_at, k.month AS first_month FROM permits p JOIN kept k ON k.person_id = p.person_id WHERE p.permit_class = 'WORK_EMP'
-- header: legal_gate = "request"

-- who is protected | who is protected is kept away
SELECT ALERT(p), p.first_known_time AS due_at FROM permits p WHERE NOT EXISTS (SELECT 1 FROM population n WHERE n.person_id = p.person_id AND n.protected)

-- evidence | the permit in the key and among the records
SELECT p.person_id, p.permit_id, p.permit_id || ':1' AS alert_key, p.first_known_time AS alert_at, records(p.record) AS records FROM permits p

-- civil by its day | between two days, beside a change of name
SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE CASE WHEN coalesce(n.civil_status_on BETWEEN add_months(n.event_on, -12) AND add_months(n.event_on, 12), false) THEN 'same' ELSE coalesce(name_agreement(n.name, p.name_at_grant), 'same') END <> 'same'
