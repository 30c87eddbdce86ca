-- refused: statement other than one SELECT
DESCRIBE permits
