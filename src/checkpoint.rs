//! Checkpoints: a shard's state in files, so that a start reads on from there instead of from the beginning of every feed.
//!
//! - A *generation* is a manifest that names parts and says how far the shard had read (`manifest`). A *part* is a file of blocks (rows, owners,
//!   names, units, state). Parts are written once. A generation writes one part, with what has come since the one before, and names the
//!   older ones with it; from time to time parts of similar size are joined (`join`), so that there are few and each byte is rewritten seldom.
//! - What is in a file shows from the outside: every block has its length and SHA-256 in the manifest, the manifest its own in its first
//!   line, with a seal under the key of pseudonyms. A generation of which anything is damaged is not read; the one before is.
//! - A file has its name only once all of it is on the disk (temporary file, fsync, rename, fsync of the folder), a manifest only once its parts
//!   have: a crash at any byte leaves the generations that were there.
//! - The shard hands over what has changed and goes on; a thread of its own packs and writes it (`writer`), once the broker has acknowledged
//!   everything that the shard had said by then (contract C4).
//!
//! No Kafka, and no SQL: what is kept is facts, whatever rules read them.

pub mod block;
pub mod directory;
pub mod join;
pub mod manifest;
pub mod reader;
pub mod writer;

use std::path::PathBuf;

use thiserror::Error;

/// Why a checkpoint cannot be written or read. A writer tries again; a reader takes the generation before.
#[derive(Debug, Error)]
pub enum CheckpointError {
    #[error("cannot {action} {}", file.display())]
    File { action: &'static str, file: PathBuf, source: std::io::Error },
    #[error("{file} is damaged: {what}")]
    Damaged { file: String, what: String },
    #[error(
        "{file} has format {found}, and this program reads formats up to {known}: a newer permitwatch wrote it; start that one, or remove \
         the file and the shard is rebuilt from its feeds"
    )]
    Newer { file: String, found: u32, known: u32 },
    #[error("{file} is of {what}")]
    OfAnother { file: String, what: String },
    #[error(
        "{file} was not written by a process that has the key of pseudonyms, or was changed since; it counts for nothing. If the key was \
         changed, configure the old one among alerts.older_keys"
    )]
    Unsealed { file: String },
    #[error("everybody may write to {}, where checkpoints are; chmod o-w", dir.display())]
    Open { dir: PathBuf },
    #[error(
        "another process writes to {}; processes of one group may share a directory, one shard each at a time, and every installation needs its own",
        dir.display()
    )]
    InUse { dir: PathBuf },
    #[error("a checkpoint cannot be encoded: {message}")]
    Encode { message: String },
}

impl CheckpointError {
    /// In one line, with what the operating system said.
    pub fn line(&self) -> String {
        match self {
            CheckpointError::File { source, .. } => format!("{self}: {source}"),
            _ => self.to_string(),
        }
    }

    fn damaged(file: &str, what: impl Into<String>) -> CheckpointError {
        CheckpointError::Damaged { file: file.to_owned(), what: what.into() }
    }
}
