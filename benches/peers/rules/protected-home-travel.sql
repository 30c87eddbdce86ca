/*
id = "protected-home-travel"
number = "R18"
title.sv = "Resa till landet som skyddet prövats mot"
title.en = "Journey to the country that the protection was tested against"
finding.sv = "Förenklad regel för jämförelsen mellan system. Omständighet att utreda."
finding.en = "A reduced rule for the comparison of systems. A circumstance to look into."
permit_classes = ["PROT_REFUGEE", "PROT_SUBSIDIARY", "PROT_TEMPORARY"]
legal_basis = ["UtlL 4 kap. 5 § 1 st. 1 och 4 p."]
legal_gate = "open"
severity = "weak"
owner = "protection-unit"
*/
WITH visit AS (
    SELECT person_id, country, observed_on AS left_on, direction, first_known_time,
           lead(direction) OVER w AS next_direction, lead(observed_on) OVER w AS back_on, lead(first_known_time) OVER w AS back_known_at
    FROM border
    WHERE direction IN ('exit', 'entry') AND transit IS NOT TRUE AND source <> 'tip'
    WINDOW w AS (PARTITION BY person_id, country ORDER BY observed_on, direction DESC, record_key)
)
SELECT p.person_id, p.permit_id, v.country AS alert_key, max(v.left_on) AS anchor_at, max(v.back_known_at) AS alert_at,
       CAST(least(p.valid_to, p.ended_on) + 1 AS TIMESTAMP) AS cleared_at, max(v.left_on) AS last_left_on
FROM statuses st
JOIN visit v ON v.person_id = st.person_id AND v.country = st.tested_country AND v.left_on > st.declared_on
     AND (st.ended_on IS NULL OR v.left_on < st.ended_on)
JOIN permits p ON p.person_id = st.person_id AND p.valid_from <= v.left_on AND (least(p.valid_to, p.ended_on) IS NULL OR least(p.valid_to, p.ended_on) >= v.left_on)
WHERE p.permit_class IN ('PROT_REFUGEE', 'PROT_SUBSIDIARY', 'PROT_TEMPORARY')
  AND v.direction = 'exit' AND v.next_direction = 'entry' AND v.back_on >= v.left_on + 14
GROUP BY p.person_id, p.permit_id, p.valid_to, p.ended_on, v.country
