/*
One row per register post that was ever the latest of its record, retractions included (their columns are null), in the
order in which they became known: ORDER BY known_from, record_key, version is total. Posts about a protected person are
left out: they carry little but the number, and nothing of them may be kept.
*/
SELECT person_id, record_key, version, op, known_from, event_on, dereg_code, dereg_on, foreign_country, name, birth_on, citizenships,
       civil_status_on, number
FROM population_history
WHERE (known_to IS NULL OR known_to > known_from) AND NOT coalesce(protected, false)
