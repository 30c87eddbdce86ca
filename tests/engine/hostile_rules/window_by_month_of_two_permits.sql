-- refused: can tie: rows of full_salary_months
SELECT m.person_id, m.permit_id, 'x' AS alert_key, m.evaluated_at AS alert_at,
    lag(m.gross_sek) OVER (PARTITION BY m.person_id ORDER BY m.month) AS before_sek FROM full_salary_months m
