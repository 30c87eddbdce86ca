//! Where messages come from: Kafka or recorded files, behind one trait.
//!
//! A *shard* is one partition number: its source reads that partition of every feed, each in its own lane.
//! The merge (see `merge`) looks at the heads of the lanes; a lane that is not polled is not read, which is all
//! the back-pressure there is.

pub mod files;
pub mod kafka;
pub mod known;

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::clock::FeedSet;
use crate::record::{Lent, NextOffset};
use crate::schema::Feed;
use crate::time::KnownTime;

/// Wakes whoever waits for a source.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// What stands first in a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ahead {
    /// A message known at that time.
    Message(KnownTime),
    /// Everything that was written so far has been read; more may be written.
    AtEnd,
    /// A recorded file, read whole: nothing more will come.
    Finished,
    /// Nothing at hand yet; more is under way.
    Pending,
}

/// What a lane has given.
#[derive(Debug)]
pub enum Polled<'a> {
    Message(Lent<'a>),
    AtEnd,
    Finished,
    Pending,
}

/// The partitions with one number, one lane per feed.
pub trait ShardSource: Send {
    /// What comes next of a feed, in offset order. Does not block. A message stays ahead until it is taken.
    fn ahead(&mut self, feed: Feed) -> Result<Ahead, SourceError>;

    /// Takes the message that is ahead; `None` if none has been seen there. It is lent until the source is used again.
    fn take(&mut self, feed: Feed) -> Option<Lent<'_>>;

    /// Lanes that may have something new since they were last said to be at their end.
    fn news(&self) -> FeedSet {
        FeedSet(u16::MAX)
    }

    /// The two in one, for who reads lane by lane.
    fn poll(&mut self, feed: Feed) -> Result<Polled<'_>, SourceError> {
        Ok(match self.ahead(feed)? {
            Ahead::Message(_) => self.take(feed).map_or(Polled::Pending, Polled::Message),
            Ahead::AtEnd => Polled::AtEnd,
            Ahead::Finished => Polled::Finished,
            Ahead::Pending => Polled::Pending,
        })
    }

    /// Blocks until some lane may have something new, at most for `timeout`.
    fn wait(&mut self, timeout: Duration);

    /// Ends a wait of the shard's owner from another thread, or the next one if it does not wait; `None` where nothing can.
    fn waker(&self) -> Option<Waker> {
        None
    }

    /// Where the feed's partition ends now, asked of the broker; `None` where there is nobody to ask.
    fn end_offset(&mut self, _: Feed) -> Result<Option<NextOffset>, SourceError> {
        Ok(None)
    }

    /// Whether the shard is still ours; nothing may be published once it is not.
    fn is_owned(&self) -> bool {
        true
    }

    /// Messages that are known to have been written and have not been taken; nobody is asked. 0 where that is not known.
    fn backlog(&self) -> u64 {
        0
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
    /// Halt: going on without would take back every alert that rests on what is gone.
    #[error(
        "{topic}/{partition} ends at {end}, and had been read up to {read} when alerts were last published: it was emptied or made anew. \
         Restore it; or, once its adapter has filled it again from the source, set feeds.{}.refilled = true for one start", feed.name()
    )]
    Shortened { topic: String, partition: i32, read: i64, end: i64, feed: Feed },
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
