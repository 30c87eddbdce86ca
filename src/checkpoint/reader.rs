//! Reads a generation back.

use std::path::Path;

use super::CheckpointError;
use super::block::{Block, Kind};
use super::directory::{Directory, Generation};
use super::manifest::Manifest;
use crate::history::History;
use crate::history::saved::{Names, Owners, Restoring, Segments, Tail, Unfit};
use crate::model::record::NextOffset;
use crate::model::schema::Feed;
use crate::pseudonyms::Pseudonyms;
use crate::rules::RuleSet;
use crate::shard::saved::{Restore, Restored, State, Units};
use crate::shard::{Settings, Shard};

/// A generation whose blocks have all been read and checked.
pub struct Loaded {
    pub manifest: Manifest,
    blocks: Vec<Block>,
}

/// What was found of a shard's checkpoints.
pub struct Found {
    /// The newest generation that is whole.
    pub loaded: Option<Loaded>,
    /// Newer ones, and why each is not read.
    pub damaged: Vec<CheckpointError>,
}

/// Reads the newest generation that is whole, and of which `is_wanted` says that the shard can go on from it. An error if one cannot be told
/// from a damaged one: it was written by a newer program.
pub fn newest(
    root: &Path,
    shard: i32,
    keys: &Pseudonyms,
    is_wanted: impl Fn(&Manifest) -> Result<(), String>,
) -> Result<Found, CheckpointError> {
    let directory = Directory::of(root, shard);
    let mut damaged = Vec::new();
    for generation in directory.generations()? {
        let file = generation.file.clone();
        let manifest = match generation.sealed(keys) {
            Ok(manifest) => manifest,
            Err(error @ CheckpointError::Newer { .. }) => return Err(error),
            Err(error) => {
                damaged.push(error);
                continue;
            }
        };
        if let Err(what) = is_wanted(&manifest) {
            damaged.push(CheckpointError::OfAnother { file, what });
            continue;
        }
        match load(&directory, manifest) {
            Ok(loaded) => return Ok(Found { loaded: Some(loaded), damaged }),
            Err(error) => damaged.push(error),
        }
    }
    Ok(Found { loaded: None, damaged })
}

/// Where the oldest generation goes on that can be read, by feed: retention need not reach behind it. None if there is no checkpoint.
pub fn goes_on_from(root: &Path, shard: i32, topic: impl Fn(Feed) -> String) -> Option<[NextOffset; Feed::COUNT]> {
    let generations = Directory::of(root, shard).generations().ok()?;
    let positions = |own: &Generation| own.manifest().ok()?.read.positions(&topic);
    let oldest = generations.iter().rev().find_map(positions)?;
    Some(oldest.map(|(next, _)| next))
}

/// Reads and checks every block of a generation.
pub fn load(directory: &Directory, manifest: Manifest) -> Result<Loaded, CheckpointError> {
    let mut blocks = Vec::new();
    for part in &manifest.parts {
        let open = directory.open(part)?;
        let file = directory.name(&part.file);
        for block in &part.blocks {
            blocks.push(Block::decode(block.kind, &open.block(block)?, &file)?);
        }
    }
    if !blocks.iter().any(|block| block.kind() == Kind::State) {
        return Err(CheckpointError::damaged(&directory.path().display().to_string(), "no part has the shard's state"));
    }
    Ok(Loaded { manifest, blocks })
}

impl Loaded {
    /// What the shard knew, without rules.
    pub fn history(self) -> Result<(History, State), CheckpointError> {
        let file = format!("generation {} of shard {}", self.manifest.generation, self.manifest.shard);
        let damaged = |unfit: Unfit| CheckpointError::damaged(&file, unfit.0);
        let sorted = Sorted::of(self.blocks);
        let state = sorted.state;
        Ok((sorted.rows.read().and_then(Restoring::finish).map_err(damaged)?, state))
    }

    /// The shard as it was. `program` is this one: what another has found is worked out again.
    pub fn restore(
        self,
        settings: Settings,
        rules: RuleSet,
        program: &str,
    ) -> Result<(Shard, Restored), CheckpointError> {
        let file = format!("generation {} of shard {}", self.manifest.generation, self.manifest.shard);
        let damaged = |unfit: Unfit| CheckpointError::damaged(&file, unfit.0);
        let Sorted { state, rows, units } = Sorted::of(self.blocks);
        let rows = rows.read().map_err(damaged)?;
        let mut restore = Restore::new(settings, rules, rows, state, self.manifest.program != program);
        restore.units(units).map_err(damaged)?;
        restore.finish().map_err(damaged)
    }
}

/// The blocks of a generation by kind, those that count.
#[derive(Default)]
struct Sorted {
    state: State,
    rows: Rows,
    units: Vec<Units>,
}

/// What was known.
#[derive(Default)]
struct Rows {
    names: Vec<Names>,
    segments: Vec<Segments>,
    /// One for each table at most.
    tails: Vec<Tail>,
    owners: Vec<Owners>,
}

impl Sorted {
    fn of(blocks: Vec<Block>) -> Sorted {
        let mut out = Sorted::default();
        let rows = &mut out.rows;
        for block in blocks {
            match block {
                Block::Names(own) => rows.names.push(own),
                Block::Segments(own) => rows.segments.push(own),
                Block::Owners(own) => rows.owners.push(own),
                Block::Units(own) => out.units.push(own),
                Block::State(own) => out.state = own,
                Block::Tail(own) => {
                    rows.tails.retain(|older| older.table != own.table);
                    rows.tails.push(own);
                }
            }
        }
        // Rows of an open segment that has been filled since.
        let segments = &rows.segments;
        let is_full = |tail: &Tail| segments.iter().any(|own| own.table == tail.table && tail.is_before(own.end()));
        rows.tails.retain(|tail| !is_full(tail));
        out
    }
}

impl Rows {
    fn read(self) -> Result<Restoring, Unfit> {
        let mut restoring = Restoring::default();
        self.names.into_iter().try_for_each(|own| restoring.names(own))?;
        self.segments.into_iter().try_for_each(|own| restoring.segments(own))?;
        self.tails.iter().try_for_each(|own| restoring.tail(own))?;
        self.owners.into_iter().for_each(|own| restoring.owners(own));
        Ok(restoring)
    }
}
