-- refused: statement other than one SELECT
SET datafusion.execution.target_partitions = 8
