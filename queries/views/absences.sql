/*
One row per deregistration that the register has not corrected away, as in `deregistrations`, with the first day on which
the person was registered again (`returned_on`, null: not yet): the day that the post tells, not when it became known.
*/
SELECT person_id, dereg_code, dereg_on, foreign_country, known_at, returned_on, record_key
FROM deregistrations
