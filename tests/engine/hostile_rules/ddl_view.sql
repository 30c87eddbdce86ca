-- refused: statement other than one SELECT
CREATE VIEW permits AS SELECT 1 AS a
