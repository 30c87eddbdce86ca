-- refused: statement other than one SELECT
SHOW TABLES
