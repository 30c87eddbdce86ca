//! The manifest of a generation: a first line with its length, SHA-256 and seal, then JSON that a person can read.
//!
//! The manifest has the SHA-256 of every block, and the seal is made of the manifest under the key of pseudonyms: whoever can write to the
//! directory and has no key can have a shard begin again, or go on from where it once was, and nothing else.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::CheckpointError;
use super::block::Kind;
use crate::model::record::NextOffset;
use crate::model::schema::Feed;
use crate::model::time::KnownTime;
use crate::pseudonyms::Pseudonyms;
use crate::shard::saved::SavedRule;

/// Rises with each change of what files mean. Older ones are read. 2: rows that belong to nobody, and persons without a name.
pub const FORMAT: u32 = 2;

const MAGIC: &str = "permitwatch-checkpoint";

/// What a generation consists of, and how far the shard had read.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Manifest {
    pub format: u32,
    /// The program that wrote it.
    pub program: String,
    pub shard: i32,
    /// Partitions of every feed.
    pub partitions: i32,
    pub generation: u64,
    /// Wall time of the state.
    pub taken_at: String,
    /// The greatest known time that the shard had read.
    pub clock: String,
    pub persons: u64,
    pub records: u64,
    pub standing: u64,
    pub read: Read,
    pub rules: Vec<SavedRule>,
    /// Oldest first.
    pub parts: Vec<Part>,
}

/// How far the shard had read, and from where it goes on.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Read {
    pub positions: Vec<Position>,
    /// Microseconds since 1970: up to where the permits feed has spoken.
    pub permits_clock: i64,
    /// By internal topic and partition: what the shard says later lies at this offset or behind it.
    pub said_before: Vec<(String, Vec<i64>)>,
    /// The permit snapshot that the shard has taken.
    pub snapshot: Option<String>,
    /// Identifies the records that links make: their texts and the key.
    pub link_source: String,
    /// The settings by which records were taken or refused.
    #[serde(default)]
    pub settings: String,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Position {
    pub feed: String,
    pub topic: String,
    /// The offset of the next message.
    pub next: i64,
    /// Microseconds since 1970: the known time of the message before it.
    pub known_time: i64,
}

/// A file of blocks.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Part {
    pub file: String,
    pub bytes: u64,
    pub blocks: Vec<BlockAt>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct BlockAt {
    pub kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub table: Option<String>,
    pub offset: u64,
    pub bytes: u64,
    pub sha256: String,
}

/// Under which key a manifest was sealed, and what.
#[derive(Clone, Debug)]
pub struct Seal {
    said: String,
    json: String,
}

impl Seal {
    /// Whether the manifest is as a process wrote it that has one of these keys.
    pub fn is_of(&self, keys: &Pseudonyms) -> bool {
        keys.has_sealed_manifest(&self.said, self.json.as_bytes())
    }
}

/// Tells bytes from all others.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

impl Read {
    /// Next offset and known time of the message before it, by feed. None if a feed is not there, or was read from another topic.
    pub fn positions(&self, topic: impl Fn(Feed) -> String) -> Option<[(NextOffset, KnownTime); Feed::COUNT]> {
        let mut out = [(NextOffset::default(), KnownTime::MIN); Feed::COUNT];
        for feed in Feed::ALL {
            let of_feed = |own: &&Position| own.feed == feed.name() && own.topic == topic(feed);
            let position = self.positions.iter().find(of_feed)?;
            out[feed.index()] = (NextOffset(position.next), KnownTime(position.known_time));
        }
        Some(out)
    }

    /// From where the partitions of an internal topic may hold what the shard has said since.
    pub fn said_before(&self, topic: &str) -> &[i64] {
        self.said_before.iter().find(|(own, _)| own == topic).map_or(&[], |(_, offsets)| offsets)
    }
}

impl Manifest {
    /// Sealed under the key that is written with.
    pub fn encode(&self, keys: &Pseudonyms) -> Result<Vec<u8>, CheckpointError> {
        let json = serde_json::to_string_pretty(self);
        let json = json.map_err(|error| CheckpointError::Encode { message: error.to_string() })?;
        let (hash, seal) = (sha256(json.as_bytes()), keys.seal_manifest(json.as_bytes()));
        Ok(format!("{MAGIC} {} {} {hash} {seal}\n{json}\n", self.format, json.len()).into_bytes())
    }

    /// `file` is for messages. Who has written it is for the caller to ask ([`Seal::is_of`]).
    pub fn decode(bytes: &[u8], file: &str) -> Result<(Manifest, Seal), CheckpointError> {
        let damaged = |what: &str| CheckpointError::damaged(file, what);
        let text = std::str::from_utf8(bytes).map_err(|_| damaged("it is not text"))?;
        let (head, rest) = text.split_once('\n').ok_or_else(|| damaged("it has no first line"))?;
        let words: Vec<&str> = head.split(' ').collect();
        let &[MAGIC, format, length, hash, seal] = words.as_slice() else {
            return Err(damaged("its first line is another"));
        };
        let json = rest.strip_suffix('\n').ok_or_else(|| damaged("its end is missing"))?;
        if length != json.len().to_string() || hash != sha256(json.as_bytes()) {
            return Err(damaged("its length or checksum is another"));
        }
        let found: u32 = format.parse().map_err(|_| damaged("its first line is another"))?;
        if found > FORMAT {
            return Err(CheckpointError::Newer { file: file.to_owned(), found, known: FORMAT });
        }
        let manifest: Manifest =
            serde_json::from_str(json).map_err(|error| damaged(&format!("it cannot be read: {error}")))?;
        match manifest.format == found {
            true => Ok((manifest, Seal { said: seal.to_owned(), json: json.to_owned() })),
            false => Err(damaged("its first line is another")),
        }
    }

    /// Bytes of all its parts.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }
}
