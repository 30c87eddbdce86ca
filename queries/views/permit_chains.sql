/*
One row per granted permit that was not annulled, with the chain that it belongs to: the permits of its class and unbroken right (see
`rights`). `chain_id` is the first of them. What is counted month by month is counted along the chain: an alert that follows a
renewal worsens and ends there as it would have on the old permit.
*/
SELECT person_id, permit_id,
       first_value(permit_id) OVER (PARTITION BY person_id, permit_class, right_id ORDER BY valid_from, permit_id ROWS UNBOUNDED PRECEDING) AS chain_id
FROM rights
