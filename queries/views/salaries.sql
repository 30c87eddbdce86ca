/*
One row per person, month and employer: declared cash salary, latest versions only (a sum over an employer's statements
of the month), when the last of them first became known, and the record_key of one of them and, if there are more, of
another: an ordered string_agg of all would cost thirty times the sum.
*/
SELECT person_id, month, payer_id AS employer_id, CAST(sum(amount_sek) AS BIGINT) AS gross_sek,
       max(first_known_time) AS known_at, min(record_key) AS first_key, nullif(max(record_key), min(record_key)) AS last_key
FROM payments
WHERE kind = 'salary'
GROUP BY person_id, month, payer_id
