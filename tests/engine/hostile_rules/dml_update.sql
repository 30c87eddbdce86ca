-- refused: statement other than one SELECT
UPDATE permits SET permit_id = 'x'
