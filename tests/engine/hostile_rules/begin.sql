-- refused: statement other than one SELECT
BEGIN
