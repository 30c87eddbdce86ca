-- From the feeds to the records of each table: keyed messages that do not lie in the future of their own known time.

CREATE TEMPORARY VIEW permits_raw AS
SELECT * FROM all_permits
WHERE person_id IS NOT NULL AND tbl = 'permits' AND COALESCE(TRY_CAST(SUBSTRING(event_time, 1, 10) AS DATE) <= CAST(known_time AS DATE) + INTERVAL '400' DAY(3), TRUE);

CREATE TEMPORARY VIEW permit_employers_raw AS
SELECT person_id, permit_id, employer_id, from_on, to_on FROM all_permits WHERE person_id IS NOT NULL AND tbl = 'permit_employers';

CREATE TEMPORARY VIEW statuses AS
SELECT person_id, tested_country, declared_on, ended_on
FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY person_id, record_key ORDER BY version DESC) AS n
    FROM all_permits WHERE person_id IS NOT NULL AND tbl = 'statuses'
) WHERE n = 1 AND op <> 'retract';

CREATE TEMPORARY VIEW payments_raw AS
SELECT * FROM all_payments
WHERE person_id IS NOT NULL AND tbl = 'payments' AND COALESCE(TRY_CAST(SUBSTRING(event_time, 1, 10) AS DATE) <= CAST(known_time AS DATE) + INTERVAL '62' DAY(3), TRUE);

CREATE TEMPORARY VIEW population AS
SELECT person_id, dereg_code, dereg_on
FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY person_id, record_key ORDER BY version DESC) AS n
    FROM all_population
    WHERE person_id IS NOT NULL AND COALESCE(TRY_CAST(SUBSTRING(event_time, 1, 10) AS DATE) <= CAST(known_time AS DATE) + INTERVAL '60' DAY(3), TRUE)
) WHERE n = 1 AND op <> 'retract';

CREATE TEMPORARY VIEW journeys AS
SELECT person_id, known_time, direction, country, observed_on
FROM all_border
WHERE person_id IS NOT NULL AND direction IN ('exit', 'entry') AND `transit` IS NOT TRUE AND source <> 'tip';

CREATE TEMPORARY VIEW notices_raw AS
SELECT person_id, kind, event_on FROM all_notices WHERE person_id IS NOT NULL AND op <> 'retract';

CREATE TEMPORARY VIEW employers AS
SELECT employer_id, payer_kind
FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY record_key ORDER BY version DESC) AS n
    FROM all_reference WHERE person_id IS NOT NULL AND tbl = 'employers'
) WHERE n = 1 AND op <> 'retract';
