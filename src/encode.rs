//! Encodes records as the JSON on the wire, as adapters, the demo and the tests write it.
//!
//! The inverse of `decode`: `decode(encode(record))` is the record again. Members come in the order of the schema, absent ones are
//! left out, and `table` is always named. The key and `known_time` are not part of the payload.

use std::fmt::Write;

use crate::model::record::{Record, Value};
use crate::model::time::{Day, push_micros};

/// The payload of a record.
pub fn encode(record: &Record) -> Vec<u8> {
    let mut json = Object(String::with_capacity(512));
    json.text("table", record.table.name());
    json.number("schema_ver", record.schema_ver);
    json.text("record_key", &record.record_key);
    json.number("version", record.version);
    json.text("op", record.op.name());
    json.instant("event_time", record.event_time.0);
    json.instant("registered_at", record.registered_at);
    json.text("source", &record.source);
    json.text("purpose", &record.purpose);
    json.number("secrecy_class", record.secrecy_class);
    for (column, value) in record.table.def().columns.iter().zip(&record.values) {
        json.value(column.name, value);
    }
    json.finish()
}

struct Object(String);

impl Object {
    /// Names are the schema's own: letters and underscores, which need no escapes.
    fn name(&mut self, name: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
    }

    fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        push_text(&mut self.0, text);
    }

    fn number(&mut self, name: &str, number: i64) {
        self.name(name);
        // Writing to a `String` does not fail.
        let _ = write!(self.0, "{number}");
    }

    fn instant(&mut self, name: &str, micros: i64) {
        self.name(name);
        self.0.push('"');
        push_micros(micros, &mut self.0);
        self.0.push('"');
    }

    /// Writes a member; a null value is left out.
    fn value(&mut self, name: &str, value: &Value) {
        match value {
            Value::Null => {}
            Value::Bool(flag) => {
                self.name(name);
                self.0.push_str(if *flag { "true" } else { "false" });
            }
            Value::Int(number) => self.number(name, *number),
            Value::Day(day) => self.text(name, &Day(*day).to_string()),
            Value::Instant(micros) => self.instant(name, *micros),
            Value::Text(text) => self.text(name, text),
            Value::List(items) => {
                self.name(name);
                self.0.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        self.0.push(',');
                    }
                    push_text(&mut self.0, item);
                }
                self.0.push(']');
            }
        }
    }

    fn finish(mut self) -> Vec<u8> {
        self.0.push('}');
        self.0.into_bytes()
    }
}

/// Appends a text as a JSON string.
pub(crate) fn push_text(json: &mut String, text: &str) {
    let is_plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if text.bytes().all(is_plain) {
        json.push('"');
        json.push_str(text);
        json.push('"');
    } else {
        // Writing to a `String` does not fail.
        let _ = write!(json, "{}", serde_json::Value::from(text));
    }
}
