/*
One row per person, month and employer: declared cash salary, latest versions only (a sum over an employer's statements
of the month), when the last of them first became known, and the first and the last of their records, which may be one: an
ordered string_agg of all would cost thirty times the sum.
*/
SELECT person_id, month, payer_id AS employer_id, CAST(sum(amount_sek) AS BIGINT) AS gross_sek,
       max(first_known_time) AS known_at, min(record) AS first_record, max(record) AS last_record
FROM payments
WHERE kind = 'salary'
GROUP BY person_id, month, payer_id
