-- refused: statement other than one SELECT
INSERT INTO permits SELECT 1
