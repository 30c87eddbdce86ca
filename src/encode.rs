//! From record to the JSON of the wire: what adapters, the demo and the tests write.
//!
//! The inverse of `decode`: `decode(encode(record))` is the record again. Members stand in the order of the schema, absent
//! ones are left out, `table` is always named. The key and `known_time` are not part of the payload.

use std::io::Write;

use serde_json::Value as Json;

use crate::record::{Record, Value};
use crate::time::{Day, format_micros};

/// The payload of a record.
pub fn encode(record: &Record) -> Vec<u8> {
    let mut json = Object(Vec::with_capacity(512));
    json.member("table", &record.table.name().into());
    json.member("schema_ver", &record.schema_ver.into());
    json.member("record_key", &(*record.record_key).into());
    json.member("version", &record.version.into());
    json.member("op", &record.op.name().into());
    json.member("event_time", &format_micros(record.event_time.0).into());
    json.member("registered_at", &format_micros(record.registered_at).into());
    json.member("source", &(*record.source).into());
    json.member("purpose", &(*record.purpose).into());
    json.member("secrecy_class", &record.secrecy_class.into());
    for (column, value) in record.table.def().columns.iter().zip(&record.values) {
        if let Some(value) = json_of(value) {
            json.member(column.name, &value);
        }
    }
    json.finish()
}

fn json_of(value: &Value) -> Option<Json> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => (*value).into(),
        Value::Int(number) => (*number).into(),
        Value::Day(day) => Day(*day).to_string().into(),
        Value::Instant(micros) => format_micros(*micros).into(),
        Value::Text(text) => (**text).into(),
        Value::List(items) => items.iter().map(|item| Json::from(&**item)).collect::<Vec<_>>().into(),
    })
}

struct Object(Vec<u8>);

impl Object {
    /// Names are the schema's own: letters and underscores, nothing to escape.
    fn member(&mut self, name: &str, value: &Json) {
        self.0.push(if self.0.is_empty() { b'{' } else { b',' });
        // Writing to a Vec does not fail.
        let _ = write!(self.0, "\"{name}\":{value}");
    }

    fn finish(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }
}
