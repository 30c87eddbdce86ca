/*
One row per report that a person's studies at an institution stopped: interrupted, offer returned, registration withdrawn.
A report that names fewer than 15 credits (150 tenths) drops a course, not the studies, and is left out.
*/
SELECT person_id, record_key, record, kind, institution_id, event_on, first_known_time
FROM studies
WHERE kind IN ('interrupted', 'returned_offer', 'withdrawn_registration') AND (credits_tenths IS NULL OR credits_tenths >= 150)
