//! The recorded tables: `<dir>/parquet/<table>.parquet`, and `clocks.parquet` beside them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{filter_record_batch, max};
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use thiserror::Error;

use crate::clock::FeedSet;
use crate::decode::columns::{Faults, check, check_clocks};
use crate::decode::exact::{self, Wanted};
use crate::schema::{Feed, TableId, clock_file_schema};
use crate::snapshot::told;
use crate::source::files::{Recorded, ndjson_path, say_absent, strays};
use crate::time::KnownTime;

/// Name of the file that says when feeds spoke without a record.
pub const CLOCKS: &str = "clocks";

/// Why recorded tables cannot be used.
#[derive(Debug, Error)]
pub enum TableError {
    #[error("cannot read recorded table {file}: {message}")]
    File { file: String, message: String },
    #[error("recorded tables refused: {}", told(.0))]
    Faults(Vec<(String, Faults)>),
    #[error("a thread that read recorded tables panicked")]
    Panic,
}

/// The tables of a recording.
#[derive(Debug)]
pub struct Tables {
    /// By table.
    tables: Vec<Vec<RecordBatch>>,
    clocks: Vec<RecordBatch>,
}

impl Tables {
    /// Reads every table of the feeds that the recording has.
    pub fn read(recorded: Recorded<'_>) -> Result<Tables, TableError> {
        check_there(recorded)?;
        let mut files: Vec<Recording> =
            recorded.feeds().flat_map(|feed| feed.tables()).map(|table| Recording::of(recorded, table)).collect();
        if table_path(recorded.dir, CLOCKS).exists() {
            files.push(Recording::of_clocks(recorded));
        }
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            while let Some((at, file)) =
                Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, files.get(at)?)))
            {
                done.push((at, file.read()));
            }
            done
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let mut done = std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads.min(files.len())).map(|_| scope.spawn(work)).collect();
            let mut done = work();
            for other in others {
                done.extend(other.join().map_err(|_| TableError::Panic)?);
            }
            Ok::<_, TableError>(done)
        })?;
        done.sort_by_key(|(at, _)| *at);
        let mut out = Tables { tables: vec![Vec::new(); TableId::COUNT], clocks: Vec::new() };
        let mut refused = Vec::new();
        for (at, read) in done {
            let (batches, faults) = read?;
            if !faults.is_empty() {
                refused.push((files[at].path.display().to_string(), faults));
            }
            match files[at].table {
                Some(table) => out.tables[table.index()] = batches,
                None => out.clocks = batches.iter().map(|batch| without(batch, recorded.absent)).collect(),
            }
        }
        if refused.is_empty() { Ok(out) } else { Err(TableError::Faults(refused)) }
    }

    pub fn of(&self, table: TableId) -> Vec<RecordBatch> {
        self.tables[table.index()].clone()
    }

    pub fn clocks(&self) -> Vec<RecordBatch> {
        self.clocks.clone()
    }

    /// The greatest known time in all of them.
    pub fn last_known_time(&self) -> Option<KnownTime> {
        let known = self.tables.iter().flatten().chain(&self.clocks).filter_map(|batch| {
            let times = batch.column_by_name("known_time")?.as_primitive_opt::<TimestampMicrosecondType>()?;
            max(times)
        });
        known.max().map(KnownTime)
    }
}

/// Clocks but for those of feeds that are absent: of such a feed nothing is known, whatever its clock says.
fn without(clocks: &RecordBatch, absent: FeedSet) -> RecordBatch {
    let is_kept = |name: Option<&str>| Some(!absent.contains(Feed::from_name(name?)?));
    let kept: Option<BooleanArray> =
        clocks.column(0).as_string_opt::<i32>().map(|feeds| feeds.iter().map(is_kept).collect());
    let clocks_kept = kept.and_then(|kept| filter_record_batch(clocks, &kept).ok());
    clocks_kept.unwrap_or_else(|| RecordBatch::new_empty(clocks.schema()))
}

/// Every table is there, if only as an empty file.
pub fn check_there(recorded: Recorded<'_>) -> Result<(), TableError> {
    let dir = recorded.dir.join("parquet");
    if !dir.is_dir() {
        let message = "no such directory; the tables of a recording are DIR/parquet/<table>.parquet".to_owned();
        return Err(TableError::File { file: dir.display().to_string(), message });
    }
    for feed in recorded.feeds() {
        let missing: Vec<TableId> =
            feed.tables().filter(|table| !table_path(recorded.dir, table.name()).exists()).collect();
        let Some(first) = missing.first() else { continue };
        let mut message = "it is not there".to_owned();
        if missing.len() > 1 {
            let others: Vec<&str> = missing[1..].iter().map(|table| table.name()).collect();
            message.push_str(&format!(", nor the tables {}", others.join(", ")));
        }
        let strays: Vec<String> = stray_tables(recorded)
            .iter()
            .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
            .collect();
        if !strays.is_empty() {
            message.push_str(&format!("; beside it, no table's name: {}", strays.join(", ")));
        }
        message.push_str(&format!("; {}", say_absent(feed)));
        return Err(TableError::File { file: table_path(recorded.dir, first.name()).display().to_string(), message });
    }
    Ok(())
}

/// Files in the directory of recorded tables that are none of them.
pub fn stray_tables(recorded: Recorded<'_>) -> Vec<PathBuf> {
    let is_table = |name: &str| {
        let stem = name.strip_suffix(".parquet").unwrap_or_default();
        stem == CLOCKS || TableId::from_name(stem).is_some_and(|table| !table.is_link())
    };
    strays(&recorded.dir.join("parquet"), is_table)
}

/// A file that a recording has of a feed.
pub fn recorded_file(dir: &Path, feed: Feed) -> Option<PathBuf> {
    let tables = feed.tables().map(|table| table_path(dir, table.name()));
    std::iter::once(ndjson_path(dir, feed)).chain(tables).find(|path| path.exists())
}

pub fn table_path(dir: &Path, table: &str) -> PathBuf {
    dir.join("parquet").join(format!("{table}.parquet"))
}

/// One file.
struct Recording {
    /// `None`: the clocks.
    table: Option<TableId>,
    path: PathBuf,
    schema: SchemaRef,
    wanted: Vec<Wanted>,
}

impl Recording {
    fn of(recorded: Recorded<'_>, table: TableId) -> Recording {
        let path = table_path(recorded.dir, table.name());
        Recording { table: Some(table), path, schema: table.def().file_schema(), wanted: exact::wanted(table) }
    }

    fn of_clocks(recorded: Recorded<'_>) -> Recording {
        let path = table_path(recorded.dir, CLOCKS);
        Recording { table: None, path, schema: clock_file_schema(), wanted: exact::wanted_of_clocks() }
    }

    /// Its rows, as far as they are good, and what would not pass.
    fn read(&self) -> Result<(Vec<RecordBatch>, Faults), TableError> {
        let failed = |message: String| TableError::File { file: self.path.display().to_string(), message };
        let file = File::open(&self.path).map_err(|error| failed(error.to_string()))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| failed(error.to_string()))?;
        let has_rows = reader.metadata().file_metadata().num_rows() > 0;
        let empty = RecordBatch::new_empty(Arc::clone(reader.schema()));
        let reader = reader.with_batch_size(65_536).build().map_err(|error| failed(error.to_string()))?;
        // Of a file without rows the columns are looked at all the same.
        let none = (!has_rows).then_some(Ok(empty));
        let (mut batches, mut faults, mut first) = (Vec::new(), Faults::default(), 0);
        for batch in none.into_iter().chain(reader) {
            let batch = batch.map_err(|error| failed(error.to_string()))?;
            let mut found = Faults::default();
            let columns = exact::columns(&self.wanted, &batch, |_| false, &mut found);
            match self.table {
                Some(table) => check(table, &columns, &mut found),
                None => check_clocks(&columns, &mut found),
            }
            let columns: Option<Vec<ArrayRef>> = columns.into_iter().collect();
            match columns.filter(|_| found.is_empty()) {
                Some(columns) => {
                    let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns);
                    batches.push(batch.map_err(|error| failed(error.to_string()))?);
                }
                None => faults.add(first, found),
            }
            first += batch.num_rows();
        }
        Ok((batches, faults))
    }
}

#[cfg(test)]
mod tests;
