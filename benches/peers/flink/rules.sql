-- The reduced rules for Flink SQL in streaming mode, over changelogs: latest versions by Top-1, regular joins, group
-- aggregates that retract, MATCH_RECOGNIZE for the journeys. A month is the number year * 12 + month - 1.
--
-- A sliding sum over three months is a group aggregate over rows spread to the three months that see them: an OVER window
-- takes append-only input in order of a time attribute, so a corrected salary could never leave it.
--
-- Each row: rule, person, permit, key (null: the month), month of the key (null: none), first day on which it holds (null: the day
-- on which that month's declarations are complete), last day of the permit.

CREATE TEMPORARY VIEW permits AS
SELECT person_id, permit_id, permit_class, first_grant, valid_from, floor_sek, tied_until, work_right,
       COALESCE(LEAST(valid_to, ended_on), valid_to, ended_on) AS until_on,
       CAST(EXTRACT(YEAR FROM valid_from) * 12 + EXTRACT(MONTH FROM valid_from) - 1 AS INT) AS from_month,
       CASE WHEN EXTRACT(DAY FROM valid_from) > 1 THEN 1 ELSE 0 END AS part_month
FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY person_id, record_key ORDER BY version DESC) AS n
    FROM permits_raw WHERE permit_class IS NOT NULL OR op = 'retract'
) WHERE n = 1 AND op <> 'retract';

CREATE TEMPORARY VIEW payments AS
SELECT person_id, payer_id, CAST(EXTRACT(YEAR FROM `month`) * 12 + EXTRACT(MONTH FROM `month`) - 1 AS INT) AS mon, amount_sek
FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY person_id, record_key ORDER BY version DESC) AS n
    FROM payments_raw WHERE kind = 'salary' OR op = 'retract'
) WHERE n = 1 AND op <> 'retract';

CREATE TEMPORARY VIEW paid_by AS
SELECT person_id, mon, payer_id, SUM(amount_sek) AS gross_sek FROM payments GROUP BY person_id, mon, payer_id;

CREATE TEMPORARY VIEW paid AS
SELECT person_id, mon, SUM(gross_sek) AS gross_sek FROM paid_by GROUP BY person_id, mon;

CREATE TEMPORARY VIEW starts AS
SELECT person_id, event_on, CAST(EXTRACT(YEAR FROM event_on) * 12 + EXTRACT(MONTH FROM event_on) - 1 AS INT) AS mon
FROM notices_raw
WHERE kind = 'employment_start';

CREATE TEMPORARY VIEW not_started AS
SELECT p.person_id, p.permit_id, p.from_month + 5 AS last_month, p.until_on
FROM (SELECT * FROM permits WHERE permit_class = 'WORK_EMP' AND first_grant) p
LEFT JOIN starts t ON t.person_id = p.person_id AND t.event_on >= p.valid_from - INTERVAL '31' DAY AND t.mon <= p.from_month + 5
LEFT JOIN paid s ON s.person_id = p.person_id AND s.mon >= p.from_month AND s.mon <= p.from_month + 5
WHERE t.person_id IS NULL
GROUP BY p.person_id, p.permit_id, p.from_month, p.until_on
HAVING COALESCE(SUM(s.gross_sek), 0) <= 0;

CREATE TEMPORARY VIEW sliding AS
SELECT person_id, seen_in AS mon, SUM(gross_sek) AS sum_3, COUNT(*) AS months
FROM paid CROSS JOIN UNNEST(ARRAY[mon, mon + 1, mon + 2]) AS t (seen_in)   -- constants alone would make it a join on one task
WHERE gross_sek > 0
GROUP BY person_id, seen_in;

CREATE TEMPORARY VIEW below_floor AS
SELECT p.person_id, p.permit_id, MIN(s.mon) AS first_month, p.until_on
FROM permits p
JOIN sliding s ON s.person_id = p.person_id AND s.mon - 2 >= p.from_month + p.part_month
     AND s.mon <= EXTRACT(YEAR FROM p.until_on) * 12 + EXTRACT(MONTH FROM p.until_on) - 1
WHERE p.permit_class = 'WORK_EMP' AND s.months = 3 AND s.sum_3 * 100 < 3 * p.floor_sek * 95
GROUP BY p.person_id, p.permit_id, p.until_on;

CREATE TEMPORARY VIEW tied AS
SELECT person_id, permit_id, from_month + part_month AS from_month, until_on, COALESCE(LEAST(until_on, tied_until), until_on) AS tied_on
FROM permits
WHERE permit_class IN ('WORK_EMP', 'BLUE_CARD', 'SEASONAL', 'ICT') AND COALESCE(work_right, 'employer') NOT IN ('any', 'occupation');

CREATE TEMPORARY VIEW allowed AS
SELECT person_id, permit_id, employer_id, CAST(EXTRACT(YEAR FROM from_on) * 12 + EXTRACT(MONTH FROM from_on) - 1 AS INT) AS from_month,
       COALESCE(CAST(EXTRACT(YEAR FROM to_on) * 12 + EXTRACT(MONTH FROM to_on) - 1 AS INT), 99999) AS to_month
FROM permit_employers_raw;

CREATE TEMPORARY VIEW mismatch AS
SELECT p.person_id, p.permit_id, p.until_on, s.mon
FROM tied p
JOIN paid_by s ON s.person_id = p.person_id AND s.mon >= p.from_month
     AND s.mon <= EXTRACT(YEAR FROM p.tied_on) * 12 + EXTRACT(MONTH FROM p.tied_on) - 1
LEFT JOIN allowed x ON x.person_id = p.person_id AND x.permit_id = p.permit_id AND x.employer_id = s.payer_id
     AND x.from_month <= s.mon AND x.to_month >= s.mon
LEFT JOIN employers e ON e.employer_id = s.payer_id
WHERE s.gross_sek >= 5000 AND x.person_id IS NULL AND COALESCE(e.payer_kind, 'normal') = 'normal'
GROUP BY p.person_id, p.permit_id, p.until_on, s.mon;

CREATE TEMPORARY VIEW other_employer AS
SELECT person_id, permit_id, MIN(mon) AS first_month, until_on
FROM (
    SELECT person_id, permit_id, until_on, seen_in AS mon
    FROM mismatch CROSS JOIN UNNEST(ARRAY[mon, mon + 1, mon + 2]) AS t (seen_in)
    GROUP BY person_id, permit_id, until_on, seen_in
    HAVING COUNT(*) >= 2
)
GROUP BY person_id, permit_id, until_on;

CREATE TEMPORARY VIEW emigrated AS
SELECT p.person_id, p.permit_id, n.dereg_on, p.until_on
FROM permits p
JOIN population n ON n.person_id = p.person_id AND n.dereg_code = 'UV' AND n.dereg_on >= p.valid_from
WHERE p.permit_class = 'PERMANENT';

CREATE TEMPORARY VIEW visits AS
SELECT person_id, country, left_on, back_on
FROM journeys MATCH_RECOGNIZE (
    PARTITION BY person_id, country
    ORDER BY known_time, observed_on
    MEASURES A.observed_on AS left_on, B.observed_on AS back_on
    ONE ROW PER MATCH
    AFTER MATCH SKIP TO NEXT ROW
    PATTERN (A B)
    DEFINE A AS A.direction = 'exit', B AS B.direction = 'entry'
);

CREATE TEMPORARY VIEW home_travel AS
SELECT p.person_id, p.permit_id, v.country, p.until_on
FROM statuses st
JOIN visits v ON v.person_id = st.person_id AND v.country = st.tested_country AND v.left_on > st.declared_on
     AND (st.ended_on IS NULL OR v.left_on < st.ended_on)
JOIN permits p ON p.person_id = st.person_id AND p.valid_from <= v.left_on AND (p.until_on IS NULL OR p.until_on >= v.left_on)
WHERE p.permit_class IN ('PROT_REFUGEE', 'PROT_SUBSIDIARY', 'PROT_TEMPORARY') AND v.back_on >= v.left_on + INTERVAL '14' DAY
GROUP BY p.person_id, p.permit_id, v.country, p.until_on;

CREATE TEMPORARY VIEW alerts AS
SELECT 'work-not-started' AS rule, person_id, permit_id, 'not-started' AS alert_key, last_month AS due_month, CAST(NULL AS DATE) AS due_on, until_on
FROM not_started
UNION ALL
SELECT 'salary-below-floor', person_id, permit_id, CAST(NULL AS STRING), first_month, CAST(NULL AS DATE), until_on FROM below_floor
UNION ALL
SELECT 'employer-mismatch', person_id, permit_id, CAST(NULL AS STRING), first_month, CAST(NULL AS DATE), until_on FROM other_employer
UNION ALL
SELECT 'permanent-permit-emigrated', person_id, permit_id, CAST(dereg_on AS STRING), CAST(NULL AS INT), dereg_on + INTERVAL '30' DAY, until_on
FROM emigrated
UNION ALL
SELECT 'protected-home-travel', person_id, permit_id, country, CAST(NULL AS INT), CAST(NULL AS DATE), until_on FROM home_travel;
