//! A recording on disk: Parquet by table, NDJSON by feed, the truth, and a manifest that counts them.
//!
//! `parquet/<table>.parquet` has the schema of `Table::file_schema`; `arrival_no` is the message's place in its
//! feed, which is also its line in `ndjson/<feed>.ndjson`. Clock messages and malformed payloads stand in the
//! NDJSON only.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Int64Builder, ListBuilder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use chrono::Datelike;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde::Serialize;

use super::calendar::{DAY_US, SECOND_US, day_of};
use super::{Body, Dataset, Fate, GenerateError, Message, Record, Truth, Value, start_of};
use crate::schema::{Feed, TableId};

/// Rows of a Parquet batch and row group.
const BATCH_ROWS: usize = 65_536;
const SCHEMA_VER: i64 = 1;

/// What a recording holds: the manifest.
#[derive(Debug, Serialize, PartialEq)]
pub struct Summary {
    pub format: u32,
    pub persons: usize,
    pub years: u32,
    pub seed: u64,
    pub start: String,
    pub until: String,
    pub outside_pct: u32,
    /// By feed, the messages and what must become of them.
    pub feeds: BTreeMap<&'static str, FeedSummary>,
    /// By table, the records.
    pub tables: BTreeMap<&'static str, usize>,
    /// Over all feeds, what must become of the messages.
    pub fates: BTreeMap<&'static str, usize>,
    /// By rule, kind and story, the rows of the truth.
    pub truth: BTreeMap<&'static str, BTreeMap<&'static str, BTreeMap<&'static str, usize>>>,
}

#[derive(Debug, Default, Serialize, PartialEq)]
pub struct FeedSummary {
    pub messages: usize,
    pub fates: BTreeMap<&'static str, usize>,
    pub first_known_time: Option<String>,
    pub last_known_time: Option<String>,
}

impl Summary {
    pub fn of(dataset: &Dataset) -> Summary {
        let mut summary = Summary {
            format: 1,
            persons: dataset.options.persons,
            years: dataset.options.years,
            seed: dataset.options.seed,
            start: start_of(&dataset.options).to_string(),
            until: dataset.options.until.to_string(),
            outside_pct: dataset.options.outside_pct,
            feeds: BTreeMap::new(),
            tables: TableId::ALL.into_iter().map(|table| (table.name(), 0)).collect(),
            fates: Fate::ALL.into_iter().map(|fate| (fate.name(), 0)).collect(),
            truth: BTreeMap::new(),
        };
        for feed in Feed::ALL {
            let messages = dataset.messages(feed);
            let mut counted = FeedSummary { messages: messages.len(), ..FeedSummary::default() };
            for message in messages {
                *counted.fates.entry(message.fate.name()).or_default() += 1;
                *summary.fates.entry(message.fate.name()).or_default() += 1;
                if let Body::Record(record) = &message.body {
                    *summary.tables.entry(record.table.name()).or_default() += 1;
                }
            }
            counted.first_known_time = messages.first().map(|message| timestamp(message.known_time));
            counted.last_known_time = messages.last().map(|message| timestamp(message.known_time));
            summary.feeds.insert(feed.name(), counted);
        }
        for row in &dataset.truth {
            let stories = summary.truth.entry(row.rule_id).or_default().entry(row.kind.name()).or_default();
            *stories.entry(row.scenario).or_default() += 1;
        }
        summary
    }
}

/// Writes a recording into a directory, which is made if need be.
pub fn write(dataset: &Dataset, dir: &Path) -> Result<Summary, GenerateError> {
    for sub in ["parquet", "ndjson"] {
        let path = dir.join(sub);
        std::fs::create_dir_all(&path).map_err(|source| file_error(&path, source))?;
    }
    for feed in Feed::ALL {
        write_ndjson(dataset.messages(feed), &dir.join("ndjson").join(format!("{}.ndjson", feed.name())))?;
    }
    for table in TableId::ALL {
        write_table(dataset, table, &dir.join("parquet").join(format!("{}.parquet", table.name())))?;
    }
    write_truth(&dataset.truth, &dir.join("truth.parquet"))?;
    let summary = Summary::of(dataset);
    let path = dir.join("manifest.json");
    let mut text = serde_json::to_string_pretty(&summary)?;
    text.push('\n');
    std::fs::write(&path, text).map_err(|source| file_error(&path, source))?;
    Ok(summary)
}

fn file_error(path: &Path, source: std::io::Error) -> GenerateError {
    GenerateError::File { path: path.display().to_string(), source }
}

fn create(path: &Path) -> Result<File, GenerateError> {
    File::create(path).map_err(|source| file_error(path, source))
}

fn write_ndjson(messages: &[Message], path: &Path) -> Result<(), GenerateError> {
    let mut file = BufWriter::with_capacity(1 << 20, create(path)?);
    let mut line = String::with_capacity(1024);
    for message in messages {
        line.clear();
        message_line(message, &mut line);
        file.write_all(line.as_bytes()).map_err(|source| file_error(path, source))?;
    }
    file.flush().map_err(|source| file_error(path, source))
}

fn message_line(message: &Message, line: &mut String) {
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

fn timestamp(instant_us: i64) -> String {
    let mut text = String::new();
    push_timestamp(&mut text, instant_us);
    text
}

/// A column of a batch under construction.
enum Builder {
    Text(StringBuilder),
    Codes(ListBuilder<StringBuilder>),
    Day(Date32Builder),
    Instant(TimestampMicrosecondBuilder),
    Int(Int64Builder),
    Flag(BooleanBuilder),
}

impl Builder {
    fn new(data_type: &DataType) -> Builder {
        match data_type {
            DataType::List(_) => Builder::Codes(ListBuilder::new(StringBuilder::new())),
            DataType::Date32 => Builder::Day(Date32Builder::new()),
            DataType::Timestamp(..) => Builder::Instant(TimestampMicrosecondBuilder::new()),
            DataType::Int64 => Builder::Int(Int64Builder::new()),
            DataType::Boolean => Builder::Flag(BooleanBuilder::new()),
            _ => Builder::Text(StringBuilder::new()),
        }
    }

    /// Appends a value of the column's kind; of another kind, null.
    fn push(&mut self, value: &Value) {
        match (self, value) {
            (Builder::Text(to), Value::Code(code)) => to.append_value(code),
            (Builder::Text(to), Value::Text(text)) => to.append_value(text),
            (Builder::Text(to), _) => to.append_null(),
            (Builder::Codes(to), Value::Codes(codes)) => to.append_value(codes.iter().map(Some)),
            (Builder::Codes(to), _) => to.append_null(),
            (Builder::Day(to), Value::Day(day)) => to.append_value(*day),
            (Builder::Day(to), _) => to.append_null(),
            (Builder::Instant(to), Value::Int(instant)) => to.append_value(*instant),
            (Builder::Instant(to), _) => to.append_null(),
            (Builder::Int(to), Value::Int(number)) => to.append_value(*number),
            (Builder::Int(to), _) => to.append_null(),
            (Builder::Flag(to), Value::Flag(flag)) => to.append_value(*flag),
            (Builder::Flag(to), _) => to.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Builder::Text(from) => Arc::new(from.finish()),
            Builder::Codes(from) => Arc::new(from.finish()),
            Builder::Day(from) => Arc::new(from.finish()),
            Builder::Instant(from) => Arc::new(from.finish()),
            Builder::Int(from) => Arc::new(from.finish()),
            Builder::Flag(from) => Arc::new(from.finish()),
        }
    }
}

/// Writes rows to one Parquet file, batch by batch.
struct TableWriter {
    name: &'static str,
    schema: SchemaRef,
    builders: Vec<Builder>,
    rows: usize,
    file: ArrowWriter<File>,
}

impl TableWriter {
    fn create(name: &'static str, schema: SchemaRef, path: &Path) -> Result<TableWriter, GenerateError> {
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let file = ArrowWriter::try_new(create(path)?, Arc::clone(&schema), Some(properties))
            .map_err(|source| GenerateError::Parquet { table: name, source })?;
        let builders = schema.fields().iter().map(|field| Builder::new(field.data_type())).collect();
        Ok(TableWriter { name, schema, builders, rows: 0, file })
    }

    fn push(&mut self, values: &[Value]) -> Result<(), GenerateError> {
        for (place, builder) in self.builders.iter_mut().enumerate() {
            builder.push(values.get(place).unwrap_or(&Value::Null));
        }
        self.rows += 1;
        if self.rows == BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), GenerateError> {
        if self.rows == 0 {
            return Ok(());
        }
        self.rows = 0;
        let columns = self.builders.iter_mut().map(Builder::finish).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(|source| GenerateError::Arrow { table: self.name, source })?;
        self.file.write(&batch).map_err(|source| GenerateError::Parquet { table: self.name, source })
    }

    fn close(mut self) -> Result<(), GenerateError> {
        self.flush()?;
        let table = self.name;
        self.file.close().map(drop).map_err(|source| GenerateError::Parquet { table, source })
    }
}

fn write_table(dataset: &Dataset, table: TableId, path: &Path) -> Result<(), GenerateError> {
    let def = table.def();
    let mut file = TableWriter::create(def.name, def.file_schema(), path)?;
    let mut row = Vec::new();
    for (arrival_no, message) in dataset.messages(def.feed).iter().enumerate() {
        let Body::Record(record) = &message.body else { continue };
        if record.table != table {
            continue;
        }
        row.clear();
        row.push(match &message.key {
            Some(key) if table.is_person() => Value::Text(key.as_ref().into()),
            _ => Value::Null,
        });
        row.extend([
            Value::Int(SCHEMA_VER),
            Value::Text(record.record_key.clone()),
            Value::Int(record.version),
            Value::Code(record.op),
            Value::Int(record.event_time),
            Value::Int(record.registered_at),
            Value::Code(record.source),
            Value::Code(record.purpose),
            Value::Int(record.secrecy_class),
            Value::Int(message.known_time),
            Value::Int(arrival_no as i64),
        ]);
        row.extend(record.values.iter().cloned());
        file.push(&row)?;
    }
    file.close()
}

/// Columns of `truth.parquet`.
fn truth_schema() -> SchemaRef {
    let instant = DataType::Timestamp(TimeUnit::Microsecond, None);
    Arc::new(Schema::new(vec![
        Field::new("person_id", DataType::Utf8, false),
        Field::new("permit_id", DataType::Utf8, false),
        Field::new("rule_id", DataType::Utf8, false),
        Field::new("kind", DataType::Utf8, false),
        Field::new("scenario", DataType::Utf8, false),
        Field::new("known_from", instant.clone(), false),
        Field::new("ended_at", instant, true),
        Field::new("min_severity", DataType::Utf8, true),
        Field::new("max_severity", DataType::Utf8, true),
    ]))
}

fn write_truth(truth: &[Truth], path: &Path) -> Result<(), GenerateError> {
    let mut file = TableWriter::create("truth", truth_schema(), path)?;
    let code = |severity: Option<&'static str>| severity.map_or(Value::Null, Value::Code);
    for row in truth {
        file.push(&[
            Value::Text(row.person_id.as_str().into()),
            Value::Text(row.permit_id.as_str().into()),
            Value::Code(row.rule_id),
            Value::Code(row.kind.name()),
            Value::Code(row.scenario),
            Value::Int(row.known_from),
            row.ended_at.map_or(Value::Null, Value::Int),
            code(row.min_severity),
            code(row.max_severity),
        ])?;
    }
    file.close()
}
