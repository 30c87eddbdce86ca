-- refused: statement other than one SELECT
DELETE FROM permits
