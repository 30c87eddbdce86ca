-- refused: statement other than one SELECT
CREATE EXTERNAL TABLE t (a INT) STORED AS CSV LOCATION '/etc/passwd'
