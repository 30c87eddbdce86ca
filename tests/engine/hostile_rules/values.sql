-- refused: no table of persons
VALUES ('P', 'T', 'x', TIMESTAMP '2026-01-01')
