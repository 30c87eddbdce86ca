//! The rows of a snapshot's files in columns, as the files have them: read by row group, on all cores, and checked on the way.
//!
//! A column with repeating texts stays dictionary-coded: each text once, with a number in each row.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use super::{Ending, SnapshotError, endings};
use crate::decode::columns::{Faults, check};
use crate::decode::exact::{self, Wanted};
use crate::model::partition::partition_of;
use crate::model::record::rows::{OP, OWN, PURPOSE, RecordRows, SOURCE};
use crate::model::schema::{ColumnType, Feed, TableId};
use crate::model::time::KnownTime;

/// Some good rows of a file, in its order.
#[derive(Debug)]
pub(super) struct Part {
    pub rows: RecordRows,
    /// By shard: which of them belong to it.
    pub own: Vec<Vec<u32>>,
    /// By shard: the number of runs of rows about one person.
    pub runs: Vec<usize>,
    pub newest: KnownTime,
    /// When the permits in these rows end.
    pub endings: Vec<Ending>,
}

/// One row group of one file.
struct RowGroup<'a> {
    file: &'a TableFile,
    group: usize,
    /// Number of the group's first row in the file.
    first: usize,
}

struct TableFile {
    table: TableId,
    wanted: Vec<Wanted>,
    path: PathBuf,
    metadata: ArrowReaderMetadata,
}

/// Reads all tables of a directory. Faults are reported by table, row and column.
pub(super) fn read(dir: &Path, partitions: i32) -> Result<Vec<Part>, SnapshotError> {
    let files = Feed::Permits.tables().map(|table| TableFile::open(dir, table)).collect::<Result<Vec<_>, _>>()?;
    let mut groups = Vec::new();
    for file in &files {
        let mut first = 0;
        for (group, about) in file.metadata.metadata().row_groups().iter().enumerate() {
            groups.push(RowGroup { file, group, first });
            first += usize::try_from(about.num_rows()).unwrap_or(0);
        }
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((at, group)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, groups.get(at)?)))
        {
            done.push((at, group, group.read(partitions)));
        }
        done
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(groups.len())).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            done.extend(other.join().map_err(|_| SnapshotError::Panic)?);
        }
        Ok(done)
    })?;
    done.sort_by_key(|(at, ..)| *at);
    let mut parts = Vec::new();
    let mut faults: Vec<(String, Faults)> = Vec::new();
    for (_, group, read) in done {
        let (read, found) = read?;
        parts.extend(read);
        if found.is_empty() {
            continue;
        }
        let file = group.file.path.display().to_string();
        match faults.last_mut().filter(|(known, _)| *known == file) {
            Some((_, faults)) => faults.add(0, found),
            None => faults.push((file, found)),
        }
    }
    if faults.is_empty() { Ok(parts) } else { Err(SnapshotError::Faults(faults)) }
}

impl TableFile {
    fn open(dir: &Path, table: TableId) -> Result<TableFile, SnapshotError> {
        let path = dir.join(format!("{}.parquet", table.name()));
        let failed = |error: &dyn std::error::Error| file_error(&path, error);
        let file = File::open(&path).map_err(|error| failed(&error))?;
        let plain = ArrowReaderMetadata::load(&file, ArrowReaderOptions::default()).map_err(|error| failed(&error))?;
        let coded = ArrowReaderOptions::default().with_schema(Arc::new(with_codes(plain.schema(), table)));
        // A file with texts of other types is read as it is, and converted afterwards.
        let metadata = ArrowReaderMetadata::try_new(Arc::clone(plain.metadata()), coded).unwrap_or(plain);
        Ok(TableFile { table, wanted: exact::wanted(table), path, metadata })
    }
}

/// The file's own schema, except that columns with repeating texts are dictionary-coded.
fn with_codes(own: &Schema, table: TableId) -> Schema {
    let wanted = table.def().file_schema();
    let field = |field: &Arc<Field>| match wanted.index_of(field.name()) {
        Ok(at) if repeats(table, at) && *field.data_type() == DataType::Utf8 => {
            Arc::new(field.as_ref().clone().with_data_type(exact::dictionary()))
        }
        _ => Arc::clone(field),
    };
    Schema::new_with_metadata(own.fields().iter().map(field).collect::<Vec<_>>(), own.metadata().clone())
}

/// Whether a column's texts repeat: codes, and the employers and schools that rows name.
fn repeats(table: TableId, at: usize) -> bool {
    let own = at.checked_sub(OWN).and_then(|at| table.def().columns.get(at));
    matches!(own.map(|column| column.ty), Some(ColumnType::Code | ColumnType::Employer | ColumnType::Institution))
        || [OP, SOURCE, PURPOSE].contains(&at)
}

impl Part {
    fn new(rows: RecordRows, partitions: i32) -> Part {
        let mut own = vec![Vec::new(); usize::try_from(partitions).unwrap_or(0).max(1)];
        let mut runs = vec![0; own.len()];
        let mut last: Option<(&str, usize)> = None;
        for row in 0..rows.len() {
            let subject = rows.subject(row);
            // Adjacent rows are often about the same person.
            let shard = match last {
                Some((before, shard)) if before == subject => shard,
                _ => {
                    let shard = partition_of(subject.as_bytes(), partitions) as usize;
                    runs[shard] += 1;
                    shard
                }
            };
            last = Some((subject, shard));
            own[shard].push(row as u32);
        }
        let newest = (0..rows.len()).map(|row| KnownTime(rows.known_time(row))).fold(KnownTime::MIN, KnownTime::max);
        let endings = endings(&rows);
        Part { rows, own, runs, newest, endings }
    }
}

impl RowGroup<'_> {
    /// The group's rows, as far as they are good, and the faults.
    fn read(&self, partitions: i32) -> Result<(Vec<Part>, Faults), SnapshotError> {
        let failed = |error: &dyn std::error::Error| file_error(&self.file.path, error);
        let file = File::open(&self.file.path).map_err(|error| failed(&error))?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.file.metadata.clone());
        let reader = reader.with_row_groups(vec![self.group]).with_batch_size(65_536).build();
        let mut first = self.first;
        let (mut parts, mut faults) = (Vec::new(), Faults::default());
        for batch in reader.map_err(|error| failed(&error))? {
            let batch = batch.map_err(|error| failed(&error))?;
            let (table, mut found) = (self.file.table, Faults::default());
            let columns = exact::columns(&self.file.wanted, &batch, |at| repeats(table, at), &mut found);
            check(table, &columns, &mut found);
            let columns: Option<Vec<ArrayRef>> = columns.into_iter().collect();
            match columns.filter(|_| found.is_empty()) {
                Some(columns) => parts.push(Part::new(RecordRows::new(table, &columns), partitions)),
                None => faults.add(first, found),
            }
            first += batch.num_rows();
        }
        Ok((parts, faults))
    }
}

fn file_error(path: &Path, error: &dyn std::error::Error) -> SnapshotError {
    SnapshotError::File { file: path.display().to_string(), message: error.to_string() }
}
