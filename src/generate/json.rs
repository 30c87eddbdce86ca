//! The wire form of records, and a message as a line of a recorded feed.

use std::fmt::Write as _;

use chrono::Datelike;

use super::calendar::{DAY_US, day_of};
use super::{Body, Message, Record, SCHEMA_VER, Value};
use crate::encode::push_text;
use crate::model::time::push_micros;

pub(super) fn message_line(message: &Message, line: &mut String) {
    line.push_str("{\"key\":");
    match &message.key {
        Some(key) => push_text(line, key),
        None => line.push_str("null"),
    }
    line.push_str(",\"known_time\":\"");
    push_micros(message.known_time, line);
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
        push_micros(record.event_time, json);
    }
    json.push_str("\",\"registered_at\":\"");
    push_micros(record.registered_at, json);
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

fn push_day(text: &mut String, day: chrono::NaiveDate) {
    let _ = write!(text, "{:04}-{:02}-{:02}", day.year(), day.month(), day.day());
}
