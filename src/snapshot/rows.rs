//! The rows of a snapshot's files as they stand there, in columns: read by row group, on as many threads as there are, and checked
//! on the way.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Int64Type, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use super::SnapshotError;
use super::checks::{
    ARRIVAL_NO, EVENT_TIME, KNOWN_TIME, OP, OWN, PURPOSE, RECORD_KEY, REGISTERED_AT, ROW_VERSION, SECRECY_CLASS,
    SOURCE, SUBJECT, check,
};
use crate::decode::SCHEMA_VERSION;
use crate::partition::partition_of;
use crate::record::{Op, Record, Value};
use crate::schema::{Column, ColumnType, Feed, TableId};
use crate::time::{Day, EventTime, KnownTime};

/// Some rows of a table, good ones, in the order of the file.
#[derive(Debug)]
pub(super) struct Rows {
    pub table: TableId,
    columns: Vec<ArrayRef>,
    /// By column of the table's own, whether any row has a value.
    filled: Vec<bool>,
    /// The shard that each belongs to.
    pub shards: Vec<i32>,
}

/// One row group of one file.
struct Part<'a> {
    file: &'a TableFile,
    group: usize,
    /// Number of its first row in the file.
    first: usize,
}

struct TableFile {
    table: TableId,
    path: PathBuf,
    metadata: ArrowReaderMetadata,
}

/// Reads all tables of a directory. Of several faults the first is told, by table and row.
pub(super) fn read(dir: &Path, partitions: i32) -> Result<Vec<Rows>, SnapshotError> {
    let files = Feed::Permits.tables().map(|table| TableFile::open(dir, table)).collect::<Result<Vec<_>, _>>()?;
    let mut parts = Vec::new();
    for file in &files {
        let mut first = 0;
        for (group, about) in file.metadata.metadata().row_groups().iter().enumerate() {
            parts.push(Part { file, group, first });
            first += usize::try_from(about.num_rows()).unwrap_or(0);
        }
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((at, part)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, parts.get(at)?)))
        {
            done.push((at, part.read(partitions)));
        }
        done
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(parts.len())).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            done.extend(other.join().map_err(|_| SnapshotError::Panic)?);
        }
        Ok(done)
    })?;
    done.sort_by_key(|(at, _)| *at);
    let mut rows = Vec::new();
    for (_, read) in done {
        rows.extend(read?);
    }
    Ok(rows)
}

impl TableFile {
    fn open(dir: &Path, table: TableId) -> Result<TableFile, SnapshotError> {
        let path = dir.join(format!("{}.parquet", table.name()));
        let failed = |error: &dyn std::error::Error| file_error(&path, error);
        let file = File::open(&path).map_err(|error| failed(&error))?;
        let metadata =
            ArrowReaderMetadata::load(&file, ArrowReaderOptions::default()).map_err(|error| failed(&error))?;
        Ok(TableFile { table, path, metadata })
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
}

impl Part<'_> {
    fn read(&self, partitions: i32) -> Result<Vec<Rows>, SnapshotError> {
        let failed = |error: &dyn std::error::Error| file_error(&self.file.path, error);
        let file = File::open(&self.file.path).map_err(|error| failed(&error))?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.file.metadata.clone());
        let reader = reader.with_row_groups(vec![self.group]).with_batch_size(65_536).build();
        let mut first = self.first;
        let mut parts = Vec::new();
        for batch in reader.map_err(|error| failed(&error))? {
            let batch = batch.map_err(|error| failed(&error))?;
            let columns = self.file.columns(&batch)?;
            check(self.file.table, &columns).map_err(|(row, message)| SnapshotError::Row {
                file: self.file.path.display().to_string(),
                row: first + row,
                message,
            })?;
            let subjects = columns[SUBJECT].as_string::<i32>();
            let shards = (0..subjects.len()).map(|row| partition_of(subjects.value(row).as_bytes(), partitions));
            let shards = shards.collect();
            parts.push(Rows::new(self.file.table, columns, shards));
            first += batch.num_rows();
        }
        Ok(parts)
    }
}

fn file_error(path: &Path, error: &dyn std::error::Error) -> SnapshotError {
    SnapshotError::File { file: path.display().to_string(), message: error.to_string() }
}

impl Rows {
    #[cfg(test)]
    pub fn of(table: TableId, columns: Vec<ArrayRef>) -> Rows {
        let shards = vec![0; columns[SUBJECT].len()];
        Rows::new(table, columns, shards)
    }

    fn new(table: TableId, columns: Vec<ArrayRef>, shards: Vec<i32>) -> Rows {
        let filled = columns[OWN..].iter().map(|column| column.null_count() < column.len()).collect();
        Rows { table, columns, filled, shards }
    }

    pub fn len(&self) -> usize {
        self.shards.len()
    }

    pub fn known_time(&self, row: usize) -> i64 {
        instant(&self.columns, KNOWN_TIME, row).unwrap_or_default()
    }

    pub fn arrival_no(&self, row: usize) -> i64 {
        int(&self.columns, ARRIVAL_NO, row).unwrap_or_default()
    }

    pub fn subject(&self, row: usize) -> &str {
        text(&self.columns, SUBJECT, row).unwrap_or_default()
    }

    pub fn record_key(&self, row: usize) -> &str {
        text(&self.columns, RECORD_KEY, row).unwrap_or_default()
    }

    pub fn version(&self, row: usize) -> i64 {
        int(&self.columns, ROW_VERSION, row).unwrap_or_default()
    }

    /// A row that was checked has each of the envelope's values.
    pub fn op(&self, row: usize) -> Op {
        text(&self.columns, OP, row).and_then(Op::from_name).unwrap_or(Op::Upsert)
    }

    /// A day of one of the table's own columns.
    pub fn day(&self, name: &str, row: usize) -> Option<Day> {
        let (column, _) = self.table.def().column(name)?;
        let days = self.columns.get(OWN + column)?.as_primitive_opt::<Date32Type>()?;
        (!days.is_null(row)).then(|| Day(days.value(row)))
    }

    pub fn record(&self, row: usize) -> Record {
        let columns = &self.columns;
        let op = self.op(row);
        let own = self.table.def().columns.iter().zip(&columns[OWN..]).zip(&self.filled);
        let value = |((column, array), filled): ((&Column, &ArrayRef), &bool)| match filled {
            true => value(array, row, column.ty),
            false => Value::Null,
        };
        let mut values: Vec<Value> = own.map(value).collect();
        if op == Op::Retract && values.iter().all(|value| *value == Value::Null) {
            values.clear();
        }
        Record {
            table: self.table,
            subject: self.subject(row).into(),
            schema_ver: SCHEMA_VERSION,
            record_key: self.record_key(row).into(),
            version: self.version(row),
            op,
            event_time: EventTime(instant(columns, EVENT_TIME, row).unwrap_or_default()),
            registered_at: instant(columns, REGISTERED_AT, row).unwrap_or_default(),
            source: text(columns, SOURCE, row).unwrap_or_default().into(),
            purpose: text(columns, PURPOSE, row).unwrap_or_default().into(),
            secrecy_class: int(columns, SECRECY_CLASS, row).unwrap_or_default(),
            known_time: KnownTime(self.known_time(row)),
            values,
        }
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

fn value(array: &ArrayRef, row: usize, ty: ColumnType) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    let value = match ty {
        ColumnType::Int | ColumnType::Sek => {
            array.as_primitive_opt::<Int64Type>().map(|numbers| Value::Int(numbers.value(row)))
        }
        ColumnType::Timestamp => {
            array.as_primitive_opt::<TimestampMicrosecondType>().map(|instants| Value::Instant(instants.value(row)))
        }
        ColumnType::Date => array.as_primitive_opt::<Date32Type>().map(|days| Value::Day(days.value(row))),
        ColumnType::Month => array.as_primitive_opt::<Date32Type>().map(|days| {
            let day = Day(days.value(row));
            Value::Day(day.first_of_month().unwrap_or(day).0)
        }),
        ColumnType::Bool => array.as_boolean_opt().map(|bools| Value::Bool(bools.value(row))),
        ColumnType::CodeList => array.as_list_opt::<i32>().map(|lists| {
            let items = lists.value(row);
            let items = items.as_string_opt::<i32>();
            Value::List(items.into_iter().flatten().flatten().map(Into::into).collect())
        }),
        _ => array.as_string_opt::<i32>().map(|texts| Value::Text(texts.value(row).into())),
    };
    value.unwrap_or(Value::Null)
}
