/*
One row per record that a judgement of full months of employment rests on, with the months that it says something of (`from_month` to
`to_month`): a salary statement (its own month, and that the one before was a full one), a token that a month is excused, and a granted permit, whose
`permit_class` it names. Each record once, not summed: to be joined to the few rows that are told, for `records_of`.
*/
SELECT 'salary' AS kind, person_id, add_months(month, -1) AS from_month, month AS to_month, CAST(NULL AS VARCHAR) AS permit_class, record
FROM payments
WHERE kind = 'salary'
UNION ALL
SELECT 'excused' AS kind, person_id, month AS from_month, month AS to_month, CAST(NULL AS VARCHAR) AS permit_class, record
FROM excused_months
UNION ALL
SELECT 'permit' AS kind, person_id, month_of(valid_from) AS from_month, coalesce(least(valid_to, ended_on), DATE '2199-12-31') AS to_month, permit_class, record
FROM permits
WHERE coalesce(end_kind, 'none') <> 'annulled'
