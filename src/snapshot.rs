//! The permit snapshot: the permits feed's tables as Parquet files, read whole before the topic.
//!
//! - A snapshot is the same records as the topic's, so an overlap is harmless: versions are identified, and one that
//!   is here already is a duplicate.
//! - It is whole or refused: a file that is missing or malformed, a row that would not pass as a message, no permits
//!   at all, or more permits ended than `max_shrink_pct` allows. Records come out in the order (known_time, arrival_no).
//! - Its age is that of its newest known_time. What a refusal says names files, rows and columns, never values.
//!
//! It decides nothing about when snapshots are read, and keeps none.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Int64Type, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rustc_hash::FxHashMap;
use thiserror::Error;

use crate::config::SnapshotConfig;
use crate::decode::decode;
use crate::encode::encode;
use crate::history::hash_key;
use crate::partition::partition_of;
use crate::record::{Message, Offset, Op, Record, Value};
use crate::schema::{ColumnType, ENVELOPE, Feed, TableId};
use crate::telemetry;
use crate::time::{Day, EventTime, KnownTime, WallTime};

/// Why a snapshot is refused. At the start the process does not go on; later the snapshot in use stays.
#[derive(Debug, Error)]
pub enum SnapshotError {
    #[error("snapshot refused: cannot read {file}: {message}")]
    File { file: String, message: String },
    #[error("snapshot refused: {file} has no column {column} of type {wanted}")]
    Column { file: String, column: String, wanted: String },
    #[error("snapshot refused: {file} row {row}: {message}")]
    Row { file: String, row: usize, message: String },
    #[error("snapshot refused: {dir} holds no permits")]
    Empty { dir: String },
    #[error(
        "snapshot refused: it ends {ended} of {open} open permits, more than {max_pct} per cent; raise snapshot.max_shrink_pct for one load if that is right"
    )]
    Shrunk { ended: usize, open: usize, max_pct: u32 },
}

/// A snapshot that has been read and found good.
#[derive(Debug)]
pub struct Snapshot {
    /// The shard's records, in the order (known_time, arrival_no).
    pub records: Vec<Record>,
    /// Permits of all shards.
    pub stock: Stock,
    /// The greatest known time of all shards: as of then it was written.
    pub newest: KnownTime,
    /// Name of the directory, for the alerts' headers.
    pub name: String,
}

/// The permits of a snapshot, by their current versions.
#[derive(Clone, Debug, Default)]
pub struct Stock {
    /// Last day of each permit, by hash of (subject, record_key); null is open for ever.
    ends: FxHashMap<u64, Option<Day>>,
    /// The day on which the snapshot was written.
    as_of: Option<Day>,
}

impl Stock {
    /// Permits that were open on the day of the snapshot.
    pub fn open(&self) -> usize {
        self.as_of.map_or(0, |day| self.ends.values().filter(|end| is_open(**end, day)).count())
    }

    /// Permits of `self` that would still be open on the day of `after`, and how many of them `after` has ended or lost.
    fn ended_by(&self, after: &Stock) -> (usize, usize) {
        let Some(day) = after.as_of else { return (self.open(), self.open()) };
        let mut counts = (0, 0);
        for (permit, _) in self.ends.iter().filter(|(_, end)| is_open(**end, day)) {
            counts.0 += 1;
            counts.1 += usize::from(after.ends.get(permit).is_none_or(|end| !is_open(*end, day)));
        }
        counts
    }
}

fn is_open(end: Option<Day>, day: Day) -> bool {
    end.is_none_or(|end| end >= day)
}

/// Whether `after` may take the place of `before`. A permit that runs out by itself in between does not count as ended.
pub fn check_shrink(before: &Stock, after: &Stock, max_pct: u32) -> Result<(), SnapshotError> {
    let (open, ended) = before.ended_by(after);
    if ended as u64 * 100 > open as u64 * u64::from(max_pct) {
        return Err(SnapshotError::Shrunk { ended, open, max_pct });
    }
    Ok(())
}

/// Reads the configured snapshot for a shard and checks it against the one in use. `None` if none is configured.
pub fn load(
    config: &SnapshotConfig,
    before: Option<&Stock>,
    shard: i32,
    partitions: i32,
) -> Result<Option<Snapshot>, SnapshotError> {
    let Some(dir) = &config.dir else { return Ok(None) };
    let loaded = read(dir, |subject| partition_of(subject.as_bytes(), partitions) == shard);
    let checked = loaded.and_then(|snapshot| {
        if let Some(before) = before {
            check_shrink(before, &snapshot.stock, config.max_shrink_pct)?;
        }
        Ok(snapshot)
    });
    match &checked {
        Ok(snapshot) => telemetry::snapshot_loaded(WallTime(snapshot.newest.0), snapshot.stock.open() as u64),
        Err(_) => telemetry::snapshot_refused(),
    }
    checked.map(Some)
}

/// Reads a directory whole; `own` says whose records to keep.
pub fn read(dir: &Path, own: impl Fn(&str) -> bool) -> Result<Snapshot, SnapshotError> {
    let mut records: Vec<(i64, i64, Record)> = Vec::new();
    let mut latest: FxHashMap<u64, (i64, Option<Day>)> = FxHashMap::default();
    let mut newest = KnownTime::MIN;
    for table in Feed::Permits.tables() {
        let file = TableFile { table, path: dir.join(format!("{}.parquet", table.name())) };
        file.read(|arrival_no, record| {
            newest = newest.max(record.known_time);
            if table == TableId::Permits {
                note_permit(&mut latest, &record);
            }
            if own(&record.subject) {
                records.push((record.known_time.0, arrival_no, record));
            }
        })?;
    }
    if latest.is_empty() {
        return Err(SnapshotError::Empty { dir: dir.display().to_string() });
    }
    records.sort_by_key(|(known, arrival_no, record)| (*known, *arrival_no, record.table.index()));
    let ends = latest.into_iter().map(|(permit, (_, end))| (permit, end)).collect();
    Ok(Snapshot {
        records: records.into_iter().map(|(_, _, record)| record).collect(),
        stock: Stock { ends, as_of: Some(newest.day()) },
        newest,
        name: dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
    })
}

/// Keeps the end of the greatest version; a retracted permit ended on the day on which that became known.
fn note_permit(latest: &mut FxHashMap<u64, (i64, Option<Day>)>, record: &Record) {
    let day = |name| match TableId::Permits.def().column(name).and_then(|(at, _)| record.values.get(at)) {
        Some(Value::Day(day)) => Some(Day(*day)),
        _ => None,
    };
    let end = match (record.op, day("valid_to"), day("ended_on")) {
        (Op::Retract, ..) => Some(Day(record.known_time.day().0 - 1)),
        (_, Some(to), Some(ended)) => Some(to.min(ended)),
        (_, to, ended) => to.or(ended),
    };
    let permit = hash_key(&format!("{}\u{1}{}", record.subject, record.record_key));
    let slot = latest.entry(permit).or_insert((i64::MIN, None));
    if record.version >= slot.0 {
        *slot = (record.version, end);
    }
}

/// One table of a snapshot.
struct TableFile {
    table: TableId,
    path: PathBuf,
}

impl TableFile {
    fn read(&self, mut each: impl FnMut(i64, Record)) -> Result<(), SnapshotError> {
        let file = File::open(&self.path).map_err(|error| self.failed(&error))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| self.failed(&error))?;
        let reader = reader.with_batch_size(8_192).build().map_err(|error| self.failed(&error))?;
        let mut first = 0;
        for batch in reader {
            let batch = batch.map_err(|error| self.failed(&error))?;
            let columns = self.columns(&batch)?;
            for row in 0..batch.num_rows() {
                let (arrival_no, record) = self.record(&columns, row).map_err(|message| SnapshotError::Row {
                    file: self.path.display().to_string(),
                    row: first + row,
                    message,
                })?;
                each(arrival_no, record);
            }
            first += batch.num_rows();
        }
        Ok(())
    }

    /// The columns in the order of the file schema. A type that holds the same values (such as LargeUtf8) is taken.
    fn columns(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>, SnapshotError> {
        let schema = self.table.def().file_schema();
        let column = |field: &Arc<arrow::datatypes::Field>| {
            let found = batch.column_by_name(field.name());
            let cast = found.and_then(|column| arrow::compute::cast(column, field.data_type()).ok());
            cast.ok_or_else(|| SnapshotError::Column {
                file: self.path.display().to_string(),
                column: field.name().clone(),
                wanted: field.data_type().to_string(),
            })
        };
        schema.fields().iter().map(column).collect()
    }

    /// One row as a record, checked as if it had come as a message.
    fn record(&self, columns: &[ArrayRef], row: usize) -> Result<(i64, Record), String> {
        let subject = text(columns, 0, row).ok_or("person_id is null")?;
        let at = |index: usize| 1 + index;
        let own = at(ENVELOPE.len()) + 2;
        let known_time = KnownTime(instant(columns, own - 2, row).ok_or("known_time is null")?);
        let arrival_no = int(columns, own - 1, row).ok_or("arrival_no is null")?;
        let need = |index: usize| format!("{} is null", ENVELOPE[index].name);
        let op = text(columns, at(3), row).and_then(Op::from_name).ok_or("op is none of upsert, correct, retract")?;
        let table_columns = self.table.def().columns.iter().enumerate();
        let values = table_columns.map(|(index, column)| value(columns, own + index, row, column.ty)).collect();
        let record = Record {
            table: self.table,
            subject: subject.into(),
            schema_ver: int(columns, at(0), row).ok_or_else(|| need(0))?,
            record_key: text(columns, at(1), row).ok_or_else(|| need(1))?.into(),
            version: int(columns, at(2), row).ok_or_else(|| need(2))?,
            op,
            event_time: EventTime(instant(columns, at(4), row).ok_or_else(|| need(4))?),
            registered_at: instant(columns, at(5), row).ok_or_else(|| need(5))?,
            source: text(columns, at(6), row).ok_or_else(|| need(6))?.into(),
            purpose: text(columns, at(7), row).ok_or_else(|| need(7))?.into(),
            secrecy_class: int(columns, at(8), row).ok_or_else(|| need(8))?,
            known_time,
            values,
        };
        Ok((arrival_no, checked(&record)?))
    }

    fn failed(&self, error: &dyn std::error::Error) -> SnapshotError {
        SnapshotError::File { file: self.path.display().to_string(), message: error.to_string() }
    }
}

/// What the decoder would make of it: the same checks, so that a snapshot brings in nothing that the topic could not.
fn checked(record: &Record) -> Result<Record, String> {
    let message = Message {
        feed: Feed::Permits,
        partition: 0,
        offset: Offset(0),
        known_time: record.known_time,
        key: Some(record.subject.as_bytes().into()),
        payload: Some(encode(record).into_boxed_slice()),
        sent_at: None,
    };
    match decode(&message, usize::MAX) {
        Ok(decoded) => Ok(decoded.record),
        Err(bad) => Err(format!("{}: {}", bad.reason.name(), bad.detail)),
    }
}

fn text(columns: &[ArrayRef], column: usize, row: usize) -> Option<&str> {
    let array = columns.get(column)?.as_string_opt::<i32>()?;
    (!array.is_null(row)).then(|| array.value(row))
}

fn int(columns: &[ArrayRef], column: usize, row: usize) -> Option<i64> {
    let array = columns.get(column)?.as_primitive_opt::<Int64Type>()?;
    (!array.is_null(row)).then(|| array.value(row))
}

fn instant(columns: &[ArrayRef], column: usize, row: usize) -> Option<i64> {
    let array = columns.get(column)?.as_primitive_opt::<TimestampMicrosecondType>()?;
    (!array.is_null(row)).then(|| array.value(row))
}

fn value(columns: &[ArrayRef], column: usize, row: usize, ty: ColumnType) -> Value {
    let Some(array) = columns.get(column).filter(|array| !array.is_null(row)) else { return Value::Null };
    let value = match ty {
        ColumnType::Int | ColumnType::Sek => int(columns, column, row).map(Value::Int),
        ColumnType::Timestamp => instant(columns, column, row).map(Value::Instant),
        ColumnType::Date | ColumnType::Month => {
            array.as_primitive_opt::<Date32Type>().map(|days| Value::Day(days.value(row)))
        }
        ColumnType::Bool => array.as_boolean_opt().map(|bools| Value::Bool(bools.value(row))),
        ColumnType::CodeList => array.as_list_opt::<i32>().map(|lists| {
            let items = lists.value(row);
            let items = items.as_string_opt::<i32>();
            Value::List(items.into_iter().flatten().flatten().map(Into::into).collect())
        }),
        _ => text(columns, column, row).map(|text| Value::Text(text.into())),
    };
    value.unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests;
