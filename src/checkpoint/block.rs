//! The blocks of a part: what is in one, and how it is encoded.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::CheckpointError;
use crate::history::saved::{Names, Owners, Segments, Tail};
use crate::shard::saved::{State, Units};

/// What kind of block it is. A program reads the kinds that it knows and skips the others.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Subjects of persons, ids of entities.
    Names,
    /// Full segments of a table.
    Segments,
    /// Rows of a table's open segment; the newest block of a table counts.
    Tail,
    /// To whom rows of a table belong.
    Owners,
    /// What is remembered of units; newer blocks replace units of older ones.
    Units,
    /// What belongs to nobody; the newest counts.
    State,
}

/// A block in memory.
#[derive(Debug)]
pub enum Block {
    Names(Names),
    Segments(Segments),
    Tail(Tail),
    Owners(Owners),
    Units(Units),
    State(State),
}

impl Block {
    pub fn kind(&self) -> Kind {
        match self {
            Block::Names(_) => Kind::Names,
            Block::Segments(_) => Kind::Segments,
            Block::Tail(_) => Kind::Tail,
            Block::Owners(_) => Kind::Owners,
            Block::Units(_) => Kind::Units,
            Block::State(_) => Kind::State,
        }
    }

    /// The table that it is about.
    pub fn table(&self) -> Option<&str> {
        match self {
            Block::Segments(own) => Some(&own.table),
            Block::Tail(own) => Some(&own.table),
            Block::Owners(own) => Some(&own.table),
            _ => None,
        }
    }

    pub fn encode(&self) -> Result<Vec<u8>, CheckpointError> {
        let bytes = match self {
            Block::Names(own) => postcard::to_stdvec(own),
            Block::Segments(own) => postcard::to_stdvec(own),
            Block::Tail(own) => postcard::to_stdvec(own),
            Block::Owners(own) => postcard::to_stdvec(own),
            Block::Units(own) => postcard::to_stdvec(own),
            Block::State(own) => postcard::to_stdvec(own),
        };
        bytes.map_err(|error| CheckpointError::Encode { message: error.to_string() })
    }

    /// `file` is for messages.
    pub fn decode(kind: Kind, bytes: &[u8], file: &str) -> Result<Block, CheckpointError> {
        fn read<T: DeserializeOwned>(bytes: &[u8], file: &str) -> Result<T, CheckpointError> {
            match postcard::take_from_bytes(bytes) {
                Ok((block, [])) => Ok(block),
                Ok(_) => Err(CheckpointError::damaged(file, "a block is longer than what is in it")),
                Err(error) => Err(CheckpointError::damaged(file, format!("a block cannot be decoded: {error}"))),
            }
        }
        Ok(match kind {
            Kind::Names => Block::Names(read(bytes, file)?),
            Kind::Segments => Block::Segments(read(bytes, file)?),
            Kind::Tail => Block::Tail(read(bytes, file)?),
            Kind::Owners => Block::Owners(read(bytes, file)?),
            Kind::Units => Block::Units(read(bytes, file)?),
            Kind::State => Block::State(read(bytes, file)?),
        })
    }
}
