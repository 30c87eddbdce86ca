//! Recorded tables: `<dir>/parquet/<table>.parquet`, and `clocks.parquet` beside them.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{filter_record_batch, max};
use arrow::datatypes::{Int64Type, SchemaRef, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use thiserror::Error;

use crate::decode::columns::{Faults, check, check_clocks, check_known};
use crate::decode::exact::{self, Wanted};
use crate::model::schema::{Feed, TableId, clock_file_schema};
use crate::model::sets::FeedSet;
use crate::model::time::KnownTime;
use crate::snapshot::told;
use crate::source::files::{Recorded, ndjson_path, no_folder, say_absent, strays};

/// Name of the file with the feeds' clock messages.
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
        if refused.is_empty() {
            refused = out.falling(&files);
        }
        if refused.is_empty() { Ok(out) } else { Err(TableError::Faults(refused)) }
    }

    /// Rows with a lesser known time than an earlier message of their feed. In a topic known times never fall, so such rows would
    /// claim that a detector knew something earlier than it could have.
    fn falling(&self, files: &[Recording]) -> Vec<(String, Faults)> {
        let mut refused = Vec::new();
        for feed in Feed::SOURCES {
            let mut found: BTreeMap<usize, Faults> = BTreeMap::new();
            let mut lanes: Vec<Arrivals<'_>> = feed.tables().map(|table| Arrivals::of(table, self)).collect();
            let mut latest = i64::MIN;
            let first = |lanes: &[Arrivals<'_>]| {
                let heads = lanes.iter().enumerate().filter_map(|(at, lane)| Some((lane.head()?, at)));
                heads.min_by_key(|(head, _)| head.number)
            };
            while let Some((head, lane)) = first(&lanes) {
                lanes[lane].next += 1;
                if head.known_time < latest {
                    let words = || {
                        "known_time falls: a message of the feed that arrived before it became known after it"
                            .to_owned()
                    };
                    found.entry(lanes[lane].table.index()).or_default().note(Some(head.row), "known_time", words);
                }
                latest = latest.max(head.known_time);
            }
            for (table, faults) in found {
                let file = files.iter().find(|file| file.table.is_some_and(|own| own.index() == table));
                refused.extend(file.map(|file| (file.path.display().to_string(), faults)));
            }
        }
        refused
    }

    pub fn of(&self, table: TableId) -> Vec<RecordBatch> {
        self.tables[table.index()].clone()
    }

    pub fn clocks(&self) -> Vec<RecordBatch> {
        self.clocks.clone()
    }

    /// Whether the recording has a file of clock messages.
    pub fn has_clocks(&self) -> bool {
        !self.clocks.is_empty()
    }

    /// The greatest known time in all tables.
    pub fn last_known_time(&self) -> Option<KnownTime> {
        let known = self.tables.iter().flatten().chain(&self.clocks).filter_map(|batch| {
            let times = batch.column_by_name("known_time")?.as_primitive_opt::<TimestampMicrosecondType>()?;
            max(times)
        });
        known.max().map(KnownTime)
    }
}

/// The rows of a table in the order of arrival.
struct Arrivals<'a> {
    table: TableId,
    /// Message numbers and known times, batch by batch; and the number of each batch's first row.
    batches: Vec<(&'a [i64], &'a [i64])>,
    begins: Vec<usize>,
    rows: usize,
    /// Rows in the order of message numbers; `None` if they are in that order already.
    order: Option<Vec<usize>>,
    next: usize,
}

struct Arrival {
    number: i64,
    known_time: i64,
    row: usize,
}

impl<'a> Arrivals<'a> {
    fn of(table: TableId, tables: &'a Tables) -> Arrivals<'a> {
        let mut out = Arrivals { table, batches: Vec::new(), begins: Vec::new(), rows: 0, order: None, next: 0 };
        for batch in &tables.tables[table.index()] {
            let numbers = batch.column_by_name("arrival_no").and_then(|array| array.as_primitive_opt::<Int64Type>());
            let times = batch
                .column_by_name("known_time")
                .and_then(|array| array.as_primitive_opt::<TimestampMicrosecondType>());
            if let (Some(numbers), Some(times)) = (numbers, times) {
                out.batches.push((numbers.values(), times.values()));
                out.begins.push(out.rows);
                out.rows += batch.num_rows();
            }
        }
        if !out.batches.iter().flat_map(|(numbers, _)| *numbers).is_sorted() {
            let mut order: Vec<usize> = (0..out.rows).collect();
            order.sort_by_key(|row| out.at(*row).number);
            out.order = Some(order);
        }
        out
    }

    fn at(&self, row: usize) -> Arrival {
        let batch = self.begins.partition_point(|begin| *begin <= row) - 1;
        let ((numbers, times), within) = (self.batches[batch], row - self.begins[batch]);
        Arrival { number: numbers[within], known_time: times[within], row }
    }

    fn head(&self) -> Option<Arrival> {
        let row = match &self.order {
            Some(order) => *order.get(self.next)?,
            None => Some(self.next).filter(|row| *row < self.rows)?,
        };
        Some(self.at(row))
    }
}

/// The clock messages without those of absent feeds: of such a feed nothing is known, whatever its clock says.
fn without(clocks: &RecordBatch, absent: FeedSet) -> RecordBatch {
    let is_kept = |name: Option<&str>| Some(!absent.contains(Feed::from_name(name?)?));
    let kept: Option<BooleanArray> =
        clocks.column(0).as_string_opt::<i32>().map(|feeds| feeds.iter().map(is_kept).collect());
    let clocks_kept = kept.and_then(|kept| filter_record_batch(clocks, &kept).ok());
    clocks_kept.unwrap_or_else(|| RecordBatch::new_empty(clocks.schema()))
}

/// Checks that every table has a file, if only an empty one.
pub fn check_there(recorded: Recorded<'_>) -> Result<(), TableError> {
    let dir = recorded.dir.join("parquet");
    if let Some(why) = no_folder(&dir) {
        let message = format!("{why}; the tables of a recording are DIR/parquet/<table>.parquet");
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
        let is_absent = missing.len() == feed.tables().count() && !ndjson_path(recorded.dir, feed).exists();
        let advice =
            if is_absent { say_absent(feed) } else { "a table without records is a Parquet file without rows".into() };
        message.push_str(&format!("; {advice}"));
        return Err(TableError::File { file: table_path(recorded.dir, first.name()).display().to_string(), message });
    }
    Ok(())
}

/// Files in the directory of recorded tables that are not tables.
pub fn stray_tables(recorded: Recorded<'_>) -> Vec<PathBuf> {
    let is_table = |name: &str| {
        let stem = name.strip_suffix(".parquet").unwrap_or_default();
        stem == CLOCKS || TableId::from_name(stem).is_some_and(|table| !table.is_link())
    };
    strays(&recorded.dir.join("parquet"), is_table)
}

/// A file of a feed that the recording has.
pub fn recorded_file(dir: &Path, feed: Feed) -> Option<PathBuf> {
    let tables = feed.tables().map(|table| table_path(dir, table.name()));
    std::iter::once(ndjson_path(dir, feed)).chain(tables).find(|path| path.exists())
}

pub fn table_path(dir: &Path, table: &str) -> PathBuf {
    dir.join("parquet").join(format!("{table}.parquet"))
}

/// One file.
struct Recording {
    /// `None`: the clock messages.
    table: Option<TableId>,
    path: PathBuf,
    schema: SchemaRef,
    wanted: Vec<Wanted>,
    /// The latest known time that can be true.
    until: KnownTime,
}

impl Recording {
    fn of(recorded: Recorded<'_>, table: TableId) -> Recording {
        let path = table_path(recorded.dir, table.name());
        Recording {
            table: Some(table),
            path,
            schema: table.def().file_schema(),
            wanted: exact::wanted(table),
            until: recorded.until,
        }
    }

    fn of_clocks(recorded: Recorded<'_>) -> Recording {
        let path = table_path(recorded.dir, CLOCKS);
        Recording {
            table: None,
            path,
            schema: clock_file_schema(),
            wanted: exact::wanted_of_clocks(),
            until: recorded.until,
        }
    }

    /// The rows, as far as they are good, and the faults.
    fn read(&self) -> Result<(Vec<RecordBatch>, Faults), TableError> {
        let failed = |message: String| TableError::File { file: self.path.display().to_string(), message };
        let file = File::open(&self.path).map_err(|error| failed(error.to_string()))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| failed(error.to_string()))?;
        let has_rows = reader.metadata().file_metadata().num_rows() > 0;
        let empty = RecordBatch::new_empty(Arc::clone(reader.schema()));
        let reader = reader.with_batch_size(65_536).build().map_err(|error| failed(error.to_string()))?;
        // The columns of a file without rows are checked too.
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
            check_known(self.table, &columns, self.until, &mut found);
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
