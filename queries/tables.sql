-- Builds what rules see from recorded feeds: `<table>_history` (every version) and `<table>` (the latest of each record),
-- out of the raw tables `<table>_file` (a recorded file's columns), as known at {as_of}. Plain SQL, the same text in
-- DataFusion and DuckDB: joins on equality and windows only, so a million records take seconds.
--
-- The file is a template in sections, each begun by a line `-- section: NAME`. The caller runs, in this order,
--   `feed clocks`      once,
--   `who has left`     once,
--   `permits table`    once for each table of the feed permits,
--   `scope`            once,
--   `person table`     once for each other table of persons,
--   `person table as seen`   after that, and again for each purpose of which there are rules,
--   `reference table`  once for each table of the feed reference,
--   `known times`      once, after the links,
--   `rows that wait`   once for each rule,
-- and replaces in each
--   {table}                the table's name
--   {columns}              the table's own columns, comma separated (without person_id, envelope and times)
--   {content}              what tells copies of one version apart, to sort by: the greatest comes first, null is least
--   {spoken}               a query of (feed, known_time): the greatest known time of each recorded table
--   {known}                a query of (person_id, of_table, known_time): when the versions of each table of persons became known
--   {kind}                 what is made: VIEW or TABLE
--   {rows}                 a rule's rows under fixed names
--   {read}                 the tables that the rule's rows depend on, a list of texts
--   {reached}              the instant that all feeds of the rule have reached
--   {record}               what names a version of a record: `<table>/<record_key>/<version>`, with `%` and `,` in the key as %25 and %2C
--   {as_of}                the clock W as a timestamp literal: TIMESTAMP '2026-07-07 00:00:00'
--   {future_days}          how far ahead of known_time the feed's event_time and registered_at may lie
--   {permit_lead_minutes}  how long a subject must have been in the permits feed before its other records count
--   {served}               for a table whose records are disclosed for a purpose: WHERE purpose IN (those that a rule of this purpose sees)
--   {and_present}          for all tables of the permits feed but anchors: AND (p.since IS NULL OR known_time >= p.since)
--   {or_anchored}          for the population register: OR known_time >= s.anchored_from
--   {aftercare_months}     how long after a permit's end its holder stays in the population
--   {lookback_months}, {correction_days}   how much older than the oldest kept permit an event may be
-- Statements end in a semicolon at the end of a line. add_months is the only function of ours that is used.
--
-- A record is hidden when it lies in the future of its own known_time, when its subject is outside the population at
-- that moment, or when it is older than the kept history. Of a person who has left the population every record is hidden, of one who
-- has come back every one from before. Of records with the same version the one with the greatest content
-- counts, known since the first of them was: so the order of arrival decides nothing. (arrival_no is not read.)
-- Most keys have one record: only the others go through windows, which cost far more a row than the join that tells them apart.
-- Reference records have no subject column, so their record_key must be unique in its table.

-- section: feed clocks
-- How far each feed has spoken: to the greatest known time of its records and clock messages (clocks_file: feed, known_time), whatever the
-- clock: what a feed that spoke later had not said by then had not become known.
CREATE TABLE feed_clocks AS
SELECT feed, max(coalesce(known_time, TIMESTAMP '1900-01-01 00:00:00')) AS spoken_until
FROM (
    {spoken}
    UNION ALL SELECT feed, known_time FROM clocks_file
) s
GROUP BY feed;

-- section: who has left
-- How long each version of a permit keeps its holder in the population: from known_time until a greater version becomes known
-- (replaced_at), or until its aftercare has passed (kept_at), at least for the day on which it became known. 2261: for ever. Of versions
-- with the same number the one with the greatest content is the greatest.
CREATE TABLE holds_seen AS
SELECT person_id, record_key, op, valid_to, ended_on, known_time,
       row_number() OVER (PARTITION BY person_id, record_key ORDER BY version DESC, {content}, known_time) AS place,
       count(*) OVER (PARTITION BY person_id, record_key) AS copies
FROM permits_file
WHERE known_time <= {as_of}
  AND NOT coalesce(event_time > known_time + INTERVAL '{future_days} days', false)
  AND NOT coalesce(registered_at > known_time + INTERVAL '{future_days} days', false);
CREATE TABLE holds_replaced AS
SELECT r.person_id AS person_id, r.record_key AS record_key, r.place AS place, min(g.known_time) AS replaced_at
FROM holds_seen r
JOIN holds_seen g ON g.person_id = r.person_id AND g.record_key = r.record_key AND g.place < r.place AND g.known_time >= r.known_time
WHERE r.copies > 1 AND g.copies > 1
GROUP BY r.person_id, r.record_key, r.place;
CREATE TABLE permit_holds AS
SELECT person_id, known_time, least(replaced_at, kept_at) AS until_at, replaced_at < kept_at AS is_replaced
FROM (
    SELECT s.person_id AS person_id, known_time, coalesce(r.replaced_at, TIMESTAMP '2261-01-01 00:00:00') AS replaced_at,
           CASE WHEN op = 'retract'
                THEN CAST(add_months(CAST(known_time AS DATE), {aftercare_months}) + 1 AS TIMESTAMP(6))
                WHEN valid_to IS NULL AND ended_on IS NULL THEN TIMESTAMP '2261-01-01 00:00:00'
                ELSE greatest(CAST(add_months(least(valid_to, ended_on), {aftercare_months}) + 1 AS TIMESTAMP(6)),
                              CAST(CAST(known_time AS DATE) + 1 AS TIMESTAMP(6))) END AS kept_at
    FROM holds_seen s
    LEFT JOIN holds_replaced r ON r.person_id = s.person_id AND r.record_key = s.record_key AND r.place = s.place
) k
WHERE replaced_at > known_time;
DROP TABLE holds_seen;
DROP TABLE holds_replaced;
-- Other records of the permits feed.
CREATE TABLE permit_signs AS
SELECT person_id, known_time
FROM (
    SELECT person_id, known_time, event_time, registered_at FROM permit_employers_file
    UNION ALL SELECT person_id, known_time, event_time, registered_at FROM applications_file
    UNION ALL SELECT person_id, known_time, event_time, registered_at FROM statuses_file
    UNION ALL SELECT person_id, known_time, event_time, registered_at FROM documents_file
    UNION ALL SELECT person_id, known_time, event_time, registered_at FROM identities_file
) f
WHERE known_time <= {as_of}
  AND NOT coalesce(event_time > known_time + INTERVAL '{future_days} days', false)
  AND NOT coalesce(registered_at > known_time + INTERVAL '{future_days} days', false);
-- Who has left the population, once or more often: whom no permit keeps any more. Of those who have left nothing counts that became known
-- before `since`: when the person came back, or never (2261). A person comes back with the next record of the permits feed. A version that
-- takes another's place goes on with it; one that becomes known at the very instant at which the last aftercare has passed brings back.
CREATE TABLE left_population AS
SELECT person_id,
       least(CASE WHEN is_kept THEN begun_at ELSE TIMESTAMP '2261-01-01 00:00:00' END, coalesce(sign_at, TIMESTAMP '2261-01-01 00:00:00')) AS since
FROM (
    SELECT l.person_id AS person_id, is_kept, begun_at, min(CASE WHEN o.known_time >= l.left_at THEN o.known_time END) AS sign_at
    FROM (
        SELECT person_id, max(until_at) > {as_of} AS is_kept, max(begun_at) AS begun_at,
               CASE WHEN max(until_at) > {as_of} THEN max(CASE WHEN begun_at IS NOT NULL THEN before_at END) ELSE max(until_at) END AS left_at
        FROM (
            SELECT person_id, known_time, until_at,
                   max(until_at) OVER (PARTITION BY person_id ORDER BY known_time ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before_at,
                   CASE WHEN NOT coalesce(known_time <= max(CASE WHEN is_replaced THEN until_at END) OVER (
                                 PARTITION BY person_id ORDER BY known_time ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), false)
                         AND NOT coalesce(known_time < max(CASE WHEN NOT is_replaced THEN until_at END) OVER (
                                 PARTITION BY person_id ORDER BY known_time ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), false)
                        THEN known_time END AS begun_at
            FROM permit_holds
        ) b
        GROUP BY person_id
        HAVING NOT coalesce(max(until_at) > {as_of} AND max(begun_at) = min(known_time), false)
    ) l
    LEFT JOIN permit_signs o ON o.person_id = l.person_id
    GROUP BY l.person_id, is_kept, begun_at
) s;

-- section: permits table
CREATE TABLE {table}_seen AS
SELECT f.person_id AS person_id, schema_ver, record_key, version, op, event_time, registered_at, source, purpose, secrecy_class, known_time,
       arrival_no, {columns}
FROM {table}_file f
LEFT JOIN left_population p ON p.person_id = f.person_id
WHERE known_time <= {as_of}
  AND NOT coalesce(event_time > known_time + INTERVAL '{future_days} days', false)
  AND NOT coalesce(registered_at > known_time + INTERVAL '{future_days} days', false){and_present};
CREATE TABLE {table}_keys AS
SELECT person_id, record_key, count(*) AS copies FROM {table}_seen GROUP BY person_id, record_key;
CREATE TABLE {table}_versions AS
SELECT r.person_id AS person_id, schema_ver, r.record_key AS record_key, version, op, event_time, registered_at, source, purpose, secrecy_class,
       known_time, known_time AS first_known_time, known_time AS known_from, true AS is_latest, {columns}
FROM {table}_seen r
JOIN {table}_keys k ON k.person_id = r.person_id AND k.record_key = r.record_key
WHERE k.copies = 1
UNION ALL
SELECT person_id, schema_ver, record_key, version, op, event_time, registered_at, source, purpose, secrecy_class,
       known_time, first_known_time, known_time AS known_from,
       next_version IS NULL AS is_latest, {columns}
FROM (
    SELECT person_id, schema_ver, record_key, version, op, event_time, registered_at, source, purpose, secrecy_class, known_time, {columns},
           min(known_time) OVER (PARTITION BY person_id, record_key) AS first_known_time,
           lead(version) OVER (PARTITION BY person_id, record_key ORDER BY version) AS next_version
    FROM (
        SELECT r.person_id AS person_id, schema_ver, r.record_key AS record_key, version, op, event_time, registered_at, source, purpose,
               secrecy_class, min(known_time) OVER (PARTITION BY r.person_id, r.record_key, version) AS known_time, {columns},
               row_number() OVER (PARTITION BY r.person_id, r.record_key, version ORDER BY {content}) AS copy_no
        FROM {table}_seen r
        JOIN {table}_keys k ON k.person_id = r.person_id AND k.record_key = r.record_key
        WHERE k.copies > 1
    ) d
    WHERE copy_no = 1
) v;
CREATE VIEW {table}_history AS
SELECT person_id, schema_ver, record_key, version, op, event_time, registered_at, source, purpose, secrecy_class,
       known_time, first_known_time, known_from, is_latest, {record} AS record, {columns}
FROM {table}_versions;
CREATE TABLE {table}_latest AS
SELECT person_id, schema_ver, record_key, version, op, event_time, registered_at, source, purpose, secrecy_class,
       known_time, first_known_time, {columns}
FROM {table}_versions
WHERE is_latest AND op <> 'retract';
CREATE VIEW {table} AS
SELECT person_id, schema_ver, record_key, version, op, event_time, registered_at, source, purpose, secrecy_class,
       known_time, first_known_time, {record} AS record, {columns}
FROM {table}_latest;
DROP TABLE {table}_seen;
DROP TABLE {table}_keys;

-- section: scope
-- When each subject's records begin to count: permit_lead after its first record of the permits feed, or the first since it came back. An
-- anchor, whom the permit of somebody else names, counts for the population register alone (anchored_from), whether or not it has
-- left.
CREATE TABLE scope_starts AS
SELECT person_id, min(own_time) + INTERVAL '{permit_lead_minutes} minutes' AS counts_from,
       min(anchored_time) + INTERVAL '{permit_lead_minutes} minutes' AS anchored_from
FROM (
    SELECT person_id, known_time AS own_time, CAST(NULL AS TIMESTAMP(6)) AS anchored_time FROM permits_history
    UNION ALL SELECT person_id, known_time, NULL FROM permit_employers_history
    UNION ALL SELECT person_id, known_time, NULL FROM applications_history
    UNION ALL SELECT person_id, known_time, NULL FROM statuses_history
    UNION ALL SELECT person_id, known_time, NULL FROM documents_history
    UNION ALL SELECT person_id, known_time, NULL FROM identities_history
    UNION ALL SELECT person_id, NULL, known_time FROM anchors_history
) f
GROUP BY person_id;
-- The time during which a version of a permit was the latest that a record could meet (from_at, to_at), and until when
-- that permit keeps its holder in the population (kept_until; null: as long as it is the latest). A retracted permit
-- keeps its holder for the aftercare, but reaches back to nothing. A record meets what was known before it: so each copy of a
-- version counts here, from when it became known until a greater one did.
CREATE TABLE scope_seen AS
SELECT {columns}, f.person_id AS person_id, schema_ver, record_key, version, op, event_time, registered_at, source, purpose, secrecy_class, known_time
FROM permits_file f
LEFT JOIN left_population p ON p.person_id = f.person_id
WHERE known_time <= {as_of}
  AND NOT coalesce(event_time > known_time + INTERVAL '{future_days} days', false)
  AND NOT coalesce(registered_at > known_time + INTERVAL '{future_days} days', false){and_present};
CREATE TABLE scope_keys AS
SELECT person_id, record_key, count(*) AS copies FROM scope_seen GROUP BY person_id, record_key;
CREATE TABLE scope_permits AS
SELECT person_id,
       known_time + INTERVAL '{permit_lead_minutes} minutes' AS from_at,
       superseded_at + INTERVAL '{permit_lead_minutes} minutes' AS to_at,
       CASE WHEN op = 'retract' THEN CAST(add_months(CAST(known_time AS DATE), {aftercare_months}) + 1 AS TIMESTAMP)
            ELSE CAST(add_months(least(valid_to, ended_on), {aftercare_months}) + 1 AS TIMESTAMP) END AS kept_until,
       CASE WHEN op <> 'retract' THEN valid_from END AS valid_from
FROM (
    SELECT r.person_id AS person_id, op, valid_from, valid_to, ended_on, known_time, CAST(NULL AS TIMESTAMP(6)) AS superseded_at
    FROM scope_seen r
    JOIN scope_keys k ON k.person_id = r.person_id AND k.record_key = r.record_key
    WHERE k.copies = 1
    UNION ALL
    SELECT r.person_id AS person_id, op, valid_from, valid_to, ended_on, known_time,
           min(known_time) OVER (PARTITION BY r.person_id, r.record_key ORDER BY version DESC, {content}, known_time
                                 ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS superseded_at
    FROM scope_seen r
    JOIN scope_keys k ON k.person_id = r.person_id AND k.record_key = r.record_key
    WHERE k.copies > 1
) v
WHERE superseded_at IS NULL OR superseded_at > known_time;
DROP TABLE scope_seen;
DROP TABLE scope_keys;
-- The same as one line of intervals for each person, so that a record meets at most one row: kept (is the person in the
-- population?) and keeps_from (how far back its history is kept, from the first day of the oldest permit that keeps it).
CREATE TABLE scope_intervals AS
SELECT person_id, from_at, to_at, kept,
       CAST(add_months(oldest_on, -{lookback_months}) AS TIMESTAMP) - INTERVAL '{correction_days} days' AS keeps_from
FROM (
    SELECT b.person_id AS person_id, b.from_at AS from_at, b.to_at AS to_at,
           max(CASE WHEN v.kept_until IS NULL OR v.kept_until > b.from_at THEN 1 ELSE 0 END) AS kept,
           min(CASE WHEN v.kept_until IS NULL OR v.kept_until > b.from_at THEN v.valid_from END) AS oldest_on
    FROM (
        SELECT person_id, from_at, lead(from_at) OVER (PARTITION BY person_id ORDER BY from_at) AS to_at
        FROM (
            SELECT person_id, from_at FROM scope_permits
            UNION SELECT person_id, to_at FROM scope_permits WHERE to_at IS NOT NULL
            UNION SELECT person_id, kept_until FROM scope_permits WHERE kept_until IS NOT NULL
        ) e
    ) b
    JOIN scope_permits v ON v.person_id = b.person_id AND v.from_at <= b.from_at AND (v.to_at IS NULL OR v.to_at > b.from_at)
    GROUP BY b.person_id, b.from_at, b.to_at
) x;

-- section: person table
CREATE TABLE {table}_seen AS
SELECT f.person_id AS person_id, schema_ver, record_key, version, op, event_time, registered_at, source, purpose, secrecy_class, known_time,
       arrival_no, {columns}
FROM {table}_file f
JOIN scope_starts s ON s.person_id = f.person_id
LEFT JOIN scope_intervals i
       ON i.person_id = f.person_id AND i.from_at <= f.known_time AND (i.to_at IS NULL OR i.to_at > f.known_time)
WHERE known_time <= {as_of}
  AND NOT coalesce(event_time > known_time + INTERVAL '{future_days} days', false)
  AND NOT coalesce(registered_at > known_time + INTERVAL '{future_days} days', false)
  AND ((known_time >= s.counts_from AND coalesce(i.kept, 1) = 1){or_anchored})
  AND NOT coalesce(event_time < i.keeps_from, false);
CREATE TABLE {table}_keys AS
SELECT person_id, record_key, count(*) AS copies FROM {table}_seen GROUP BY person_id, record_key;
CREATE TABLE {table}_versions AS
SELECT r.person_id AS person_id, schema_ver, r.record_key AS record_key, version, op, event_time, registered_at, source, purpose, secrecy_class,
       known_time, known_time AS first_known_time, known_time AS known_from, true AS is_latest, {columns}
FROM {table}_seen r
JOIN {table}_keys k ON k.person_id = r.person_id AND k.record_key = r.record_key
WHERE k.copies = 1
UNION ALL
SELECT person_id, schema_ver, record_key, version, op, event_time, registered_at, source, purpose, secrecy_class,
       known_time, first_known_time, known_time AS known_from,
       next_version IS NULL AS is_latest, {columns}
FROM (
    SELECT person_id, schema_ver, record_key, version, op, event_time, registered_at, source, purpose, secrecy_class, known_time, {columns},
           min(known_time) OVER (PARTITION BY person_id, record_key) AS first_known_time,
           lead(version) OVER (PARTITION BY person_id, record_key ORDER BY version) AS next_version
    FROM (
        SELECT r.person_id AS person_id, schema_ver, r.record_key AS record_key, version, op, event_time, registered_at, source, purpose,
               secrecy_class, min(known_time) OVER (PARTITION BY r.person_id, r.record_key, version) AS known_time, {columns},
               row_number() OVER (PARTITION BY r.person_id, r.record_key, version ORDER BY {content}) AS copy_no
        FROM {table}_seen r
        JOIN {table}_keys k ON k.person_id = r.person_id AND k.record_key = r.record_key
        WHERE k.copies > 1
    ) d
    WHERE copy_no = 1
) v;
CREATE TABLE {table}_latest AS
SELECT person_id, schema_ver, record_key, version, op, event_time, registered_at, source, purpose, secrecy_class,
       known_time, first_known_time, {columns}
FROM {table}_versions
WHERE is_latest AND op <> 'retract';
DROP TABLE {table}_seen;
DROP TABLE {table}_keys;

-- section: person table as seen
CREATE OR REPLACE VIEW {table}_history AS
SELECT person_id, schema_ver, record_key, version, op, event_time, registered_at, source, purpose, secrecy_class,
       known_time, first_known_time, known_from, is_latest, {record} AS record, {columns}
FROM {table}_versions{served};
CREATE OR REPLACE VIEW {table} AS
SELECT person_id, schema_ver, record_key, version, op, event_time, registered_at, source, purpose, secrecy_class,
       known_time, first_known_time, {record} AS record, {columns}
FROM {table}_latest{served};

-- section: reference table
CREATE TABLE {table}_seen AS
SELECT schema_ver, record_key, version, op, event_time, registered_at, source, purpose, secrecy_class, known_time, arrival_no, {columns}
FROM {table}_file
WHERE known_time <= {as_of}
  AND NOT coalesce(event_time > known_time + INTERVAL '{future_days} days', false)
  AND NOT coalesce(registered_at > known_time + INTERVAL '{future_days} days', false);
CREATE TABLE {table}_keys AS
SELECT record_key, count(*) AS copies FROM {table}_seen GROUP BY record_key;
CREATE TABLE {table}_versions AS
SELECT schema_ver, r.record_key AS record_key, version, op, event_time, registered_at, source, purpose, secrecy_class,
       known_time, known_time AS first_known_time, known_time AS known_from, true AS is_latest, {columns}
FROM {table}_seen r
JOIN {table}_keys k ON k.record_key = r.record_key
WHERE k.copies = 1
UNION ALL
SELECT schema_ver, record_key, version, op, event_time, registered_at, source, purpose, secrecy_class,
       known_time, first_known_time, known_time AS known_from,
       next_version IS NULL AS is_latest, {columns}
FROM (
    SELECT schema_ver, record_key, version, op, event_time, registered_at, source, purpose, secrecy_class, known_time, {columns},
           min(known_time) OVER (PARTITION BY record_key) AS first_known_time,
           lead(version) OVER (PARTITION BY record_key ORDER BY version) AS next_version
    FROM (
        SELECT schema_ver, r.record_key AS record_key, version, op, event_time, registered_at, source, purpose, secrecy_class,
               min(known_time) OVER (PARTITION BY r.record_key, version) AS known_time, {columns},
               row_number() OVER (PARTITION BY r.record_key, version ORDER BY {content}) AS copy_no
        FROM {table}_seen r
        JOIN {table}_keys k ON k.record_key = r.record_key
        WHERE k.copies > 1
    ) d
    WHERE copy_no = 1
) v;
CREATE VIEW {table}_history AS
SELECT schema_ver, record_key, version, op, event_time, registered_at, source, purpose, secrecy_class,
       known_time, first_known_time, known_from, is_latest, {record} AS record, {columns}
FROM {table}_versions;
CREATE TABLE {table}_latest AS
SELECT schema_ver, record_key, version, op, event_time, registered_at, source, purpose, secrecy_class,
       known_time, first_known_time, {columns}
FROM {table}_versions
WHERE is_latest AND op <> 'retract';
CREATE VIEW {table} AS
SELECT schema_ver, record_key, version, op, event_time, registered_at, source, purpose, secrecy_class,
       known_time, first_known_time, {record} AS record, {columns}
FROM {table}_latest;
DROP TABLE {table}_seen;
DROP TABLE {table}_keys;

-- section: known times
CREATE VIEW known_times AS
{known};

-- section: rows that wait
-- A row lies ahead if nothing that the rule reads about the person became known at the instant from which it holds: then only the passing of time raises
-- it, and until that instant a record may yet take it back. So it waits like one that asserts an absence (due_at) up to there. What
-- the feeds have reached needs no asking.
CREATE OR REPLACE {kind} hits AS
SELECT h.person_id AS person_id, h.subject AS subject, h.alert_key AS alert_key, h.alert_at AS alert_at,
       CASE WHEN k.known_time IS NULL THEN greatest(h.due_at, h.alert_at) ELSE h.due_at END AS due_at,
       h.cleared_at AS cleared_at, h.anchor_at AS anchor_at, h.severity AS severity
FROM (
{rows}
) h
LEFT JOIN (SELECT DISTINCT person_id, known_time FROM known_times WHERE of_table IN ({read}) AND known_time > {reached}) k
       ON k.person_id = h.person_id AND k.known_time = h.alert_at;
