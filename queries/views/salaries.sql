/*
One row per person, month and employer: declared cash salary, latest versions only (a sum over an employer's statements
of the month), and when the last of them first became known.
*/
SELECT person_id, month, payer_id AS employer_id, CAST(sum(amount_sek) AS BIGINT) AS gross_sek,
       max(first_known_time) AS known_at, string_agg(record_key, ',' ORDER BY record_key) AS record_keys
FROM payments
WHERE kind = 'salary'
GROUP BY person_id, month, payer_id
