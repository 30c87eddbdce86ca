-- refused: statement other than one SELECT
CALL refresh()
