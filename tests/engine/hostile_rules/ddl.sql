-- refused: statement other than one SELECT
CREATE TABLE t AS SELECT 1 AS a
