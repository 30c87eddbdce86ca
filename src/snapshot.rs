//! The permit snapshot: the permits feed's tables as Parquet files, read as a whole before the topic.
//!
//! - A snapshot has the same records as the topic, so an overlap is harmless: versions are identified, and one that is known
//!   already is a duplicate.
//! - It is accepted whole or refused: for a file that is missing or malformed, a value that would not pass in a message, no permits
//!   at all, or more ended permits than `max_shrink_pct` allows.
//! - Its age is that of its newest `known_time`. A refusal names files, rows and columns, never values.
//! - It is read once for all shards that start at the same time, and stays in columns (`rows`): shards take their rows from these,
//!   and no record is made of them.
//!
//! This room does not decide when snapshots are read, and keeps none.

mod rows;

use std::hash::{BuildHasher, Hasher};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustc_hash::{FxBuildHasher, FxHashMap};
use thiserror::Error;

use crate::config::SnapshotConfig;
use crate::decode::columns::Faults;
use crate::history::{ENDED_ON, VALID_TO, last_day};
use crate::model::record::Op;
use crate::model::record::rows::{RecordRows, ShardRows};
use crate::model::schema::TableId;
use crate::model::time::{Day, KnownTime, WallTime};
use crate::telemetry;
use rows::Part;

/// Why a snapshot is refused. At the start the process ends; later the snapshot in use stays.
#[derive(Debug, Error)]
pub enum SnapshotError {
    #[error("snapshot refused: cannot read {file}: {message}")]
    File { file: String, message: String },
    #[error("snapshot refused: {}", told(.0))]
    Faults(Vec<(String, Faults)>),
    #[error(
        "snapshot refused: its newest row became known at {newest}, ahead of this machine's clock; mend its known_time, or the clock"
    )]
    Future { newest: KnownTime },
    #[error("snapshot refused: {dir} holds no permits")]
    Empty { dir: String },
    #[error(
        "snapshot refused: it ends {ended} of {open} open permits, more than {max_pct} per cent; raise snapshot.max_shrink_pct for one load if that is right"
    )]
    Shrunk { ended: usize, open: usize, max_pct: u32 },
    #[error("snapshot refused: a thread that read it panicked")]
    Panic,
}

/// The faults, by file. Rows are counted from 0.
pub(crate) fn told(files: &[(String, Faults)]) -> String {
    let of = |(file, faults): &(String, Faults)| {
        let what = if faults.count() == 1 { "value does" } else { "values do" };
        format!("{} {what} not fit in {file} (rows are counted from 0)\n{faults}", faults.count())
    };
    files.iter().map(of).collect::<Vec<_>>().join("\n")
}

/// A snapshot that has been read and accepted.
#[derive(Debug)]
pub struct Snapshot {
    /// By table, in the order of the files.
    parts: Vec<Part>,
    /// Permits of all shards.
    pub stock: Stock,
    /// The greatest known time of all shards: the time as of which the snapshot was written.
    pub newest: KnownTime,
    /// Name of the directory, for the alerts' headers.
    pub name: String,
}

/// The snapshot in memory, for shards that start at the same time; freed when the last of them has taken its rows.
#[derive(Debug, Default)]
pub struct Snapshots {
    loaded: Mutex<Weak<Snapshot>>,
}

/// The permits of a snapshot, by their current versions.
#[derive(Clone, Debug, Default)]
pub struct Stock {
    /// Greatest version and last day of each permit, by hash of (subject, record_key); null is open.
    ends: FxHashMap<u64, (i64, Option<Day>)>,
    /// The day on which the snapshot was written.
    as_of: Option<Day>,
}

impl Stock {
    /// Permits that were open on the day of the snapshot.
    pub fn open(&self) -> usize {
        self.as_of.map_or(0, |day| self.ends.values().filter(|(_, end)| is_open(*end, day)).count())
    }

    /// Number of permits of `self` that would still be open on the day of `after`, and how many of them are ended or missing in
    /// `after`.
    fn ended_by(&self, after: &Stock) -> (usize, usize) {
        let Some(day) = after.as_of else { return (self.open(), self.open()) };
        let mut counts = (0, 0);
        for (permit, _) in self.ends.iter().filter(|(_, (_, end))| is_open(*end, day)) {
            counts.0 += 1;
            counts.1 += usize::from(after.ends.get(permit).is_none_or(|(_, end)| !is_open(*end, day)));
        }
        counts
    }
}

fn is_open(end: Option<Day>, day: Day) -> bool {
    end.is_none_or(|end| end >= day)
}

/// Whether `after` may replace `before`. A permit that expires in between does not count as ended.
pub fn check_shrink(before: &Stock, after: &Stock, max_pct: u32) -> Result<(), SnapshotError> {
    let (open, ended) = before.ended_by(after);
    if ended as u64 * 100 > open as u64 * u64::from(max_pct) {
        return Err(SnapshotError::Shrunk { ended, open, max_pct });
    }
    Ok(())
}

impl Snapshots {
    /// The configured snapshot: the one that another shard has just read, else read now. `None` if none is configured. Refuses a
    /// row that became known after `latest`, which is about now: it would move the permits feed's clock there.
    pub fn load(
        &self,
        config: &SnapshotConfig,
        partitions: i32,
        latest: KnownTime,
    ) -> Result<Option<Arc<Snapshot>>, SnapshotError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(snapshot) = loaded.upgrade() {
            return Ok(Some(snapshot));
        }
        let snapshot = load(config, None, partitions, latest)?.map(Arc::new);
        *loaded = snapshot.as_ref().map(Arc::downgrade).unwrap_or_default();
        Ok(snapshot)
    }
}

/// Tells the snapshots that a directory holds one after the other apart, without reading them: name, and size and time of the files.
pub fn identity(dir: &Path) -> Option<String> {
    let mut files: Vec<(String, u64, u64)> = Vec::new();
    for entry in std::fs::read_dir(dir).ok()? {
        let entry = entry.ok()?;
        let about = entry.metadata().ok()?;
        let modified = about.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        files.push((entry.file_name().into_string().ok()?, about.len(), modified.as_micros() as u64));
    }
    files.sort();
    let mut hash = FxBuildHasher.build_hasher();
    std::hash::Hash::hash(&files, &mut hash);
    Some(format!("{}:{:016x}", dir.file_name()?.to_string_lossy(), hash.finish()))
}

/// Reads the configured snapshot and checks it against the one in use. `None` if none is configured.
pub fn load(
    config: &SnapshotConfig,
    before: Option<&Stock>,
    partitions: i32,
    latest: KnownTime,
) -> Result<Option<Snapshot>, SnapshotError> {
    let Some(dir) = &config.dir else { return Ok(None) };
    let checked = read(dir, partitions).and_then(|snapshot| {
        if snapshot.newest > latest {
            return Err(SnapshotError::Future { newest: snapshot.newest });
        }
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

/// Reads a directory as a whole.
pub fn read(dir: &Path, partitions: i32) -> Result<Snapshot, SnapshotError> {
    let mut parts = rows::read(dir, partitions)?;
    let mut ends: FxHashMap<u64, (i64, Option<Day>)> = FxHashMap::default();
    ends.reserve(parts.iter().map(|part| part.endings.len()).sum());
    for ending in parts.iter_mut().flat_map(|part| std::mem::take(&mut part.endings)) {
        let slot = ends.entry(ending.permit).or_insert((i64::MIN, None));
        if ending.version >= slot.0 {
            *slot = (ending.version, ending.end);
        }
    }
    let newest = parts.iter().map(|part| part.newest).fold(KnownTime::MIN, KnownTime::max);
    if ends.is_empty() {
        return Err(SnapshotError::Empty { dir: dir.display().to_string() });
    }
    Ok(Snapshot {
        parts,
        stock: Stock { ends, as_of: Some(newest.day()) },
        newest,
        name: dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
    })
}

impl Snapshot {
    /// The rows of a shard.
    pub fn own(&self, shard: i32) -> Vec<ShardRows<'_>> {
        let shard = usize::try_from(shard).unwrap_or(usize::MAX);
        self.parts
            .iter()
            .filter_map(|part| Some(ShardRows { rows: &part.rows, at: part.own.get(shard)?, runs: part.runs[shard] }))
            .collect()
    }
}

/// The day on which a version of a permit ends it.
#[derive(Clone, Copy, Debug)]
struct Ending {
    /// Hash of (subject, record_key).
    permit: u64,
    version: i64,
    end: Option<Day>,
}

/// The ends of the permits in some rows; a retracted permit was last valid on the day before its retraction became known. Of adjacent
/// versions of one permit the greatest is enough.
fn endings(rows: &RecordRows) -> Vec<Ending> {
    if rows.table != TableId::Permits {
        return Vec::new();
    }
    let permits = rows.table.def();
    let column = |name| permits.column(name).map_or(permits.columns.len(), |(at, _)| at);
    let (valid_to, ended_on) = (column(VALID_TO), column(ENDED_ON));
    let mut endings: Vec<Ending> = Vec::with_capacity(rows.len());
    for row in 0..rows.len() {
        let end = match rows.op(row) {
            Op::Retract => Some(Day(KnownTime(rows.known_time(row)).day().0 - 1)),
            Op::Upsert | Op::Correct => last_day(rows.day(valid_to, row), rows.day(ended_on, row)),
        };
        let mut permit = FxBuildHasher.build_hasher();
        permit.write(rows.subject(row).as_bytes());
        permit.write_u8(0xff);
        permit.write(rows.record_key(row).as_bytes());
        let ending = Ending { permit: permit.finish(), version: rows.version(row), end };
        match endings.last_mut().filter(|last| last.permit == ending.permit) {
            Some(last) if ending.version >= last.version => *last = ending,
            Some(_) => {}
            None => endings.push(ending),
        }
    }
    endings
}

#[cfg(test)]
mod tests;
