-- refused: statement other than one SELECT
MERGE INTO permits p USING payments s ON p.person_id = s.person_id WHEN MATCHED THEN DELETE
