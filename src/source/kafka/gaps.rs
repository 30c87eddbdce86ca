//! Whether a register's feed still holds what a shard needs of it: what had been read before, and its beginning.
//!
//! A partition that was made anew ends before what had been read of it, or holds there what became known later. One that lost its
//! beginning, by retention or because its records were deleted, begins after offset 0. Both are decided by what the partition and the
//! shard's own topics say now, so every start decides alike, whichever process makes it and whatever happened to the last one.

use crate::config::Config;
use crate::kafka::Patience;
use crate::model::record::NextOffset;
use crate::model::schema::Feed;
use crate::model::time::KnownTime;
use crate::source::SourceError;

use super::single::times;

/// Messages before the last one read that are looked at. One may be stamped wrongly, not all.
const LOOKED_AT: i64 = 100;

/// What a shard had read of a partition when it last published.
#[derive(Clone, Copy, Debug)]
pub struct Before {
    pub next: NextOffset,
    /// The greatest known time of all the shard's feeds.
    pub clock: KnownTime,
    /// The topic was filled again since: what was read before says nothing.
    pub is_refilled: bool,
    /// Where the shard goes on from a checkpoint: what lies before that it has.
    pub from: Option<NextOffset>,
}

/// Compares partitions with what had been read of them.
pub struct Gaps<'a> {
    pub config: &'a Config,
}

impl Gaps<'_> {
    /// An error that names what is missing and what can be done ([`SourceError::lost_feed`]), or why the brokers cannot be asked.
    /// `bounds` are the partition's beginning and end.
    pub(crate) fn check(
        &self,
        feed: Feed,
        partition: i32,
        bounds: (NextOffset, NextOffset),
        before: Before,
        patience: Patience<'_>,
    ) -> Result<(), SourceError> {
        let ((NextOffset(first), NextOffset(end)), NextOffset(read)) = (bounds, before.next);
        let topic = self.config.kafka.topic(feed);
        if before.is_refilled && first == end {
            return Err(SourceError::NotRefilled { topic, partition, feed });
        }
        let read_ever = read.max(before.from.unwrap_or_default().0);
        if end < read_ever {
            let read = read_ever;
            return Err(SourceError::Shortened { topic, partition, read, end, feed });
        }
        if let Some(NextOffset(from)) = before.from
            && first > from
        {
            let known =
                times(&self.config.kafka, feed, partition, first..(first + 1).min(end), patience)?.first().copied();
            return Err(SourceError::Overtaken { topic, partition, first, from, known, feed });
        }
        let last = first.max(read - LOOKED_AT)..read;
        if !last.is_empty() {
            let times = times(&self.config.kafka, feed, partition, last, patience)?;
            if times.iter().min().is_some_and(|time| *time > before.clock) {
                return Err(SourceError::Replaced { topic, partition, read, clock: before.clock, feed });
            }
        }
        match before.from {
            Some(_) => Ok(()),
            None => self.check_beginning(feed, partition, bounds, patience),
        }
    }

    /// Whether what is gone from the partition's beginning need not be there. A permit snapshot brings it for the permits feed.
    pub(crate) fn check_beginning(
        &self,
        feed: Feed,
        partition: i32,
        (NextOffset(first), NextOffset(end)): (NextOffset, NextOffset),
        patience: Patience<'_>,
    ) -> Result<(), SourceError> {
        if first == 0 || feed == Feed::Permits && self.config.snapshot.dir.is_some() {
            return Ok(());
        }
        let known = match first == end {
            true => None,
            false => times(&self.config.kafka, feed, partition, first..first + 1, patience)?.first().copied(),
        };
        match (known, self.config.feed(feed).begins_at()) {
            (Some(known), Some(begins_at)) if known <= begins_at => Ok(()),
            _ => Err(SourceError::Trimmed { topic: self.config.kafka.topic(feed), partition, first, known, feed }),
        }
    }
}
