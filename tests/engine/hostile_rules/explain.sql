-- refused: statement other than one SELECT
EXPLAIN SELECT permit_id FROM permits
