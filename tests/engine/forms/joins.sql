-- around: SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, b.direction AS e0, b.observed_on AS e1 FROM permits p {}

-- accepted
JOIN border b ON b.person_id = p.person_id

-- accepted
INNER JOIN border b ON b.person_id = p.person_id

-- accepted
LEFT JOIN border b ON b.person_id = p.person_id

-- accepted
LEFT OUTER JOIN border b ON b.person_id = p.person_id

-- accepted
LEFT JOIN border b ON b.person_id = p.person_id AND b.direction = 'exit'

-- accepted
LEFT JOIN border b ON b.person_id = p.person_id WHERE b.direction = 'exit'

-- accepted
LEFT JOIN border b ON b.person_id = p.person_id AND p.inhibited

-- accepted, null
LEFT JOIN border b ON b.person_id = p.person_id AND false

-- accepted, null
LEFT JOIN border b ON b.person_id = p.person_id WHERE b.person_id IS NULL

-- refused: output column person_id is computed
RIGHT JOIN border b ON b.person_id = p.person_id

-- accepted
RIGHT OUTER JOIN border b ON b.person_id = p.person_id AND p.inhibited WHERE p.person_id IS NOT NULL

-- refused: FULL JOIN
FULL JOIN border b ON b.person_id = p.person_id

-- refused: FULL JOIN
FULL OUTER JOIN border b ON b.person_id = p.person_id

-- refused: JOIN mixes persons: JOIN with no column that is equal on both sides
CROSS JOIN border b

-- accepted
CROSS JOIN border b WHERE b.person_id = p.person_id

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found: ON
CROSS JOIN border b ON b.person_id = p.person_id

-- refused: a JOIN without ON
JOIN border b

-- refused: JOIN mixes persons: JOIN with no column that is equal on both sides
JOIN border b ON true

-- refused: JOIN mixes persons: JOIN with no column that is equal on both sides
JOIN border b ON 1 = 1

-- refused: JOIN mixes persons: JOIN with no column that is equal on both sides
JOIN border b ON p.inhibited

-- refused: JOIN mixes persons: JOIN with no column that is equal on both sides
JOIN border b ON b.observed_on >= p.valid_from

-- accepted
JOIN border b ON b.person_id = p.person_id AND b.observed_on BETWEEN p.valid_from AND coalesce(p.valid_to, p.valid_from)

-- refused: JOIN mixes persons: JOIN with no column that is equal on both sides
JOIN border b ON b.person_id = p.person_id OR b.observed_on = p.valid_from

-- accepted
JOIN border b ON (b.person_id = p.person_id)

-- accepted
JOIN border b ON p.person_id = b.person_id AND (b.direction = 'exit' OR b.observed_on > p.valid_from)

-- accepted
JOIN border b ON b.person_id IS NOT DISTINCT FROM p.person_id

-- refused: IS [NOT] DISTINCT FROM beside AND or OR without parentheses
JOIN border b ON b.person_id = p.person_id AND b.observed_on IS NOT DISTINCT FROM p.valid_from

-- accepted
JOIN border b ON NOT b.person_id <> p.person_id

-- accepted
JOIN border b ON b.person_id IN (p.person_id)

-- refused: a struct
JOIN border b ON (b.person_id, b.observed_on) = (p.person_id, p.valid_from)

-- refused: JOIN mixes persons: EXISTS or IN (SELECT ...) with no column that is equal on both sides
JOIN border b ON b.person_id = p.person_id AND EXISTS (SELECT 1 FROM notices n WHERE n.person_id = p.person_id)

-- refused: IN
JOIN border b ON b.person_id = p.person_id AND b.observed_on IN (SELECT n.event_on FROM notices n WHERE n.person_id = p.person_id)

-- refused: SQL: This feature is not implemented: Physical plan does not support logical expression Ag
JOIN border b ON b.person_id = p.person_id AND count(*) > 1

-- refused: SQL: This feature is not implemented: Physical plan does not support logical expression Wi
JOIN border b ON b.person_id = p.person_id AND row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key) = 1

-- accepted
JOIN border AS b ON b.person_id = p.person_id

-- accepted
JOIN border b USING (person_id)

-- accepted, no rows
JOIN border b USING (person_id, record_key)

-- accepted
LEFT JOIN border b USING (person_id)

-- refused: a text compared with a whole number by USING
JOIN (SELECT person_id, direction, observed_on, 1 AS permit_class FROM border) b USING (person_id, permit_class)

-- refused: output column person_id is computed
RIGHT JOIN border b USING (person_id)

-- refused: NATURAL JOIN
NATURAL JOIN border b

-- refused: NATURAL JOIN
NATURAL LEFT JOIN border b

-- refused: a JOIN other than INNER, LEFT, RIGHT and CROSS JOIN
SEMI JOIN border b ON b.person_id = p.person_id

-- refused: a JOIN other than INNER, LEFT, RIGHT and CROSS JOIN
LEFT SEMI JOIN border b ON b.person_id = p.person_id

-- refused: a JOIN other than INNER, LEFT, RIGHT and CROSS JOIN
ANTI JOIN border b ON b.person_id = p.person_id

-- refused: a JOIN other than INNER, LEFT, RIGHT and CROSS JOIN
LEFT ANTI JOIN border b ON b.person_id = p.person_id

-- refused: SQL: SQL error: ParserError("Expected: MATCH_CONDITION, found: ON
ASOF JOIN border b ON b.person_id = p.person_id AND p.valid_from >= b.observed_on

-- refused: a JOIN other than INNER, LEFT, RIGHT and CROSS JOIN
ASOF JOIN border b MATCH_CONDITION (p.valid_from >= b.observed_on) ON b.person_id = p.person_id

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found: POSITIONAL
POSITIONAL JOIN border b

-- refused: a JOIN other than INNER, LEFT, RIGHT and CROSS JOIN
CROSS APPLY (SELECT * FROM border b WHERE b.person_id = p.person_id) b

-- refused: a JOIN other than INNER, LEFT, RIGHT and CROSS JOIN
OUTER APPLY border b

-- refused: a JOIN other than INNER, LEFT, RIGHT and CROSS JOIN
STRAIGHT_JOIN border b ON b.person_id = p.person_id

-- refused: GLOBAL JOIN
GLOBAL JOIN border b ON b.person_id = p.person_id

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found: ANY
ANY JOIN border b ON b.person_id = p.person_id

-- refused: a JOIN other than INNER, LEFT, RIGHT and CROSS JOIN
ARRAY JOIN p.citizenships_at_grant AS b

-- refused: LATERAL
JOIN LATERAL (SELECT * FROM border x WHERE x.person_id = p.person_id) b ON true

-- refused: LATERAL
CROSS JOIN LATERAL (SELECT direction, observed_on FROM border x WHERE x.person_id = p.person_id) b

-- refused: LATERAL
LEFT JOIN LATERAL (SELECT max(x.observed_on) AS observed_on, 'a' AS direction FROM border x WHERE x.person_id = p.person_id) b ON true

-- accepted
JOIN (SELECT person_id, direction, observed_on FROM border) b ON b.person_id = p.person_id

-- accepted
JOIN (SELECT person_id, max(direction) AS direction, max(observed_on) AS observed_on FROM border GROUP BY person_id) b ON b.person_id = p.person_id

-- accepted
LEFT JOIN (SELECT person_id, 'a' AS direction, DATE '2024-01-01' AS observed_on FROM border) b ON b.person_id = p.person_id

-- accepted
JOIN (border b JOIN notices n ON n.person_id = b.person_id) ON b.person_id = p.person_id

-- accepted
LEFT JOIN (border b JOIN notices n ON n.person_id = b.person_id) ON b.person_id = p.person_id

-- accepted
JOIN (border b LEFT JOIN notices n ON n.person_id = b.person_id AND n.event_on = b.observed_on) ON b.person_id = p.person_id

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found: ON
JOIN border b JOIN notices n ON n.person_id = b.person_id ON b.person_id = p.person_id

-- refused: SQL: SQL error: ParserError("Expected: end of statement, found: ON
LEFT JOIN border b LEFT JOIN notices n ON n.person_id = b.person_id ON b.person_id = p.person_id

-- accepted
JOIN border b ON b.person_id = p.person_id JOIN notices n ON n.person_id = b.person_id

-- refused: JOIN mixes persons: LEFT JOIN ON b.person_id = n.person_id
LEFT JOIN border b ON b.person_id = p.person_id LEFT JOIN notices n ON n.person_id = b.person_id AND n.event_on >= b.observed_on

-- accepted
LEFT JOIN border b ON b.person_id = p.person_id JOIN notices n ON n.person_id = p.person_id

-- refused: JOIN mixes persons: JOIN ON b.person_id = n.person_id
LEFT JOIN border b ON b.person_id = p.person_id JOIN notices n ON n.person_id = b.person_id

-- accepted
JOIN notices n ON n.person_id = p.person_id LEFT JOIN border b ON b.person_id = n.person_id AND b.observed_on < n.event_on

-- accepted
JOIN border b ON b.person_id = p.person_id JOIN permits q ON q.permit_id = p.permit_id

-- refused: SQL: Schema error: Schema contains duplicate qualified field name p.person_id
JOIN border b ON b.person_id = p.person_id JOIN permits p ON p.permit_id = p.permit_id

-- accepted
, border b WHERE b.person_id = p.person_id

-- accepted
, border b JOIN notices n ON n.person_id = b.person_id WHERE b.person_id = p.person_id

-- refused: SQL: Schema error: No field named p.person_id
, border b JOIN notices n ON n.person_id = p.person_id WHERE b.person_id = p.person_id

-- refused: SQL: Invalid (non-executable) plan after Analyzer caused by Error during planning: Correla
JOIN border b ON b.person_id = p.person_id AND b.observed_on > (SELECT max(n.event_on) FROM notices n WHERE n.person_id = p.person_id)

-- refused: a comparison with ALL or ANY of a query
JOIN border b ON b.person_id = p.person_id AND b.observed_on > ALL (SELECT n.event_on FROM notices n WHERE n.person_id = p.person_id)

-- accepted
JOIN border_history b ON b.person_id = p.person_id AND b.is_latest

-- accepted, null
JOIN border_history b ON b.person_id = p.person_id AND b.op = 'retract'

-- around: SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at, {}

-- accepted
m.month AS e0 FROM permits p JOIN months m ON m.month >= p.valid_from AND m.month < add_months(p.valid_from, 3)

-- accepted
m.month AS e0, m.next_month AS e1, m.complete_at AS e2 FROM permits p JOIN months m ON m.month = month_of(p.valid_from)

-- accepted
m.month AS e0 FROM permits p LEFT JOIN months m ON m.month BETWEEN p.valid_from AND p.valid_to AND m.month < DATE '2024-06-01'

-- accepted
d.day AS e0 FROM permits p JOIN days d ON d.day >= p.valid_from AND d.day <= p.valid_from + 3

-- accepted
d.day AS e0 FROM permits p CROSS JOIN days d WHERE d.day = p.valid_from

-- accepted
t.value AS e0 FROM permits p JOIN parameters t ON t.name = 'livelihood_floor_sek' AND p.valid_from >= t.valid_from AND (t.valid_to IS NULL OR p.valid_from < t.valid_to)

-- accepted
e.employer_id AS e0 FROM permits p JOIN permit_employers e ON e.permit_id = p.permit_id

-- refused: SQL: Schema error: No field named c.name
e.employer_id AS e0, c.name AS e1 FROM permits p JOIN permit_employers e ON e.permit_id = p.permit_id JOIN employers c ON c.employer_id = e.employer_id

-- accepted, null
c.employer_id AS e0 FROM permits p JOIN permit_employers e ON e.permit_id = p.permit_id LEFT JOIN employer_months c ON c.employer_id = e.employer_id

-- refused: SQL: Schema error: No field named c.industry
c.employer_id AS e0 FROM permits p JOIN employers c ON c.industry = p.permit_class

-- accepted
i.institution_id AS e0 FROM permits p JOIN institutions i ON i.institution_id = p.institution_id

-- accepted
i.institution_id AS e0 FROM permits p JOIN institutions i USING (institution_id)

-- accepted, no rows
t.term AS e0 FROM permits p JOIN terms t ON t.starts_on <= p.valid_from AND t.ends_on >= p.valid_from

-- accepted
w.annulled AS e0 FROM permits p JOIN whole_permits w ON w.permit_id = p.permit_id

-- accepted
w.held_until AS e0, w.beside AS e1 FROM permits p LEFT JOIN permit_spells w ON w.permit_id = p.permit_id

-- accepted, no rows
s.gross_sek AS e0, s.month AS e1 FROM permits p JOIN salaries s ON s.person_id = p.person_id

-- accepted
h.version AS e0 FROM permits p JOIN permits_history h ON h.permit_id = p.permit_id

-- accepted
h.op AS e0 FROM permits p JOIN permits_history h ON h.record_key = p.record_key AND h.person_id = p.person_id
