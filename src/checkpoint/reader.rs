//! Reads a generation back.

use std::path::Path;

use super::CheckpointError;
use super::block::{Block, Kind};
use super::directory::{Directory, Generation};
use super::manifest::Manifest;
use crate::model::record::NextOffset;
use crate::model::schema::Feed;
use crate::rules::RuleSet;
use crate::shard::saved::{Restore, Restored, State};
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
    is_wanted: impl Fn(&Manifest) -> Result<(), String>,
) -> Result<Found, CheckpointError> {
    let directory = Directory::of(root, shard);
    let mut damaged = Vec::new();
    for generation in directory.generations()? {
        let manifest = match generation.manifest {
            Ok(manifest) => manifest,
            Err(error @ CheckpointError::Newer { .. }) => return Err(error),
            Err(error) => {
                damaged.push(error);
                continue;
            }
        };
        let file = directory.name(&generation.file);
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
    let positions = |own: &Generation| own.manifest.as_ref().ok()?.read.positions(&topic);
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
    /// The shard as it was. `program` is this one: what another has found is worked out again.
    pub fn restore(
        self,
        settings: Settings,
        rules: RuleSet,
        program: &str,
    ) -> Result<(Shard, Restored), CheckpointError> {
        let file = format!("generation {} of shard {}", self.manifest.generation, self.manifest.shard);
        let damaged = |unfit: crate::history::saved::Unfit| CheckpointError::damaged(&file, unfit.0);
        let mut state = State::default();
        let (mut names, mut tails, mut segments, mut owners, mut units) = (vec![], vec![], vec![], vec![], vec![]);
        for block in self.blocks {
            match block {
                Block::Names(own) => names.push(own),
                Block::Tail(own) => tails.push(own),
                Block::Segments(own) => segments.push(own),
                Block::Owners(own) => owners.push(own),
                Block::Units(own) => units.push(own),
                Block::State(own) => state = own,
            }
        }
        let mut restore = Restore::new(settings, rules, state, self.manifest.program != program);
        for own in names {
            restore.names(own).map_err(damaged)?;
        }
        let mut ends: Vec<(String, u32)> = Vec::new();
        for own in segments {
            ends.push((own.table.clone(), own.first + own.len()));
            restore.segments(own).map_err(damaged)?;
        }
        for (at, own) in tails.iter().enumerate() {
            let is_newer = |other: &crate::history::saved::Tail| other.table == own.table;
            let is_full = ends.iter().any(|(table, end)| *table == own.table && own.is_before(*end));
            if !is_full && !tails[at + 1..].iter().any(is_newer) {
                restore.tail(own).map_err(damaged)?;
            }
        }
        owners.into_iter().for_each(|own| restore.owners(own));
        restore.units(units).map_err(damaged)?;
        restore.finish().map_err(damaged)
    }
}
