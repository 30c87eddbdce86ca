//! The wire form of records, and a message as a line of a recorded feed.

use std::fmt::Write as _;

use chrono::Datelike;

use super::calendar::{DAY_US, SECOND_US, day_of};
use super::{Body, Message, Record, SCHEMA_VER, Value};

pub(super) fn message_line(message: &Message, line: &mut String) {
    line.push_str("{\"key\":");
    match &message.key {
        Some(key) => push_text(line, key),
        None => line.push_str("null"),
    }
    line.push_str(",\"known_time\":\"");
    push_timestamp(line, message.known_time);
    match &message.body {
        Body::Record(record) => {
            line.push_str("\",\"value\":");
            record_json(record, line);
        }
        Body::Raw(text) => {
            line.push_str("\",\"raw\":");
            push_text(line, text);
        }
        Body::Clock => line.push_str("\",\"value\":null"),
    }
    line.push_str("}\n");
}

/// The wire form of a record: one JSON object; the table is named where its feed has several.
pub(super) fn record_json(record: &Record, json: &mut String) {
    let table = record.table.def();
    json.push('{');
    if table.feed.tables().nth(1).is_some() {
        let _ = write!(json, "\"table\":\"{}\",", table.name);
    }
    let _ = write!(json, "\"schema_ver\":{SCHEMA_VER},\"record_key\":");
    push_text(json, &record.record_key);
    let _ = write!(json, ",\"version\":{},\"op\":\"{}\",\"event_time\":\"", record.version, record.op);
    if record.event_time.rem_euclid(DAY_US) == 0 {
        push_day(json, day_of(record.event_time));
    } else {
        push_timestamp(json, record.event_time);
    }
    json.push_str("\",\"registered_at\":\"");
    push_timestamp(json, record.registered_at);
    let _ = write!(
        json,
        "\",\"source\":\"{}\",\"purpose\":\"{}\",\"secrecy_class\":{}",
        record.source, record.purpose, record.secrecy_class
    );
    for (column, value) in table.columns.iter().zip(&record.values) {
        if *value != Value::Null {
            let _ = write!(json, ",\"{}\":", column.name);
            push_value(json, value);
        }
    }
    json.push('}');
}

fn push_value(json: &mut String, value: &Value) {
    match value {
        Value::Null => json.push_str("null"),
        Value::Code(code) => push_text(json, code),
        Value::Text(text) => push_text(json, text),
        Value::Codes(codes) => {
            for (place, code) in codes.iter().enumerate() {
                json.push(if place == 0 { '[' } else { ',' });
                push_text(json, code);
            }
            json.push_str(if codes.is_empty() { "[]" } else { "]" });
        }
        Value::Day(days) => {
            json.push('"');
            push_day(json, day_of(i64::from(*days) * DAY_US));
            json.push('"');
        }
        Value::Int(number) => {
            let _ = write!(json, "{number}");
        }
        Value::Flag(flag) => json.push_str(if *flag { "true" } else { "false" }),
    }
}

fn push_text(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            control if control < ' ' => {
                let _ = write!(json, "\\u{:04x}", control as u32);
            }
            plain => json.push(plain),
        }
    }
    json.push('"');
}

fn push_day(text: &mut String, day: chrono::NaiveDate) {
    let _ = write!(text, "{:04}-{:02}-{:02}", day.year(), day.month(), day.day());
}

fn push_timestamp(text: &mut String, instant_us: i64) {
    push_day(text, day_of(instant_us));
    let in_day = instant_us.rem_euclid(DAY_US);
    let (seconds, micros) = (in_day / SECOND_US, in_day % SECOND_US);
    let _ = write!(text, "T{:02}:{:02}:{:02}.{micros:06}Z", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

pub(super) fn timestamp(instant_us: i64) -> String {
    let mut text = String::new();
    push_timestamp(&mut text, instant_us);
    text
}
