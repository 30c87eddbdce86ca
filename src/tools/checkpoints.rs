//! Looks at checkpoints without a detector: what is there, whether it is whole, and the records in it as recorded tables.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use thiserror::Error;

use crate::checkpoint::CheckpointError;
use crate::checkpoint::directory::{Directory, Generation};
use crate::checkpoint::manifest::Manifest;
use crate::checkpoint::reader::{Loaded, load};
use crate::history::History;
use crate::history::saved::Owned;
use crate::model::schema::{Feed, TableId, clock_file_schema};
use crate::output::OutFile;
use crate::pseudonyms::Pseudonyms;
use crate::tools::replay::tables::CLOCKS;

/// Rows of a batch and row group.
const BATCH_ROWS: usize = 65_536;

#[derive(Debug, Error)]
pub enum CheckpointsError {
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error("there is no checkpoint in {dir}")]
    None { dir: String },
    #[error("shard {shard} has no generation{} in {dir} that can be read", generation.map_or_else(String::new, |number| format!(" {number}")))]
    NoGeneration { shard: i32, generation: Option<u64>, dir: String },
    #[error(
        "{shard} of {partitions} shards has no checkpoint that can be read: an export without it would lack its persons; name the shards to export"
    )]
    Lacking { shard: i32, partitions: i32 },
    #[error("cannot write {file}: {message}")]
    Write { file: String, message: String },
}

/// The generations of every shard that has any, newest first.
pub fn all(root: &Path) -> Result<Vec<(i32, Vec<Generation>)>, CheckpointsError> {
    let shards = Directory::shards(root)?;
    if shards.is_empty() {
        return Err(CheckpointsError::None { dir: root.display().to_string() });
    }
    let generations = |shard: i32| Ok((shard, Directory::of(root, shard).generations()?));
    shards.into_iter().map(generations).collect()
}

/// The manifest of a generation, by default of the newest that can be read.
pub fn manifest(root: &Path, shard: i32, generation: Option<u64>) -> Result<Manifest, CheckpointsError> {
    let found = Directory::of(root, shard).generations()?;
    let wanted = |own: &Generation| generation.is_none_or(|number| own.number == number);
    let found = found.into_iter().filter(wanted).find_map(|own| own.into_manifest().ok());
    found.ok_or(CheckpointsError::NoGeneration { shard, generation, dir: root.display().to_string() })
}

/// Reads every byte of every generation, and with the keys of pseudonyms asks who wrote it; what is wrong with each that cannot be used.
pub fn verify(root: &Path, keys: Option<&Pseudonyms>) -> Result<(usize, Vec<CheckpointError>), CheckpointsError> {
    let (mut whole, mut damaged) = (0, Vec::new());
    for (shard, generations) in all(root)? {
        let directory = Directory::of(root, shard);
        for generation in generations {
            let manifest = match keys {
                Some(keys) => generation.sealed(keys),
                None => generation.into_manifest(),
            };
            match manifest.and_then(|manifest| load(&directory, manifest)).and_then(Loaded::history) {
                Ok(_) => whole += 1,
                Err(error) => damaged.push(error),
            }
        }
    }
    Ok((whole, damaged))
}

/// What an export has.
#[derive(Debug, Default)]
pub struct Exported {
    pub shards: usize,
    pub rows: u64,
}

/// Writes the records of the newest generation of the shards (by default of all) as recorded tables, in the form that `replay --mode batch`
/// reads: one Parquet file for each table, and the feeds' clocks.
pub fn export(root: &Path, shards: &[i32], out: &Path) -> Result<Exported, CheckpointsError> {
    let mut loaded: Vec<(History, Vec<(String, i64)>)> = Vec::new();
    let wanted: Vec<i32> = match shards {
        [] => {
            let found: Vec<i32> = all(root)?.iter().map(|(shard, _)| *shard).collect();
            let partitions =
                found.first().map_or(Ok(0), |shard| manifest(root, *shard, None).map(|own| own.partitions))?;
            if let Some(shard) = (0..partitions).find(|shard| !found.contains(shard)) {
                return Err(CheckpointsError::Lacking { shard, partitions });
            }
            found
        }
        named => named.to_vec(),
    };
    for shard in &wanted {
        let directory = Directory::of(root, *shard);
        let (history, state) = load(&directory, manifest(root, *shard, None)?)?.history()?;
        loaded.push((history, state.clocks));
    }
    let folder = out.join("parquet");
    let failed = |file: &Path, message: String| CheckpointsError::Write { file: file.display().to_string(), message };
    std::fs::create_dir_all(&folder).map_err(|error| failed(&folder, error.to_string()))?;
    let mut exported = Exported { shards: loaded.len(), rows: 0 };
    for table in TableId::ALL.into_iter().filter(|table| !table.is_link()) {
        let path = folder.join(format!("{}.parquet", table.name()));
        // Every shard has all that is about no person.
        let of = if table.is_person() { &loaded[..] } else { loaded.get(..1).unwrap_or_default() };
        let histories: Vec<&History> = of.iter().map(|(history, _)| history).collect();
        exported.rows += write_table(table, &histories, &path).map_err(|message| failed(&path, message))?;
    }
    let path = folder.join(format!("{CLOCKS}.parquet"));
    write_clocks(loaded.iter().flat_map(|(_, clocks)| clocks), &path).map_err(|message| failed(&path, message))?;
    Ok(exported)
}

fn writer(path: &Path, schema: arrow::datatypes::SchemaRef) -> Result<ArrowWriter<OutFile>, String> {
    let file = OutFile::create(path).map_err(|error| error.to_string())?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    ArrowWriter::try_new(file, schema, Some(properties)).map_err(|error| error.to_string())
}

fn write_table(table: TableId, histories: &[&History], path: &Path) -> Result<u64, String> {
    let schema = table.def().file_schema();
    let mut file = writer(path, Arc::clone(&schema))?;
    let mut written = 0;
    for history in histories {
        // A recording's known times rise; rows came in the order of several feeds.
        let mut rows = history.rows_of(table);
        rows.sort_by_key(|own| own.known);
        for rows in rows.chunks(BATCH_ROWS) {
            let columns = schema.fields().iter().map(|field| column(table, history, rows, field.name(), written));
            let batch =
                RecordBatch::try_new(Arc::clone(&schema), columns.collect()).map_err(|error| error.to_string())?;
            written += rows.len() as u64;
            file.write(&batch).map_err(|error| error.to_string())?;
        }
    }
    let file = file.into_inner().map_err(|error| error.to_string())?;
    file.finish().map_err(|error| error.to_string())?;
    Ok(written)
}

/// A column of a recorded table.
fn column(table: TableId, history: &History, rows: &[Owned<'_>], name: &str, before: u64) -> ArrayRef {
    let store = history.store(table);
    let owner = |own: &Owned<'_>| table.is_person().then(|| own.owner.to_owned());
    match (name, store.column(name)) {
        ("person_id", None) => Arc::new(rows.iter().map(owner).collect::<StringArray>()),
        ("op", _) => Arc::new(rows.iter().map(|own| Some(own.op.name())).collect::<StringArray>()),
        ("known_time", _) => Arc::new(rows.iter().map(|own| Some(own.known)).collect::<TimestampMicrosecondArray>()),
        ("arrival_no", _) => {
            let number = |at: usize| (before + at as u64) as i64;
            Arc::new((0..rows.len()).map(|at| Some(number(at))).collect::<Int64Array>())
        }
        (_, Some(place)) => store.gather(place, rows.iter().map(|own| own.row)),
        (_, None) => Arc::new(rows.iter().map(|_| None::<&str>).collect::<StringArray>()),
    }
}

/// A feed's clock is the least of the shards': so far all of it has been read.
fn write_clocks<'a>(clocks: impl Iterator<Item = &'a (String, i64)>, path: &Path) -> Result<(), String> {
    let clocks: Vec<&(String, i64)> = clocks.collect();
    let least = |feed: &Feed| {
        let own = clocks.iter().filter(|(name, _)| name == feed.name()).map(|(_, clock)| *clock);
        own.min().filter(|clock| *clock > i64::MIN).map(|clock| (feed.name(), clock))
    };
    let least: Vec<(&str, i64)> = Feed::SOURCES.iter().filter_map(least).collect();
    let schema = clock_file_schema();
    let names: ArrayRef = Arc::new(least.iter().map(|(name, _)| Some(*name)).collect::<StringArray>());
    let times: ArrayRef = Arc::new(least.iter().map(|(_, clock)| Some(*clock)).collect::<TimestampMicrosecondArray>());
    let mut file = writer(path, Arc::clone(&schema))?;
    let batch = RecordBatch::try_new(schema, vec![names, times]).map_err(|error| error.to_string())?;
    file.write(&batch).map_err(|error| error.to_string())?;
    file.into_inner().map_err(|error| error.to_string())?.finish().map_err(|error| error.to_string())
}
