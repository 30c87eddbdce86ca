/*
One row per permit and monthly salary that it asks for: `floor` (livelihood requirement of a work permit, its own or the
one in force when it was applied for), `offered` (the salary in the offer of employment), `threshold` (EU Blue Card).
`required_source` is `permit` or `parameter`. A permit that states none has no row, or a null `required_sek`.
*/
SELECT p.person_id, p.permit_id, r.requirement,
       CASE r.requirement WHEN 'floor' THEN coalesce(p.floor_sek, f.value) WHEN 'offered' THEN p.offered_sek ELSE p.threshold_sek END AS required_sek,
       CASE WHEN r.requirement = 'floor' AND p.floor_sek IS NULL THEN 'parameter' ELSE 'permit' END AS required_source
FROM whole_permits p
JOIN (VALUES ('WORK_EMP', 'floor'), ('WORK_EMP', 'offered'), ('ICT', 'offered'), ('SEASONAL', 'offered'), ('BLUE_CARD', 'threshold'))
     AS r(permit_class, requirement) ON r.permit_class = p.permit_class
LEFT JOIN parameters f
       ON f.name = CASE WHEN coalesce(p.first_grant, true) THEN 'livelihood_floor_sek' ELSE 'livelihood_floor_extension_sek' END
      AND coalesce(p.application_on, p.decided_on, p.valid_from) >= f.valid_from
      AND (f.valid_to IS NULL OR coalesce(p.application_on, p.decided_on, p.valid_from) < f.valid_to)
