-- refused: can tie: rows of population_history
SELECT h.person_id, h.person_id AS permit_id, 'x' AS alert_key, h.first_known_time AS alert_at,
    lag(h.address_key) OVER (PARTITION BY h.person_id ORDER BY h.version) IS NULL AS first FROM population_history h
