/*
One row per fact that shows that a person left Sweden, and from when that counts (not before its day): a deregistration as
moved abroad that the register has not corrected away, and a border notice of an exit that was established from a document.
*/
SELECT person_id, dereg_on AS left_on, known_at, record
FROM deregistrations
WHERE dereg_code = 'UV'
UNION ALL
SELECT person_id, observed_on AS left_on, greatest(first_known_time, CAST(observed_on AS TIMESTAMP)) AS known_at, record
FROM border
WHERE direction = 'exit' AND doc_seen AND source <> 'tip'
