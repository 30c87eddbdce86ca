//! Where messages come from: Kafka or recorded files, behind one trait.
//!
//! A *shard* is one partition number: its source reads that partition of every feed, each in its own lane.
//! The merge (see `merge`) looks at the heads of the lanes; a lane that is not polled is not read, which is all
//! the back-pressure there is.

pub mod files;
pub mod kafka;

use std::time::Duration;

use thiserror::Error;

use crate::record::{Message, NextOffset};
use crate::schema::Feed;

/// What a lane has to offer.
#[derive(Debug)]
pub enum Polled {
    Message(Message),
    /// Everything that was written so far has been read; more may be written.
    AtEnd,
    /// A recorded file, read whole: nothing more will come.
    Finished,
    /// Nothing at hand yet; more is under way.
    Pending,
}

/// The partitions with one number, one lane per feed.
pub trait ShardSource: Send {
    /// Takes the next message of a feed, in offset order. Does not block.
    fn poll(&mut self, feed: Feed) -> Result<Polled, SourceError>;

    /// Blocks until some lane may have something new, at most for `timeout`.
    fn wait(&mut self, timeout: Duration);

    /// Where the feed's partition ends now, asked of the broker; `None` where there is nobody to ask.
    fn end_offset(&mut self, _: Feed) -> Result<Option<NextOffset>, SourceError> {
        Ok(None)
    }

    /// Whether the shard is still ours; nothing may be published once it is not.
    fn is_owned(&self) -> bool {
        true
    }

    /// Messages written but not yet taken, as last heard of; `None` if unknown.
    fn lag(&self, _: Feed) -> Option<u64> {
        None
    }
}

/// Why reading failed.
#[derive(Debug, Error)]
pub enum SourceError {
    /// Halt: what was promised to be there is gone, and skipping it would lose alerts.
    #[error(
        "cannot read {topic}/{partition} from offset {offset}: the broker no longer has it; restore the topic or start a rebuild"
    )]
    OffsetLost { topic: String, partition: i32, offset: i64 },
    /// Halt.
    #[error("cannot read recorded feed {file}: {message}")]
    File { file: String, message: String },
    /// The group has given the shard to another instance. The owner stops where it is, publishes nothing more and drops the
    /// source; that is the acknowledgement.
    #[error("shard {shard} has been taken away by the consumer group")]
    Revoked { shard: i32 },
    /// Halt: the shard cannot be read whole.
    #[error("cannot use the assignment: {message}")]
    Assignment { message: String },
    /// The client retries by itself; this is what it could not.
    #[error("cannot read {topic}/{partition}: {message}")]
    Kafka { topic: String, partition: i32, message: String },
}
