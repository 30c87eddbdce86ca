-- The feeds as recorded, for the filesystem connector: one JSON object a line. Clock messages have no key; what cannot be parsed is
-- skipped. `all_*` are the tables that the rest is built from; in the paced run a stream in memory stands in for them.

CREATE TEMPORARY TABLE permits_feed (
    `key` STRING, known_time TIMESTAMP_LTZ(3),
    `value` ROW<`table` STRING, record_key STRING, version BIGINT, op STRING, event_time STRING, permit_id STRING, permit_class STRING,
                first_grant BOOLEAN, valid_from DATE, valid_to DATE, ended_on DATE, floor_sek BIGINT, tied_until DATE, work_right STRING,
                employer_id STRING, from_on DATE, to_on DATE, tested_country STRING, declared_on DATE>
) WITH ('connector' = 'filesystem', 'path' = '{input}/ndjson/permits.ndjson', 'format' = 'json',
        'json.ignore-parse-errors' = 'true', 'json.timestamp-format.standard' = 'ISO-8601');

CREATE TEMPORARY TABLE payments_feed (
    `key` STRING, known_time TIMESTAMP_LTZ(3),
    `value` ROW<`table` STRING, record_key STRING, version BIGINT, op STRING, event_time STRING, kind STRING, payer_id STRING,
                `month` DATE, amount_sek BIGINT>
) WITH ('connector' = 'filesystem', 'path' = '{input}/ndjson/payments.ndjson', 'format' = 'json',
        'json.ignore-parse-errors' = 'true', 'json.timestamp-format.standard' = 'ISO-8601');

CREATE TEMPORARY TABLE population_feed (
    `key` STRING, known_time TIMESTAMP_LTZ(3),
    `value` ROW<record_key STRING, version BIGINT, op STRING, event_time STRING, dereg_code STRING, dereg_on DATE>
) WITH ('connector' = 'filesystem', 'path' = '{input}/ndjson/population.ndjson', 'format' = 'json',
        'json.ignore-parse-errors' = 'true', 'json.timestamp-format.standard' = 'ISO-8601');

CREATE TEMPORARY TABLE border_feed (
    `key` STRING, known_time TIMESTAMP_LTZ(3),
    `value` ROW<direction STRING, country STRING, `transit` BOOLEAN, observed_on DATE, source STRING, op STRING, event_time STRING>,
    WATERMARK FOR known_time AS known_time
) WITH ('connector' = 'filesystem', 'path' = '{input}/ndjson/border.ndjson', 'format' = 'json',
        'json.ignore-parse-errors' = 'true', 'json.timestamp-format.standard' = 'ISO-8601');

CREATE TEMPORARY TABLE notices_feed (
    `key` STRING, known_time TIMESTAMP_LTZ(3),
    `value` ROW<kind STRING, event_on DATE, op STRING, event_time STRING>
) WITH ('connector' = 'filesystem', 'path' = '{input}/ndjson/notices.ndjson', 'format' = 'json',
        'json.ignore-parse-errors' = 'true', 'json.timestamp-format.standard' = 'ISO-8601');

CREATE TEMPORARY TABLE reference_feed (
    `key` STRING, known_time TIMESTAMP_LTZ(3),
    `value` ROW<`table` STRING, record_key STRING, version BIGINT, op STRING, employer_id STRING, payer_kind STRING>
) WITH ('connector' = 'filesystem', 'path' = '{input}/ndjson/reference.ndjson', 'format' = 'json',
        'json.ignore-parse-errors' = 'true', 'json.timestamp-format.standard' = 'ISO-8601');

CREATE TEMPORARY VIEW all_permits AS
SELECT `key` AS person_id, known_time, p.`value`.`table` AS tbl, p.`value`.record_key AS record_key, p.`value`.version AS version, p.`value`.op AS op,
       p.`value`.event_time AS event_time, p.`value`.permit_id AS permit_id, p.`value`.permit_class AS permit_class, p.`value`.first_grant AS first_grant,
       p.`value`.valid_from AS valid_from, p.`value`.valid_to AS valid_to, p.`value`.ended_on AS ended_on, p.`value`.floor_sek AS floor_sek,
       p.`value`.tied_until AS tied_until, p.`value`.work_right AS work_right, p.`value`.employer_id AS employer_id, p.`value`.from_on AS from_on,
       p.`value`.to_on AS to_on, p.`value`.tested_country AS tested_country, p.`value`.declared_on AS declared_on
FROM permits_feed p;

CREATE TEMPORARY VIEW all_payments AS
SELECT `key` AS person_id, known_time, p.`value`.`table` AS tbl, p.`value`.record_key AS record_key, p.`value`.version AS version, p.`value`.op AS op,
       p.`value`.event_time AS event_time, p.`value`.kind AS kind, p.`value`.payer_id AS payer_id, p.`value`.`month` AS `month`, p.`value`.amount_sek AS amount_sek
FROM payments_feed p;

CREATE TEMPORARY VIEW all_population AS
SELECT `key` AS person_id, known_time, p.`value`.record_key AS record_key, p.`value`.version AS version, p.`value`.op AS op, p.`value`.event_time AS event_time,
       p.`value`.dereg_code AS dereg_code, p.`value`.dereg_on AS dereg_on
FROM population_feed p;

CREATE TEMPORARY VIEW all_border AS
SELECT `key` AS person_id, known_time, p.`value`.op AS op, p.`value`.event_time AS event_time, p.`value`.direction AS direction, p.`value`.country AS country,
       p.`value`.`transit` AS `transit`, p.`value`.observed_on AS observed_on, p.`value`.source AS source
FROM border_feed p;

CREATE TEMPORARY VIEW all_notices AS
SELECT `key` AS person_id, known_time, p.`value`.op AS op, p.`value`.event_time AS event_time, p.`value`.kind AS kind, p.`value`.event_on AS event_on
FROM notices_feed p;

CREATE TEMPORARY VIEW all_reference AS
SELECT `key` AS person_id, p.`value`.`table` AS tbl, p.`value`.record_key AS record_key, p.`value`.version AS version, p.`value`.op AS op,
       p.`value`.employer_id AS employer_id, p.`value`.payer_kind AS payer_kind
FROM reference_feed p;
