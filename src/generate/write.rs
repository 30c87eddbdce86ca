//! Writes a recording to disk: Parquet by table, NDJSON by feed, the truth, and a manifest with counts.
//!
//! `parquet/<table>.parquet` has the schema of `Table::file_schema`; `arrival_no` is the message's position in its feed, which is
//! also its line in `ndjson/<feed>.ndjson`. `parquet/clocks.parquet` has the known times of clock messages and malformed payloads.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::Serialize;

use super::json::message_line;
use super::parquet_file::TableWriter;
use super::{Body, Dataset, Fate, GenerateError, Message, SCHEMA_VER, Truth, Value, start_of};
use crate::model::schema::{Feed, TableId, clock_file_schema};
use crate::model::time::format_micros;
use crate::output::OutFile;

/// The manifest: what a recording contains.
#[derive(Debug, Serialize, PartialEq)]
pub struct Summary {
    pub format: u32,
    pub persons: usize,
    pub years: u32,
    pub seed: u64,
    pub start: String,
    pub until: String,
    pub outside_pct: u32,
    /// By feed: the messages, and what the engine must do with them.
    pub feeds: BTreeMap<&'static str, FeedSummary>,
    /// By table, the records.
    pub tables: BTreeMap<&'static str, usize>,
    /// Over all feeds: what the engine must do with the messages.
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
            tables: source_tables().map(|table| (table.name(), 0)).collect(),
            fates: Fate::ALL.into_iter().map(|fate| (fate.name(), 0)).collect(),
            truth: BTreeMap::new(),
        };
        for feed in Feed::SOURCES {
            let messages = dataset.messages(feed);
            let mut counted = FeedSummary { messages: messages.len(), ..FeedSummary::default() };
            for message in messages {
                *counted.fates.entry(message.fate.name()).or_default() += 1;
                *summary.fates.entry(message.fate.name()).or_default() += 1;
                if let Body::Record(record) = &message.body {
                    *summary.tables.entry(record.table.name()).or_default() += 1;
                }
            }
            counted.first_known_time = messages.first().map(|message| format_micros(message.known_time));
            counted.last_known_time = messages.last().map(|message| format_micros(message.known_time));
            summary.feeds.insert(feed.name(), counted);
        }
        for row in &dataset.truth {
            let stories = summary.truth.entry(row.rule_id).or_default().entry(row.kind.name()).or_default();
            *stories.entry(row.scenario).or_default() += 1;
        }
        summary
    }
}

/// Makes the folders of a recording, if need be; that they cannot be made shows before anything is generated.
pub fn prepare(dir: &Path) -> Result<(), GenerateError> {
    for sub in ["parquet", "ndjson"] {
        let path = dir.join(sub);
        let probed = std::fs::create_dir_all(&path).and_then(|()| OutFile::create(&path.join(MANIFEST)));
        probed.map_err(|source| file_error(&path, source))?;
    }
    Ok(())
}

/// Says what a whole recording holds.
pub const MANIFEST: &str = "manifest.json";

/// Writes a recording into a directory, which is created if need be. The manifest comes last: a recording without one is not whole.
pub fn write(dataset: &Dataset, dir: &Path) -> Result<Summary, GenerateError> {
    prepare(dir)?;
    let manifest = dir.join(MANIFEST);
    match std::fs::remove_file(&manifest) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(file_error(&manifest, error)),
        _ => {}
    }
    for feed in Feed::SOURCES {
        write_ndjson(dataset.messages(feed), &dir.join("ndjson").join(format!("{}.ndjson", feed.name())))?;
    }
    for table in source_tables() {
        write_table(dataset, table, &dir.join("parquet").join(format!("{}.parquet", table.name())))?;
    }
    write_clocks(dataset, &dir.join("parquet").join("clocks.parquet"))?;
    write_truth(&dataset.truth, &dir.join("truth.parquet"))?;
    let summary = Summary::of(dataset);
    let mut text = serde_json::to_string_pretty(&summary)?;
    text.push('\n');
    OutFile::write(&manifest, text.as_bytes()).map_err(|source| file_error(&manifest, source))?;
    Ok(summary)
}

/// The tables of the registers' feeds; permitwatch's own tables are not part of a recording.
fn source_tables() -> impl Iterator<Item = TableId> {
    TableId::ALL.into_iter().filter(|table| !table.def().feed.is_internal())
}

fn file_error(path: &Path, source: std::io::Error) -> GenerateError {
    GenerateError::File { path: path.display().to_string(), source }
}

fn write_ndjson(messages: &[Message], path: &Path) -> Result<(), GenerateError> {
    let mut file = OutFile::create(path).map_err(|source| file_error(path, source))?;
    let mut line = String::with_capacity(1024);
    for message in messages {
        line.clear();
        message_line(message, &mut line);
        file.write_all(line.as_bytes()).map_err(|source| file_error(path, source))?;
    }
    file.finish().map_err(|source| file_error(path, source))
}

fn write_table(dataset: &Dataset, table: TableId, path: &Path) -> Result<(), GenerateError> {
    let def = table.def();
    let mut file = TableWriter::create(def.name, def.file_schema(), path)?;
    let mut row = Vec::new();
    for (arrival_no, message) in dataset.messages(def.feed).iter().enumerate() {
        let Body::Record(record) = &message.body else {
            continue;
        };
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

/// Writes the known times of messages that are not records.
fn write_clocks(dataset: &Dataset, path: &Path) -> Result<(), GenerateError> {
    let mut file = TableWriter::create("clocks", clock_file_schema(), path)?;
    for feed in Feed::SOURCES {
        let spoke = dataset.messages(feed).iter().filter(|message| !matches!(message.body, Body::Record(_)));
        for message in spoke {
            file.push(&[Value::Code(feed.name()), Value::Int(message.known_time)])?;
        }
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
