-- refused: statement other than one SELECT
PREPARE p AS SELECT permit_id FROM permits
