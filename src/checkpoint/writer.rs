//! Writes generations, on a thread of its own.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::CheckpointError;
use super::block::Block;
use super::directory::{Directory, manifest_name};
use super::join::joined;
use super::manifest::{BlockAt, FORMAT, Manifest, Part, Read, sha256};
use crate::pseudonyms::Pseudonyms;
use crate::shard::saved::Captured;

/// Parts of similar size that are joined.
const JOINED_PARTS: usize = 8;
/// Parts of up to so many bytes are of similar size, then those of up to eight times as many, and so on.
const SMALL_BYTES: u64 = 1 << 18;

/// What a checkpoint is made of.
pub struct Taken {
    pub captured: Captured,
    pub read: Read,
    /// Wall time of the capture.
    pub taken_at: String,
    pub clock: String,
    pub persons: u64,
    pub records: u64,
    pub standing: u64,
}

/// What a writer needs to know of its shard.
#[derive(Clone)]
pub struct Own {
    pub root: PathBuf,
    pub shard: i32,
    pub partitions: i32,
    pub program: String,
    /// Under which manifests are sealed.
    pub keys: Arc<Pseudonyms>,
    /// Generations that are kept.
    pub keep: usize,
    /// The generation that the shard goes on from.
    pub last: Option<Manifest>,
}

/// A generation that has been written.
#[derive(Clone, Debug)]
pub struct Written {
    pub generation: u64,
    pub is_whole: bool,
    pub seconds: f64,
    /// Bytes written, and those of all parts that the generation names.
    pub written: u64,
    pub bytes: u64,
    pub parts: usize,
}

/// The thread that writes a shard's checkpoints, one at a time.
pub struct Writer {
    tasks: Option<SyncSender<Task>>,
    outcomes: Receiver<Outcome>,
    /// Handed over, and not told of.
    is_busy: bool,
}

enum Task {
    Write(Box<Taken>),
    /// Nothing has come since the last generation: see that it is there.
    Look,
}

/// What has become of a task.
pub type Outcome = Result<Done, CheckpointError>;

#[derive(Clone, Debug)]
pub enum Done {
    Written(Written),
    /// The last generation is there.
    Holds,
}

impl Writer {
    /// `is_owned` says whether the shard is still this process's: what it no longer owns it does not write.
    pub fn start(own: Own, is_owned: impl Fn() -> bool + Send + 'static) -> std::io::Result<Writer> {
        let (tasks, to_do) = sync_channel::<Task>(1);
        let (tell, outcomes) = sync_channel(1);
        let name = format!("checkpoint-{}", own.shard);
        // It ends once nothing more is handed over.
        std::thread::Builder::new().name(name).spawn(move || {
            let mut writing = Writing::new(own);
            while let Ok(task) = to_do.recv() {
                let outcome = match task {
                    Task::Write(taken) => writing.write(*taken, &is_owned).map(Done::Written),
                    Task::Look => writing.look().map(|()| Done::Holds),
                };
                if tell.send(outcome).is_err() {
                    break;
                }
            }
        })?;
        Ok(Writer { tasks: Some(tasks), outcomes, is_busy: false })
    }

    /// Whether a generation is being written, or what has become of it has not been asked.
    pub fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// Hands over what is to be written, while it is not busy; false if the thread is gone.
    pub fn write(&mut self, taken: Box<Taken>) -> bool {
        self.hand_over(Task::Write(taken))
    }

    /// Has the thread see whether the last generation is there, while it is not busy; false if the thread is gone.
    pub fn look(&mut self) -> bool {
        self.hand_over(Task::Look)
    }

    fn hand_over(&mut self, task: Task) -> bool {
        self.is_busy = self.tasks.as_ref().is_some_and(|sender| sender.send(task).is_ok());
        self.is_busy
    }

    /// What has become of the one handed over, if that shows within the time.
    pub fn outcome(&mut self, within: Duration) -> Option<Outcome> {
        if !self.is_busy {
            return None;
        }
        let outcome = self.outcomes.recv_timeout(within).ok()?;
        self.is_busy = false;
        Some(outcome)
    }
}

/// The chain of parts that a shard's generations consist of.
struct Writing {
    own: Own,
    directory: Directory,
    generation: u64,
    parts: Vec<Part>,
    is_clean: bool,
    /// Held from the first checkpoint on.
    lock: Option<File>,
}

impl Writing {
    fn new(own: Own) -> Writing {
        let directory = Directory::of(&own.root, own.shard);
        let parts = own.last.as_ref().map(|last| last.parts.clone()).unwrap_or_default();
        let generation = own.last.as_ref().map_or(0, |last| last.generation);
        Writing { directory, generation, parts, own, is_clean: false, lock: None }
    }

    fn write(&mut self, taken: Taken, is_owned: &dyn Fn() -> bool) -> Result<Written, CheckpointError> {
        let started = Instant::now();
        self.directory.create()?;
        if self.lock.is_none() {
            self.lock = Some(self.directory.lock()?);
        }
        if !self.is_clean {
            // Above every number that is there, also of what cannot be read.
            let last = self.directory.generations()?.first().map_or(0, |last| last.number);
            self.generation = self.generation.max(last);
            self.is_clean = true;
        }
        self.generation += 1;
        let is_whole = taken.captured.is_whole;
        let mut parts = if is_whole { Vec::new() } else { self.parts.clone() };
        let rules = taken.captured.state.rules.clone();
        let mut written = 0;
        let part = self.write_part(0, blocks(taken.captured))?;
        written += part.bytes;
        parts.push(part);
        let mut number = 1;
        while let Some(from) = to_join(&parts) {
            let part = self.join(number, &parts[from..])?;
            written += part.bytes;
            number += 1;
            parts.truncate(from);
            parts.push(part);
        }
        let manifest = Manifest {
            format: FORMAT,
            program: self.own.program.clone(),
            shard: self.own.shard,
            partitions: self.own.partitions,
            generation: self.generation,
            taken_at: taken.taken_at,
            clock: taken.clock,
            persons: taken.persons,
            records: taken.records,
            standing: taken.standing,
            read: taken.read,
            rules,
            parts: parts.clone(),
        };
        self.directory.has(&parts)?;
        if !is_owned() {
            return Err(CheckpointError::OfAnother {
                file: self.directory.name(""),
                what: "a shard that has been given up".into(),
            });
        }
        self.directory.write(&manifest_name(self.generation), &manifest.encode(&self.own.keys)?)?;
        self.parts = parts;
        self.directory.clean(self.own.keep, &self.own.keys)?;
        Ok(Written {
            generation: self.generation,
            is_whole,
            seconds: started.elapsed().as_secs_f64(),
            written,
            bytes: manifest.bytes(),
            parts: manifest.parts.len(),
        })
    }

    /// Whether the last generation is still there: somebody may have removed or cut files.
    fn look(&self) -> Result<(), CheckpointError> {
        self.directory.read(&manifest_name(self.generation))?;
        self.directory.has(&self.parts)
    }

    fn write_part(&self, number: u32, blocks: Vec<Block>) -> Result<Part, CheckpointError> {
        let mut bytes = 0;
        let mut at = Vec::new();
        let file = format!("part-{:010}-{number}.bin", self.generation);
        // One block in memory at a time: a whole checkpoint is as large as the state.
        let pieces = blocks.into_iter().map(|block| {
            let own = block.encode()?;
            at.push(BlockAt {
                kind: block.kind(),
                table: block.table().map(str::to_owned),
                offset: bytes,
                bytes: own.len() as u64,
                sha256: sha256(&own),
            });
            bytes += own.len() as u64;
            Ok(own)
        });
        self.directory.write_pieces(&file, pieces)?;
        Ok(Part { file, bytes, blocks: at })
    }

    /// Writes one part in the place of several.
    fn join(&self, number: u32, parts: &[Part]) -> Result<Part, CheckpointError> {
        let mut blocks = Vec::new();
        for part in parts {
            let open = self.directory.open(part)?;
            for block in &part.blocks {
                blocks.push(Block::decode(block.kind, &open.block(block)?, &self.directory.name(&part.file))?);
            }
        }
        self.write_part(number, joined(blocks))
    }
}

/// The blocks of a capture, in the order in which they are read.
fn blocks(captured: Captured) -> Vec<Block> {
    let Captured { added, units, state, .. } = captured;
    let (rows, names) = added.pack();
    let mut blocks = vec![Block::Names(names)];
    blocks.extend(rows.segments.into_iter().map(Block::Segments));
    blocks.extend(rows.owners.into_iter().map(Block::Owners));
    blocks.extend(rows.tails.into_iter().map(Block::Tail));
    blocks.push(Block::Units(units));
    blocks.push(Block::State(state));
    blocks
}

/// Where the last parts begin that are of similar size and many.
fn to_join(parts: &[Part]) -> Option<usize> {
    let level = |part: &Part| (part.bytes / SMALL_BYTES).checked_ilog2().map_or(0, |log| log / 3 + 1);
    let most = parts.iter().map(level).max()?;
    (0..=most).find_map(|most| {
        let run = || parts.iter().rev().take_while(|part| level(part) <= most);
        // A large one is not written again for the sake of a few that are smaller.
        let similar = run().filter(|part| level(part) == most).count();
        (similar >= JOINED_PARTS).then(|| parts.len() - run().count())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(bytes: u64) -> Part {
        Part { file: String::new(), bytes, blocks: Vec::new() }
    }

    #[test]
    fn small_parts_are_joined_and_a_large_one_is_left_alone() {
        let mut parts = vec![part(1 << 30)];
        let mut rewritten = 0;
        for _ in 0..1_000 {
            parts.push(part(100_000));
            while let Some(from) = to_join(&parts) {
                let joined = part(parts[from..].iter().map(|part| part.bytes).sum());
                rewritten += joined.bytes;
                parts.truncate(from);
                parts.push(joined);
            }
            assert!(parts.len() < 5 * JOINED_PARTS, "{}", parts.len());
        }
        assert_eq!(parts[0].bytes, 1 << 30);
        assert!(rewritten < 5 * 1_000 * 100_000, "each byte is rewritten once a level: {rewritten}");
    }
}
