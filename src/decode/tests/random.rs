//! Aim: no payload makes decoding panic, every decoded record keeps the bounds, and what was encoded is decoded.
//! Method: random good records of every table, and a seeded mutator over their payloads.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{MAX_BYTES, message};
use crate::decode::codes::{Form, SOURCES, codes_of, form_of, is_listed};
use crate::decode::*;
use crate::encode::encode;
use crate::model::identity::check_digit;
use crate::model::schema::Column;
use crate::model::time::{KnownTime, MICROS_PER_DAY};

#[test]
fn every_table_survives_the_round_trip() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for table in TableId::ALL {
        for _ in 0..300 {
            let record = any_record(table, &mut random);
            let payload = encode(&record);
            let decoded = decode(&message(table.def().feed, record.subject.as_bytes(), &payload), MAX_BYTES);
            let decoded = decoded.unwrap_or_else(|bad| panic!("{bad:?}: {}", String::from_utf8_lossy(&payload)));
            assert_eq!(decoded.record, record);
            assert_eq!(decoded.unknown_fields, 0);
            let is_plain = is_read_alike(table.def().feed, &payload);
            assert_eq!(is_plain, !payload.contains(&b'\\'), "{}", String::from_utf8_lossy(&payload));
        }
    }
}

/// 10,000 hostile payloads of every table.
#[test]
fn hostile_payloads_never_panic_and_never_pass_the_bounds() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let (mut good, mut plain, mut reasons) = (0, 0, std::collections::BTreeMap::new());
    for table in TableId::ALL {
        for _ in 0..10_000 {
            let record = any_record(table, &mut random);
            let mut payload = encode(&record);
            for _ in 0..random.random_range(1..=3) {
                mutate(&mut payload, &mut random);
            }
            plain += usize::from(is_read_alike(table.def().feed, &payload));
            match decode(&message(table.def().feed, record.subject.as_bytes(), &payload), MAX_BYTES) {
                Ok(decoded) => {
                    good += 1;
                    check_bounds(&decoded.record);
                }
                Err(bad) => *reasons.entry(bad.reason).or_insert(0) += 1,
            }
        }
    }
    assert!(good > 1_000, "only {good} of the mutations are harmless");
    assert!(plain > 500, "only {plain} of the mutations are plain");
    for reason in [
        Reason::Malformed,
        Reason::WrongType,
        Reason::Oversized,
        Reason::UnknownOp,
        Reason::UnknownTable,
        Reason::UnknownSchema,
        Reason::ImpossibleDate,
        Reason::BadNumber,
    ] {
        assert!(reasons.contains_key(&reason), "the mutator never made {reason:?}: {reasons:?}");
    }
}

/// In live order link records go through the same decoder as adapters' messages, in strict order they do not; so they must pass it.
#[test]
fn what_units_show_to_others_may_be_any_number() {
    let mut random = ChaCha8Rng::seed_from_u64(24);
    for table in TableId::ALL.into_iter().filter(|table| table.is_link()) {
        let mut record = any_record(table, &mut random);
        while record.op != Op::Upsert {
            record = any_record(table, &mut random);
        }
        for (value, column) in record.values.iter_mut().zip(table.def().columns) {
            if column.ty == ColumnType::Int {
                *value = Value::Int(1_769_681_334_000_002);
            }
        }
        let message = message(table.def().feed, record.subject.as_bytes(), &encode(&record));
        let decoded = decode(&message, MAX_BYTES).unwrap_or_else(|bad| panic!("{}: {bad:?}", table.name()));
        assert_eq!(decoded.record.values, record.values, "{}", table.name());
    }
}

/// Checks that a plain payload is read as the parser reads it; returns whether it is plain.
fn is_read_alike(feed: Feed, payload: &[u8]) -> bool {
    let Some((table, plain)) = plain::fields(feed, payload) else { return false };
    let (named, any) = any_fields(feed, payload).expect("what is plain is good JSON");
    assert_eq!((table, &plain), (named, &any), "{}", String::from_utf8_lossy(payload));
    true
}

fn check_bounds(record: &Record) {
    let table = record.table.def();
    assert!(record.values.len() == table.columns.len() || (record.op == Op::Retract && record.values.is_empty()));
    let days = i64::from(Day::FIRST.0)..=i64::from(Day::LAST.0);
    let is_good = |text: &str, most| !text.is_empty() && text.len() <= most && !text.chars().any(char::is_control);
    let good_text = |text: &str| is_good(text, TEXT_MAX_BYTES);
    let key_most = if record.table.is_link() { LINK_KEY_MAX_BYTES } else { TEXT_MAX_BYTES };
    let good_instant = |micros: i64| days.contains(&micros.div_euclid(MICROS_PER_DAY));
    assert!(good_instant(record.event_time.0) && good_instant(record.registered_at));
    assert!(is_good(&record.subject, key_most) && is_good(&record.record_key, key_most));
    assert!(good_text(&record.source) && good_text(&record.purpose));
    assert!((0..=4).contains(&record.secrecy_class));
    for (column, value) in table.columns.iter().zip(&record.values) {
        match value {
            Value::Null => assert!(!column.required || record.op == Op::Retract, "{}", column.name),
            Value::Bool(_) => assert_eq!(column.ty, ColumnType::Bool),
            Value::Int(number) => assert!(record.table.is_link() || number.abs() < NUMBER_LIMIT),
            Value::Day(day) => {
                assert!(days.contains(&i64::from(*day)));
                assert!(column.ty != ColumnType::Month || Day(*day).first_of_month() == Some(Day(*day)));
            }
            Value::Instant(micros) => assert!(good_instant(*micros)),
            Value::Text(text) => {
                assert!(good_text(text));
                assert!(codes_of(record.table, column.name).is_none_or(|list| is_listed(list, text)));
            }
            Value::List(items) => assert!(items.iter().all(|item| good_text(item))),
        }
    }
}

/// A good record with random values; optional columns are null one time in three.
fn any_record(table: TableId, random: &mut ChaCha8Rng) -> Record {
    let op = [Op::Upsert, Op::Correct, Op::Retract][random.random_range(0..3)];
    let mut values: Vec<Value> = Vec::new();
    if op != Op::Retract || random.random_bool(0.5) {
        for column in table.def().columns {
            let is_null = !column.required && random.random_bool(0.33);
            values.push(if is_null { Value::Null } else { any_value(table, column, random) });
        }
    }
    for (first, last) in typed::spans(table) {
        if let (Some(Value::Day(from)), Some(Value::Day(to))) = (values.get(first), values.get(last))
            && to < from
        {
            values.swap(first, last);
        }
    }
    if values.iter().all(|value| *value == Value::Null) && op == Op::Retract {
        values.clear();
    }
    Record {
        table,
        subject: any_text(random),
        record_key: any_text(random),
        version: random.random_range(0..i64::MAX),
        op,
        event_time: EventTime(any_instant(random)),
        registered_at: any_instant(random),
        known_time: KnownTime(1_700_000_000_000_000),
        schema_ver: SCHEMA_VERSION,
        source: if table.is_link() {
            any_text(random)
        } else {
            SOURCES[random.random_range(0..SOURCES.len())].0.into()
        },
        purpose: PURPOSES[random.random_range(0..PURPOSES.len())].0.into(),
        secrecy_class: random.random_range(0..5),
        values,
    }
}

fn any_value(table: TableId, column: &Column, random: &mut ChaCha8Rng) -> Value {
    match column.ty {
        ColumnType::Employer => Value::Text(format!("16{}", ten_digits(random)).into()),
        ColumnType::PersonNumber => loop {
            let year = random.random_range(1920..2024);
            let number = format!("{}{}", year / 100, ten_digits_of_a_birth(year % 100, random));
            if identity::is_person_number(&number) {
                break Value::Text(number.into());
            }
        },
        ColumnType::Code => Value::Text(any_code(table, column, random)),
        ColumnType::CodeList => {
            let count = random.random_range(0..4);
            Value::List((0..count).map(|_| any_code(table, column, random)).collect())
        }
        ColumnType::Date => Value::Day(random.random_range(Day::FIRST.0..=Day::LAST.0)),
        ColumnType::Month => {
            Value::Day(Day(random.random_range(Day::FIRST.0..=Day::LAST.0)).first_of_month().unwrap().0)
        }
        ColumnType::Timestamp => Value::Instant(any_instant(random)),
        ColumnType::Int | ColumnType::Sek => Value::Int(random.random_range(1 - NUMBER_LIMIT..NUMBER_LIMIT)),
        ColumnType::Bool => Value::Bool(random.random_bool(0.5)),
        _ => Value::Text(any_text(random)),
    }
}

fn any_code(table: TableId, column: &Column, random: &mut ChaCha8Rng) -> Box<str> {
    match codes_of(table, column.name) {
        Some(list) => list[random.random_range(0..list.len())].0.into(),
        None if is_country_column(column.name) => any_of(&["SWE", "AFG", "SYR", "XXA"], random).into(),
        None => match form_of(table, column.name) {
            Some(Form::Sector) => any_of(&["A", "I", "U"], random).into(),
            Some(Form::Term) => any_of(&["2024VT", "2025HT"], random).into(),
            None => any_text(random),
        },
    }
}

fn any_of<'a>(list: &[&'a str], random: &mut ChaCha8Rng) -> &'a str {
    list[random.random_range(0..list.len())]
}

fn any_instant(random: &mut ChaCha8Rng) -> i64 {
    random.random_range(Day::FIRST.instant()..Day::LAST.instant() + MICROS_PER_DAY)
}

fn any_text(random: &mut ChaCha8Rng) -> Box<str> {
    let alphabet: Vec<char> = "abcXYZ0189-_:/\\\" åÄö\u{1F6C2}".chars().collect();
    let length = random.random_range(1..24);
    (0..length).map(|_| alphabet[random.random_range(0..alphabet.len())]).collect::<String>().into()
}

fn ten_digits(random: &mut ChaCha8Rng) -> String {
    let nine: [u8; 9] = std::array::from_fn(|_| random.random_range(0..10));
    with_check_digit(nine)
}

fn ten_digits_of_a_birth(year: i32, random: &mut ChaCha8Rng) -> String {
    let day = random.random_range(1..29) + if random.random_bool(0.3) { 60 } else { 0 };
    let text = format!("{year:02}{:02}{day:02}{:03}", random.random_range(1..13), random.random_range(0..1000));
    with_check_digit(std::array::from_fn(|index| text.as_bytes()[index] - b'0'))
}

fn with_check_digit(nine: [u8; 9]) -> String {
    nine.iter().chain([&check_digit(&nine)]).map(|digit| char::from(digit + b'0')).collect()
}

/// One hostile change: of bytes, of the text as a whole, or of one member.
fn mutate(payload: &mut Vec<u8>, random: &mut ChaCha8Rng) {
    let length = payload.len().max(1);
    match random.random_range(0..10) {
        0 => payload.truncate(random.random_range(0..=length).min(payload.len())),
        1 => {
            for _ in 0..random.random_range(1..8) {
                let place = random.random_range(0..length);
                if let Some(byte) = payload.get_mut(place) {
                    *byte = random.next_u32() as u8;
                }
            }
        }
        2 => {
            let place = random.random_range(0..=payload.len());
            let bytes: &[&[u8]] =
                &[b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\\ud800", b"\0", b"\x01", b"}", b"\"", b","];
            let insert = bytes[random.random_range(0..bytes.len())];
            payload.splice(place..place, insert.iter().copied());
        }
        3 if random.random_bool(0.05) => payload.resize(random.random_range(60_000..80_000), b' '),
        _ => mutate_member(payload, random),
    }
}

fn mutate_member(payload: &mut Vec<u8>, random: &mut ChaCha8Rng) {
    let Ok(serde_json::Value::Object(object)) = serde_json::from_slice(payload) else {
        return;
    };
    let mut members: Vec<(String, String)> =
        object.into_iter().map(|(name, value)| (name, value.to_string())).collect();
    if members.is_empty() {
        return;
    }
    let place = random.random_range(0..members.len());
    match random.random_range(0..5) {
        0 => {
            members.remove(place);
        }
        1 => members.push(members[place].clone()),
        2 => members[place].0 = "unheard_of".into(),
        _ => {
            let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
            let long = format!("\"{}\"", "x".repeat(300));
            let values = [
                "null",
                "true",
                "1",
                "2",
                "-1",
                "1e400",
                "1.5",
                "9223372036854775808",
                "-99999999999999999999",
                "1000000000000",
                "\"\"",
                "\"delete\"",
                "\"permits\"",
                "\"2024-02-30\"",
                "\"0001-01-01\"",
                "\"9999-12-31\"",
                "\"2200-01-01\"",
                "\"1899-12-31\"",
                "\"9999-12-31T23:59:59Z\"",
                "\"1899-12-31T23:59:59.999999Z\"",
                "\"-262144-01-01T00:00:00Z\"",
                "\"2024-05-01T08:00:00+24:00\"",
                "\"2016-12-31T23:59:60Z\"",
                "\"162021000556\"",
                "\"999999999999\"",
                "\"\\u0001\"",
                "\"\\u0000\"",
                "\"\u{202e}\"",
                "[]",
                "{}",
                "[1]",
                "[[\"SWE\"]]",
                "[\"SWE\",null]",
                "[\"swe\"]",
                &deep,
                &long,
            ];
            members[place].1 = values[random.random_range(0..values.len())].to_owned();
        }
    }
    let text: Vec<String> =
        members.iter().map(|(name, value)| format!("{}:{value}", serde_json::Value::from(&**name))).collect();
    *payload = format!("{{{}}}", text.join(",")).into_bytes();
}
