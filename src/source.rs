//! Where messages come from: Kafka or recorded files, behind one trait.
//!
//! A *shard* is one partition number: its source reads that partition of every feed, each in a lane of its own. The merge (see
//! `merge`) compares the heads of the lanes. A lane that is not polled is not read; there is no other back-pressure.

pub mod files;
pub mod kafka;
pub mod known;

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::model::record::{Lent, NextOffset};
use crate::model::schema::Feed;
use crate::model::sets::FeedSet;
use crate::model::time::KnownTime;

/// Wakes the thread that waits for a source.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// What comes next in a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneHead {
    /// The lane has a message with this known time.
    Message(KnownTime),
    /// Everything written so far has been read; more may be written.
    AtEnd,
    /// The lane is a recorded file that has been read whole: nothing more will come.
    Finished,
    /// Nothing at hand yet, but more is on its way.
    Pending,
}

/// What polling a lane gives.
#[derive(Debug)]
pub enum Polled<'a> {
    Message(Lent<'a>),
    AtEnd,
    Finished,
    Pending,
}

/// The partitions with one number; one lane per feed.
pub trait ShardSource: Send {
    /// What comes next in a feed, in offset order. Does not block. A message stays next until [`ShardSource::take`] takes it.
    fn ahead(&mut self, feed: Feed) -> Result<LaneHead, SourceError>;

    /// Takes the message that [`ShardSource::ahead`] has reported; `None` if it has reported none. The message is lent until the
    /// source is used again.
    fn take(&mut self, feed: Feed) -> Option<Lent<'_>>;

    /// Lanes that may have something new since they were last reported at their end.
    fn news(&self) -> FeedSet {
        FeedSet(u16::MAX)
    }

    /// [`ShardSource::ahead`] and [`ShardSource::take`] in one, for callers that read lane by lane.
    fn poll(&mut self, feed: Feed) -> Result<Polled<'_>, SourceError> {
        Ok(match self.ahead(feed)? {
            LaneHead::Message(_) => self.take(feed).map_or(Polled::Pending, Polled::Message),
            LaneHead::AtEnd => Polled::AtEnd,
            LaneHead::Finished => Polled::Finished,
            LaneHead::Pending => Polled::Pending,
        })
    }

    /// Blocks until some lane may have something new, at most for `timeout`.
    fn wait(&mut self, timeout: Duration);

    /// Ends the owner's current or next wait from another thread; `None` if the source cannot be woken.
    fn waker(&self) -> Option<Waker> {
        None
    }

    /// The end of the feed's partition now, asked of the broker; `None` for sources without a broker.
    fn end_offset(&mut self, _: Feed) -> Result<Option<NextOffset>, SourceError> {
        Ok(None)
    }

    /// Whether this process still owns the shard; it must publish nothing for a shard that it does not own.
    fn is_owned(&self) -> bool {
        true
    }

    /// Messages that are known to have been written and have not been taken, without asking the broker. 0 if that is not known.
    fn backlog(&self) -> u64 {
        0
    }

    /// Messages written but not yet taken, by the last report; `None` if unknown.
    fn lag(&self, _: Feed) -> Option<u64> {
        None
    }
}

impl SourceError {
    /// The feed that lacks what a shard needs, where that is the reason. Whoever operates it can mend that: the shard waits.
    pub fn lost_feed(&self) -> Option<Feed> {
        match self {
            SourceError::Shortened { feed, .. }
            | SourceError::Replaced { feed, .. }
            | SourceError::NotRefilled { feed, .. }
            | SourceError::Trimmed { feed, .. }
            | SourceError::Overtaken { feed, .. } => Some(*feed),
            _ => None,
        }
    }
}

fn begins(known: &Option<KnownTime>) -> String {
    known.map_or_else(|| "the time of its first message, once it has one".to_owned(), |known| known.to_string())
}

/// Why reading failed.
#[derive(Debug, Error)]
pub enum SourceError {
    /// Halt: the broker has lost messages that it was to keep, and skipping them would lose alerts.
    #[error(
        "cannot read {topic}/{partition} from offset {offset}: the broker no longer has it; restore the topic or start a rebuild"
    )]
    OffsetLost { topic: String, partition: i32, offset: i64 },
    /// Wait for the feed: going on would retract every alert that rests on the lost messages.
    #[error(
        "{topic}/{partition} ends at {end}, and had been read up to {read} when the shard last published: it was emptied or made anew. \
         Restore it; or have its adapter fill it again from the source, and then set feeds.{}.refilled_at to the time at which that \
         was done", feed.name()
    )]
    Shortened { topic: String, partition: i32, read: i64, end: i64, feed: Feed },
    /// Wait for the feed: the same.
    #[error(
        "{topic}/{partition} is not the topic that was read: it had been read up to {read} when the shard's clock was {clock}, and all \
         that is there just before became known after that. It was made anew (or its adapter stamped messages ahead of time). Restore it; or have its adapter fill it again from the \
         source, and then set feeds.{}.refilled_at to the time at which that was done", feed.name()
    )]
    Replaced { topic: String, partition: i32, read: i64, clock: KnownTime, feed: Feed },
    /// Wait for the feed: the same, whatever the configuration says.
    #[error(
        "{topic}/{partition} is empty. feeds.{}.refilled_at says that its adapter has filled it again: let it do so first; a partition \
         that can hold nothing any more takes one clock message", feed.name()
    )]
    NotRefilled { topic: String, partition: i32, feed: Feed },
    /// Wait for the feed: rules would take what is gone for what never happened.
    #[error(
        "{topic}/{partition} begins at offset {first}: what was written before is gone, and rules would take it for what never \
         happened. Restore it; or make the topic anew, have its adapter fill it from the source, and set feeds.{}.refilled_at; or, if \
         nothing is missed that was known before {}, set feeds.{}.begins_at = \"{}\"",
        feed.name(), begins(.known), feed.name(), begins(.known)
    )]
    Trimmed { topic: String, partition: i32, first: i64, known: Option<KnownTime>, feed: Feed },
    /// Wait for the feed: the same.
    #[error(
        "{topic}/{partition} begins at offset {first}, and the checkpoint goes on from {from}: its retention has dropped what came \
         between. Restore it (retention must reach behind the oldest checkpoint that is kept); or start from another copy of the checkpoints; or \
         have its adapter fill it from the source and set feeds.{}.refilled_at; or, if nothing is missed that was known before {}, remove the \
         checkpoints of shard {partition} and set feeds.{}.begins_at = \"{}\"",
        feed.name(), begins(.known), feed.name(), begins(.known)
    )]
    Overtaken { topic: String, partition: i32, first: i64, from: i64, known: Option<KnownTime>, feed: Feed },
    /// Halt.
    #[error("cannot read recorded feed {file}: {message}")]
    File { file: String, message: String },
    /// The group has given the shard to another instance. The owner stops at once, publishes nothing more and drops the source;
    /// dropping it is the acknowledgement.
    #[error("shard {shard} has been taken away by the consumer group")]
    Revoked { shard: i32 },
    /// Halt: the same, because the group knows no such partitions.
    #[error(
        "cannot use the assignment: the group assigned shard {shard} without \"{}\": either that topic has been deleted, or a member of \
         the group does not use the range assignor and the same topics", absent.join("\", \"")
    )]
    Split { shard: i32, absent: Vec<String> },
    /// Halt: the shard cannot be read whole.
    #[error("cannot use the assignment: {message}")]
    Assignment { message: String },
    /// The client retries by itself; this is an error that it could not recover from.
    #[error("cannot read {topic}/{partition}: {message}")]
    Kafka { topic: String, partition: i32, message: String },
}
