-- refused: statement other than one SELECT
CREATE FUNCTION f() RETURNS BIGINT RETURN 1
