//! Aim: a recording is reproducible, well formed, and agrees with its truth.
//! Method: small recordings in memory; every record is checked against the schema; Parquet is read back.

use std::collections::{BTreeMap, BTreeSet};

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::calendar::instant;
use super::identity::luhn_digit;
use super::*;
use crate::model::schema::ColumnType;

fn small(seed: u64) -> Dataset {
    generate(&Options::new(400, 3, seed))
}

fn lines(dataset: &Dataset) -> Vec<Vec<u8>> {
    Feed::SOURCES
        .into_iter()
        .flat_map(|feed| dataset.messages(feed))
        .map(|message| {
            let mut line = format!("{:?} {} ", message.key, message.known_time).into_bytes();
            line.extend(message.payload().unwrap_or_default());
            line
        })
        .collect()
}

#[test]
fn the_same_options_give_the_same_recording() {
    let (first, again, other) = (small(7), small(7), small(8));
    assert_eq!(lines(&first), lines(&again));
    assert_eq!(format!("{:?}", first.truth), format!("{:?}", again.truth));
    assert_ne!(lines(&first), lines(&other));
}

#[test]
fn a_person_does_not_depend_on_how_many_there_are() {
    let options = Options { outside_pct: 0, garbage: 0, ..Options::new(50, 3, 7) };
    let few = generate(&options);
    let many = generate(&Options { persons: 90, ..options });
    let of = |dataset: &Dataset, id: &str| {
        dataset
            .messages(Feed::Border)
            .iter()
            .filter(|message| message.key.as_deref() == Some(id))
            .filter_map(Message::payload)
            .collect::<Vec<_>>()
    };
    for index in 0..50 {
        let id = format!("p{index:07}");
        assert_eq!(of(&few, &id), of(&many, &id), "{id}");
    }
}

#[test]
fn known_times_never_fall_and_the_clock_ticks_to_the_end() {
    let dataset = small(7);
    for feed in Feed::SOURCES {
        let messages = dataset.messages(feed);
        assert!(messages.is_sorted_by_key(|message| message.known_time), "{}", feed.name());
        let last = messages.last().expect("every feed has clock messages");
        assert!(matches!(last.body, Body::Clock));
        assert_eq!(last.known_time, instant(dataset.options.until));
        let longest = messages.windows(2).map(|pair| pair[1].known_time - pair[0].known_time).max();
        assert!(longest.unwrap_or(0) <= DAY_US, "{}", feed.name());
    }
}

#[test]
fn short_long_and_odd_recordings_are_made_too() {
    for (persons, years, until) in [(1, 1, (2024, 2, 29)), (300, 1, (2026, 7, 13)), (60, 20, (2026, 12, 31))] {
        let until = calendar::ymd(until.0, until.1, until.2);
        let options = Options { until, garbage: 3, ..Options::new(persons, years, 3) };
        assert!(options.check().is_ok());
        let dataset = generate(&options);
        let start = instant(start_of(&options));
        for message in Feed::SOURCES.into_iter().flat_map(|feed| dataset.messages(feed)) {
            assert!((start..=instant(until)).contains(&message.known_time), "{message:?}");
        }
        assert!(dataset.truth.iter().all(|row| (start..=instant(until)).contains(&row.known_from)));
    }
    assert!(Options::new(0, 3, 1).check().is_err());
    assert!(Options::new(10, 0, 1).check().is_err());
}

#[test]
fn every_record_fits_its_table() {
    let dataset = small(7);
    for message in Feed::SOURCES.into_iter().flat_map(|feed| dataset.messages(feed)) {
        let Body::Record(record) = &message.body else {
            continue;
        };
        let table = record.table.def();
        if record.op == "retract" {
            assert!(record.values.is_empty());
            continue;
        }
        assert_eq!(record.values.len(), table.columns.len(), "{}", table.name);
        for (column, value) in table.columns.iter().zip(&record.values) {
            let place = format!("{}.{} = {value:?}", table.name, column.name);
            assert!(!(column.required && *value == Value::Null), "{place}");
            let fits = match (column.ty, value) {
                (_, Value::Null) => true,
                (ColumnType::CodeList, Value::Codes(codes)) => !codes.is_empty(),
                (ColumnType::Date | ColumnType::Month, Value::Day(_)) => true,
                (ColumnType::Int | ColumnType::Sek, Value::Int(_)) => true,
                (ColumnType::Bool, Value::Flag(_)) => true,
                (ColumnType::Employer, Value::Text(number)) => {
                    number.len() == 12 && number.starts_with("16") && valid(number)
                }
                (ColumnType::PersonNumber, Value::Text(number)) => number.len() == 12 && valid(number),
                (_, Value::Code(_) | Value::Text(_)) => column.ty.arrow() == arrow::datatypes::DataType::Utf8,
                _ => false,
            };
            assert!(fits, "{place}");
        }
    }
}

fn valid(number: &str) -> bool {
    number[11..].parse() == Ok(luhn_digit(&number[2..11]))
}

#[test]
fn versions_of_a_record_are_unique_but_for_duplicates() {
    let dataset = small(7);
    let mut seen = BTreeSet::new();
    for message in Feed::SOURCES.into_iter().flat_map(|feed| dataset.messages(feed)) {
        let (Body::Record(record), Some(key)) = (&message.body, &message.key) else {
            continue;
        };
        let fresh = seen.insert((record.table, key.clone(), record.record_key.clone(), record.version));
        assert!(
            fresh || message.fate == Fate::Duplicate,
            "{} {key} {} {}",
            record.table.name(),
            record.record_key,
            record.version
        );
    }
}

/// First known time and first day of the oldest permit, by person.
fn population(dataset: &Dataset) -> BTreeMap<String, (i64, Option<(i64, i32)>)> {
    let valid_from = TableId::Permits.def().column("valid_from").map_or(0, |(place, _)| place);
    let mut persons: BTreeMap<String, (i64, Option<(i64, i32)>)> = BTreeMap::new();
    for message in dataset.messages(Feed::Permits) {
        let (Some(key), Body::Record(record)) = (&message.key, &message.body) else {
            continue;
        };
        let person = persons.entry(key.to_string()).or_insert((message.known_time, None));
        if let (TableId::Permits, Some(Value::Day(day))) = (record.table, record.values.get(valid_from)) {
            let known = person.1.map_or(message.known_time, |(known, _)| known);
            person.1 = Some((known, person.1.map_or(*day, |(_, oldest)| oldest.min(*day))));
        }
    }
    persons
}

/// Scope, lateness and future as the engine decides them, from the records alone.
#[test]
fn fates_follow_from_the_records() {
    let dataset = generate(&Options { persons: 1_500, ..Options::new(1, 4, 7) });
    let persons = population(&dataset);
    let limits_days = [400, 36_500, 60, 1, 62, 31, 31];
    for feed in Feed::SOURCES {
        for message in dataset.messages(feed) {
            let (Body::Record(record), Some(key)) = (&message.body, &message.key) else {
                continue;
            };
            let about = format!("{key} {record:?}");
            let person = persons.get(key.as_ref());
            let known_before = message.known_time - calendar::HOUR_US;
            let person_feed = feed != Feed::Permits && feed != Feed::Reference;
            if person_feed {
                let inside = person.is_some_and(|(first, _)| known_before >= *first);
                assert_eq!(inside, message.fate != Fate::Filtered, "{about}");
            }
            let limit = message.known_time + limits_days[feed.index()] * DAY_US;
            let future = record.event_time > limit || record.registered_at > limit;
            assert_eq!(future, message.fate == Fate::Future, "{about}");
            if let Some((_, Some((known, oldest)))) = person
                && person_feed
                && known_before >= *known
            {
                let oldest = calendar::day_of(i64::from(*oldest) * DAY_US);
                let limit = instant(calendar::add_months(oldest, -3)) - 365 * DAY_US;
                let too_late = record.event_time < limit && message.fate != Fate::Filtered;
                assert_eq!(too_late, message.fate == Fate::TooLate, "{about}");
            }
        }
    }
}

#[test]
fn parquet_holds_every_record_and_the_manifest_counts_them() {
    let dataset = small(7);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let summary = write(&dataset, dir.path()).expect("the recording is written");
    let rows = |path: std::path::PathBuf| {
        let file = std::fs::File::open(path).expect("the file is there");
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).expect("it is Parquet");
        (builder.schema().clone(), builder.metadata().file_metadata().num_rows())
    };
    for table in TableId::ALL.into_iter().filter(|table| !table.def().feed.is_internal()) {
        let (schema, count) = rows(dir.path().join("parquet").join(format!("{}.parquet", table.name())));
        assert_eq!(schema.fields(), table.def().file_schema().fields(), "{}", table.name());
        assert_eq!(count as usize, summary.tables[table.name()], "{}", table.name());
    }
    assert_eq!(rows(dir.path().join("truth.parquet")).1 as usize, dataset.truth.len());
    let messages: usize = summary.feeds.values().map(|feed| feed.messages).sum();
    assert_eq!(messages, summary.fates.values().sum::<usize>());
    for feed in Feed::SOURCES {
        let text = std::fs::read_to_string(dir.path().join("ndjson").join(format!("{}.ndjson", feed.name())))
            .expect("readable");
        assert_eq!(text.lines().count(), summary.feeds[feed.name()].messages);
        for line in text.lines() {
            let value: serde_json::Value = serde_json::from_str(line).expect("each line is JSON");
            assert!(value["known_time"].is_string());
        }
    }
}
