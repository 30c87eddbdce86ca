/*
One row per granted permit that was not annulled: the permit, the last day on which alerts stand on it (`carries_until`), and
the unbroken right that it belongs to: the permits of a person of which each continues the one before, with the time between
them. The right begins with its first permit (`is_first`; `right_id` is that permit), or earlier where the register says that it was
held since then, and ends when alerts stand on its last permit no longer. Null is open. A permit that is held beside another (`beside`) is a right
of its own. An alert about a right stands on the permit that carries it at the time; what was known when a later permit of the
right was decided (`decided_on`) is settled on that one.
*/
SELECT person_id, permit_id, permit_class, record, first_known_time, first_grant, application_on, decided_on,
       valid_from, valid_to, held_since, keep_notice_on, held_until, carries_until,
       CASE WHEN beside THEN permit_id
            ELSE last_value(CASE WHEN is_first THEN permit_id END IGNORE NULLS)
                     OVER (PARTITION BY person_id, beside ORDER BY valid_from, permit_id ROWS UNBOUNDED PRECEDING) END AS right_id,
       CASE WHEN beside THEN least(held_since, valid_from)
            ELSE last_value(CASE WHEN is_first THEN least(held_since, valid_from) END IGNORE NULLS)
                     OVER (PARTITION BY person_id, beside ORDER BY valid_from, permit_id ROWS UNBOUNDED PRECEDING) END AS right_from,
       CASE WHEN beside THEN carries_until
            ELSE nullif(first_value(CASE WHEN NOT unbroken THEN coalesce(carries_until, DATE '2199-12-31') END IGNORE NULLS)
                            OVER (PARTITION BY person_id, beside ORDER BY valid_from, permit_id
                                  ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING), DATE '2199-12-31') END AS right_until,
       is_first
FROM (
    SELECT person_id, permit_id, permit_class, record, first_known_time, first_grant, application_on, decided_on,
           valid_from, valid_to, held_since, keep_notice_on, held_until, carries_until, unbroken, beside,
           beside OR NOT coalesce(lag(unbroken) OVER (PARTITION BY person_id, beside ORDER BY valid_from, permit_id), false) AS is_first
    FROM permit_spells
    WHERE NOT annulled
) p
