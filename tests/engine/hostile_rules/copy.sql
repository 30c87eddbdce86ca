-- refused: statement other than one SELECT
COPY permits TO '/tmp/permitwatch-probe.csv'
