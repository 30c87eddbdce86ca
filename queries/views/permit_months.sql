/*
One row per permit with a last day and calendar month in which it holds, months ahead included: the spine of rules about
absent pay. `gross_sek` is 0 where nothing was declared, `known_at` null; `complete_at` is when the month's declarations are
all in. The first month may lie partly before the permit (`month < valid_from`), the last one partly after it. Permits
without an end have no rows: no rule waits for their pay.
*/
SELECT p.person_id, p.permit_id, p.permit_class, p.permit_record, p.permit_known_at, p.first_grant, p.valid_from, p.held_until,
       m.month, m.next_month, m.complete_at, coalesce(s.gross_sek, 0) AS gross_sek, s.known_at,
       coalesce(s.reported_pct, 100) AS reported_pct, coalesce(s.excused, 0) AS excused, s.excused_at, s.first_record, s.last_record
FROM (
    SELECT person_id, permit_id, permit_class, record AS permit_record, first_known_time AS permit_known_at, first_grant,
           valid_from, month_of(valid_from) AS first_month, held_until
    FROM permit_spells
) p
JOIN months m ON m.month >= p.first_month AND m.month <= p.held_until
LEFT JOIN salary_months s ON s.person_id = p.person_id AND s.month = m.month
