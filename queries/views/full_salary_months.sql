/*
One row per permit and full month of employment under it: a month wholly inside the permit, with employment in it and in the
months before and after, whose declarations are complete enough. First and last months of an employment are part months and left
out. A month without pay is one of employment only where an employer paid in the month before the
gap and in the one after it, the gap is shorter than the time to find another employment (two months at most), and no notice says that
the employment ended; other months without salary are another matter (employment that ended). Such a month is a row where the employer declared
nothing paid; one that is not declared may only be late: it is no row, but the months beside it are full. That the month was full is known only
when the next month's salary is, after a gap that of the month that ends it: `evaluated_at` waits for both that and `complete_at`, the time by which
every employer has declared. `stands_since` is the same of what is declared and excused now: later where more was declared when a permit was decided.
An excused month is a month of employment, with or without salary, and never left out; nor does it make a last or first month of
the one beside it. A month that is full only thanks to the excuse (`in_own_right` false) may speak for the person, but not against: leave
may begin or end in it. `in_gap`: nothing was paid, by an employer that paid before and after. A gap that is short enough to be one of employment without any excuse makes the months beside it full in their own right.
*/
WITH fallen AS (   -- months for which more was declared, or that were excused, when a permit was decided, and until when
    SELECT m.person_id, m.month, max(e.until_at) AS until_at
    FROM salary_months m
    JOIN earlier_pay e ON e.person_id = m.person_id AND e.month = m.month AND e.whole AND (e.gross_sek > m.gross_sek OR e.excused)
    JOIN whole_permits d ON d.person_id = e.person_id AND CAST(e.from_at AS DATE) <= d.decided_on AND d.decided_on < CAST(e.until_at AS DATE)
    GROUP BY m.person_id, m.month
),
paid AS (
    SELECT person_id, month, lead(month) OVER (PARTITION BY person_id ORDER BY month) AS next_month
    FROM salary_months
    WHERE gross_sek > 0
),
unpaid AS (   -- months between two paid by one employer, a short gap
    SELECT p.person_id, add_months(p.month, gap.nth) AS month, greatest(max(a.known_at), max(z.known_at)) AS paid_again_at, coalesce(min(e.reported_pct), 100) AS reported_pct,
           count(z.month) > 0 AS declared
    FROM (VALUES (1), (2)) AS gap(nth)
    CROSS JOIN paid p
    JOIN salaries b ON b.person_id = p.person_id AND b.month = p.month AND b.gross_sek > 0
    JOIN salaries a ON a.person_id = p.person_id AND a.month = p.next_month AND a.gross_sek > 0 AND a.employer_id = b.employer_id
    LEFT JOIN salaries z ON z.person_id = p.person_id AND z.month = add_months(p.month, gap.nth) AND z.employer_id = b.employer_id
    LEFT JOIN employer_months e ON e.employer_id = b.employer_id AND e.month = add_months(p.month, gap.nth)
    WHERE add_months(p.month, gap.nth) < p.next_month AND p.next_month > add_months(p.month, 1) AND p.next_month <= add_months(p.month, 3)
      AND NOT EXISTS (SELECT 1 FROM notices n
                      WHERE n.person_id = p.person_id AND n.kind = 'employment_end' AND n.event_on >= p.month AND n.event_on < p.next_month)
    GROUP BY p.person_id, add_months(p.month, gap.nth)
),
employed AS (
    SELECT false AS in_gap, s.person_id, s.month, s.gross_sek, s.known_at, least(s.reported_pct, u.reported_pct) AS reported_pct, s.excused, s.first_record,
           s.gross_sek > 0 OR u.month IS NOT NULL AS without_excuse, s.gross_sek > 0 OR coalesce(u.declared, false) AS declared, u.paid_again_at
    FROM salary_months s
    LEFT JOIN unpaid u ON u.person_id = s.person_id AND u.month = s.month
    WHERE s.gross_sek > 0 OR s.excused = 1
    UNION ALL
    SELECT true AS in_gap, u.person_id, u.month, 0 AS gross_sek, CAST(NULL AS TIMESTAMP) AS known_at, u.reported_pct, 0 AS excused, CAST(NULL AS VARCHAR) AS first_record,
           true AS without_excuse, u.declared, u.paid_again_at
    FROM unpaid u
    LEFT JOIN excused_months x ON x.person_id = u.person_id AND x.month = u.month
    WHERE x.month IS NULL
)
SELECT p.person_id, p.permit_id, p.permit_class, p.record AS permit_record, p.first_grant, p.application_on, p.decided_on,
       p.valid_from, p.floor_sek, s.month, s.in_gap, s.gross_sek, s.next_gross_sek, s.excused, s.first_record, s.complete_at,
       s.reported_pct >= 95 AND s.declared AND s.without_excuse AND coalesce(s.previous_without_excuse, false) AND coalesce(s.next_without_excuse, false) AS in_own_right,
       greatest(s.complete_at, s.known_at, s.next_known_at) AS evaluated_at,
       greatest(s.complete_at, s.known_at, s.next_known_at, f.until_at) AS stands_since
FROM permit_spells p
JOIN (
    SELECT person_id, month, in_gap, gross_sek, greatest(known_at, paid_again_at) AS known_at, reported_pct, excused, first_record, agi_complete(month) AS complete_at,
           declared, without_excuse,
           CASE WHEN lag(month) OVER w = add_months(month, -1) THEN lag(without_excuse) OVER w END AS previous_without_excuse,
           CASE WHEN lead(month) OVER w = add_months(month, 1) THEN lead(without_excuse) OVER w END AS next_without_excuse,
           CASE WHEN lead(month) OVER w = add_months(month, 1) THEN lead(gross_sek) OVER w END AS next_gross_sek,
           CASE WHEN lead(month) OVER w = add_months(month, 1) THEN greatest(lead(known_at) OVER w, lead(paid_again_at) OVER w) END AS next_known_at
    FROM employed
    WINDOW w AS (PARTITION BY person_id ORDER BY month, in_gap)
) s ON s.person_id = p.person_id AND s.month >= p.valid_from AND (p.held_until IS NULL OR add_months(s.month, 1) <= p.held_until + 1)
LEFT JOIN fallen f ON f.person_id = s.person_id AND f.month = s.month
WHERE s.excused = 1 OR (s.previous_without_excuse IS NOT NULL AND s.next_without_excuse IS NOT NULL AND s.reported_pct >= 95 AND s.declared)
