-- refused: statement other than one SELECT
DROP TABLE permits
