-- refused: identifiers can be compared with other identifiers only: payments.payer_id = 162021005521
SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at FROM permits p JOIN payments s ON s.person_id = p.person_id AND s.kind = 'salary' AND s.payer_id = '162021005521'
