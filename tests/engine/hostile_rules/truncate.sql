-- refused: statement other than one SELECT
TRUNCATE TABLE permits
