/*
One row per work permit or EU Blue Card and full month of it without declared salary that the feeds do not explain. Explained
are: an excused month; a month up to the one in which a notice says that the employment ended (of a Blue Card, whose months are
counted wherever they lie, that month alone: else a month that went unpaid as well could explain others); a month that an allowed
employer has declared for too few of its staff (below 95 per cent); and the months that a final payment covers (of k usual
salaries it covers k - 1 months after its own; usual is the mean of the last three full months before, as many as there are).
`idle_no` counts the rows since the last month of employment, paid or excused, under the permit (`last_month`, null if there is
none; `last_paid_month` is the last one with pay). `ended_on` is the notified last day. `taken_back_at` is when the pay, the excuse or the notice that the month had when a permit
was decided was corrected away: before that nobody could know of the row (null: it had none).
*/
WITH noticed AS (   -- months in which an employment ended
    SELECT person_id, month_of(event_on) AS month, max(event_on) AS ended_on
    FROM notices
    WHERE kind = 'employment_end'
    GROUP BY person_id, month_of(event_on)
),
unheard AS (   -- months in which an allowed employer's silence shows nothing
    SELECT pe.permit_id, e.month
    FROM permitted_employers pe
    JOIN employer_months e ON e.employer_id = pe.employer_id AND e.reported_pct < 95
    GROUP BY pe.permit_id, e.month
),
spine AS (   -- the months after a month of employment, up to the next one, are one run
    SELECT m.person_id, m.permit_id, m.permit_class, m.permit_record, m.permit_known_at, m.first_grant, m.valid_from, m.month,
           m.complete_at, m.gross_sek, m.excused, n.ended_on,
           sum(CASE WHEN m.gross_sek > 0 OR m.excused = 1 THEN 1 ELSE 0 END) OVER so_far AS run_no,
           max(CASE WHEN m.gross_sek > 0 OR m.excused = 1 THEN m.month END) OVER so_far AS last_month,
           max(CASE WHEN m.gross_sek > 0 THEN m.month END) OVER so_far AS last_paid_month
    FROM permit_months m
    LEFT JOIN noticed n ON n.person_id = m.person_id AND n.month = m.month
    WHERE m.permit_class IN ('WORK_EMP', 'BLUE_CARD')
    WINDOW so_far AS (PARTITION BY m.permit_id ORDER BY m.month ROWS UNBOUNDED PRECEDING)
),
run_row AS (
    SELECT spine.* EXCLUDE (ended_on), ended_on AS noticed_on, max(ended_on) OVER (PARTITION BY permit_id, last_paid_month) AS ended_on
    FROM spine
    WHERE gross_sek <= 0 OR ended_on IS NOT NULL   -- the paid month says no more than that
),
paid AS (
    SELECT person_id, month, gross_sek, first_record, lag(month) OVER w AS previous_paid_month, lead(month) OVER w AS next_paid_month
    FROM salary_months
    WHERE gross_sek > 0
    WINDOW w AS (PARTITION BY person_id ORDER BY month)
),
last_pay AS (   -- paid months with no pay in the month after
    SELECT person_id, month, gross_sek, first_record
    FROM paid
    WHERE next_paid_month IS NULL OR next_paid_month > add_months(month, 1)
),
usual AS (   -- the last full months before such a month, three at most: those with pay before and after them
    SELECT person_id, month, sum(gross_sek) AS sum_sek, count(*) AS months
    FROM (
        SELECT l.person_id, l.month, f.gross_sek, row_number() OVER (PARTITION BY l.person_id, l.month ORDER BY f.month DESC) AS place
        FROM last_pay l
        JOIN paid f ON f.person_id = l.person_id AND f.month < l.month AND f.month >= add_months(l.month, -12)
             AND f.previous_paid_month = add_months(f.month, -1) AND f.next_paid_month = add_months(f.month, 1)
    ) u
    WHERE place <= 3
    GROUP BY person_id, month
),
final_pay AS (   -- such a month's pay beside the usual
    SELECT l.person_id, l.month, l.gross_sek, l.first_record, u.sum_sek, u.months
    FROM last_pay l
    LEFT JOIN usual u ON u.person_id = l.person_id AND u.month = l.month
),
unpaid AS (
    SELECT r.*, l.gross_sek AS last_gross_sek, l.first_record AS last_pay_record, l.sum_sek, l.months,
           row_number() OVER (PARTITION BY r.permit_id, r.last_paid_month ORDER BY r.month) AS place
    FROM run_row r
    LEFT JOIN unheard x ON x.permit_id = r.permit_id AND x.month = r.month
    LEFT JOIN final_pay l ON l.person_id = r.person_id AND l.month = r.last_paid_month
    WHERE r.gross_sek <= 0 AND r.excused = 0 AND r.month >= r.valid_from AND x.month IS NULL
      AND (r.ended_on IS NULL OR r.month > r.ended_on OR (r.permit_class = 'BLUE_CARD' AND r.noticed_on IS NULL))
),
paid_before AS (   -- months with pay or an excuse when a permit was decided: until when
    SELECT e.person_id, e.month, max(e.until_at) AS until_at
    FROM earlier_pay e
    JOIN whole_permits d ON d.person_id = e.person_id AND CAST(e.from_at AS DATE) <= d.decided_on AND d.decided_on < CAST(e.until_at AS DATE)
    WHERE e.whole AND (e.gross_sek > 0 OR e.excused)
    GROUP BY e.person_id, e.month
),
noticed_before AS (   -- months that a notice explained as those are explained
    SELECT u.permit_id, u.month, max(e.until_at) AS until_at
    FROM unpaid u
    JOIN earlier_notices e ON e.person_id = u.person_id AND e.about = 'employment' AND e.kind = 'employment_end' AND e.event_on >= u.month
         AND (u.permit_class = 'WORK_EMP' OR e.event_on < add_months(u.month, 1))
    JOIN whole_permits d ON d.person_id = e.person_id AND CAST(e.from_at AS DATE) <= d.decided_on AND d.decided_on < CAST(e.until_at AS DATE)
    GROUP BY u.permit_id, u.month
)
SELECT u.person_id, u.permit_id, permit_class, permit_record, permit_known_at, first_grant, valid_from, u.month, complete_at, last_month, last_paid_month,
       last_gross_sek, last_pay_record, ended_on, greatest(p.until_at, n.until_at) AS taken_back_at,
       row_number() OVER (PARTITION BY u.permit_id, run_no ORDER BY u.month) AS idle_no
FROM unpaid u
LEFT JOIN paid_before p ON p.person_id = u.person_id AND p.month = u.month
LEFT JOIN noticed_before n ON n.permit_id = u.permit_id AND n.month = u.month
WHERE sum_sek IS NULL OR (place + 1) * sum_sek > last_gross_sek * months
