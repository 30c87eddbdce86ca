-- refused: statement other than one SELECT
EXPLAIN ANALYZE SELECT permit_id FROM permits
