/*
One row per version of a register post, retractions included (their columns are null), in the order of the register:
ORDER BY version, record_key is total, and the same in whatever order the posts reached us. `known_from` is when each did.
Posts about a protected person are left out: they carry little but the number, and nothing of them may be kept; that they are missing
would tell who was protected, so that no other text reads `population_history`.
*/
SELECT person_id, record_key, record, version, op, known_from, event_on, dereg_code, dereg_on, foreign_country, foreign_in_eu, registered_on,
       name, birth_on, citizenships, civil_status, civil_status_on, spouse_id, address_key, number
FROM population_history
WHERE NOT coalesce(protected, false)
