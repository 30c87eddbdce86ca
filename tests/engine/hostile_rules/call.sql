-- refused: rule "probe"
CALL refresh()
