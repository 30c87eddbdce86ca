/*
One row per permit and full month of employment under it: a month wholly inside the permit, with salary in it and in the
months before and after, whose declarations are complete enough. First and last months of an employment, and those beside
a month without salary, are part months and left out; so are months without salary, which are another matter (employment
that ended). That the month was full is known only when the next month's salary is: `evaluated_at` waits for both that
and `complete_at`, the time by which every employer has declared.
An excused month is a month of employment, with or without salary, and never left out; nor does it make a last or first month of
the one beside it. Such a month is full only thanks to the excuse (`in_own_right` false), and leave may begin or end in it: it
may speak for the person, but not against.
*/
SELECT p.person_id, p.permit_id, p.permit_class, p.record AS permit_record, p.first_grant, p.application_on, p.decided_on,
       p.valid_from, p.floor_sek, s.month, s.gross_sek, s.next_gross_sek, s.excused, s.first_record, s.complete_at,
       s.reported_pct >= 95 AND s.gross_sek > 0 AND coalesce(s.previous_gross_sek > 0, false) AND coalesce(s.next_gross_sek > 0, false) AS in_own_right,
       greatest(s.complete_at, s.known_at, s.next_known_at) AS evaluated_at
FROM permit_spells p
JOIN (
    SELECT person_id, month, gross_sek, known_at, reported_pct, excused, first_record, agi_complete(month) AS complete_at,
           CASE WHEN lag(month) OVER w = add_months(month, -1) THEN lag(gross_sek) OVER w END AS previous_gross_sek,
           CASE WHEN lead(month) OVER w = add_months(month, 1) THEN lead(gross_sek) OVER w END AS next_gross_sek,
           CASE WHEN lead(month) OVER w = add_months(month, 1) THEN lead(known_at) OVER w END AS next_known_at
    FROM salary_months
    WHERE gross_sek > 0 OR excused = 1
    WINDOW w AS (PARTITION BY person_id ORDER BY month)
) s ON s.person_id = p.person_id AND s.month >= p.valid_from AND (p.held_until IS NULL OR add_months(s.month, 1) <= p.held_until + 1)
WHERE s.excused = 1 OR (s.previous_gross_sek IS NOT NULL AND s.next_gross_sek IS NOT NULL AND s.reported_pct >= 95)
