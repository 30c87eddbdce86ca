-- refused: statement other than one SELECT
EXECUTE p(1)
