//! Where alerts go: the alerts topic, and a topic of its own for those of rules on trial; and where quarantined messages are noted.

pub mod kafka;

use thiserror::Error;

use crate::config::Config;
use crate::model::alert::AlertId;
use crate::model::clock::wall;
use crate::model::record::{NextOffset, Quarantined};
use crate::model::schema::Feed;
use crate::model::sets::FeedSet;
use crate::model::stage::Outlet;
use crate::model::time::{KnownTime, WallTime};
use crate::shard::{Emitted, ShownRecord};
use crate::source::Waker;

/// The Kafka headers of an alert: what depends on the run and not on the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunHeaders {
    pub published_at: WallTime,
    pub read: ReadUpTo,
    /// File name of the permit snapshot that was loaded, if any.
    pub snapshot: Option<String>,
    /// The id of the key that pseudonyms are made with, so that keys can be rotated.
    pub key_id: String,
}

/// How far a shard had read when it published a message: a rebuild that has read as far knows no less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadUpTo {
    /// The greatest known time.
    pub clock: KnownTime,
    /// The next offset of each feed's partition.
    pub offsets: [NextOffset; Feed::COUNT],
    /// Of `links` and `derived`: the known time up to which all shards had said what they show. A topic that was emptied or made anew,
    /// or that other texts fill from now on, has said less until each shard has said it again.
    pub heard: [KnownTime; 2],
}

/// How far a shard had read, by what it has published, in the feeds as they are now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    pub read: ReadUpTo,
    /// Feeds that have been filled again since: of those nothing has been read.
    pub refilled: FeedSet,
}

impl Reached {
    /// The further of two, by feed.
    pub fn max(self, other: Reached) -> Reached {
        let read = self.read.max(other.read);
        let refilled = self.refilled.union(other.refilled);
        let is_unread = |feed: &Feed| refilled.contains(*feed) && read.offsets[feed.index()] == NextOffset::default();
        Reached { read, refilled: FeedSet::of(Feed::ALL.into_iter().filter(is_unread)) }
    }
}

impl Default for ReadUpTo {
    /// Nothing read yet.
    fn default() -> ReadUpTo {
        ReadUpTo { clock: KnownTime::MIN, offsets: [NextOffset::default(); Feed::COUNT], heard: [KnownTime::MIN; 2] }
    }
}

impl ReadUpTo {
    /// Of each feed's two offsets, and of the two clocks, the greater.
    pub fn max(self, other: ReadUpTo) -> ReadUpTo {
        let furthest = |at: usize| self.offsets[at].max(other.offsets[at]);
        let heard = std::array::from_fn(|at| self.heard[at].max(other.heard[at]));
        ReadUpTo { clock: self.clock.max(other.clock), offsets: std::array::from_fn(furthest), heard }
    }

    /// What this says of the feeds as they are now, if it was published at that time: nothing of one that has been filled again
    /// since.
    pub fn as_published(self, at: WallTime, config: &Config) -> Reached {
        let is_anew = |feed: &Feed| {
            let read = self.offsets[feed.index()] > NextOffset::default();
            read && config.feed(*feed).refilled_at().is_some_and(|refilled| at < refilled)
        };
        let refilled = FeedSet::of(Feed::ALL.into_iter().filter(is_anew));
        let offset =
            |feed: Feed| if refilled.contains(feed) { NextOffset::default() } else { self.offsets[feed.index()] };
        Reached { read: ReadUpTo { offsets: Feed::ALL.map(offset), ..self }, refilled }
    }

    /// The part of this that a shard can still reach, given the partitions' ends and the latest time that can be true. A clock
    /// beyond that was moved by a message stamped in the future, and messages beyond an end are lost: no shard need wait for
    /// either.
    pub fn attainable(self, now: KnownTime, ends: &[NextOffset; Feed::COUNT]) -> ReadUpTo {
        let possible = |clock: KnownTime| if clock > now { KnownTime::MIN } else { clock };
        let offsets = std::array::from_fn(|at| self.offsets[at].min(ends[at]));
        ReadUpTo { clock: possible(self.clock), offsets, heard: self.heard.map(possible) }
    }

    /// Whether a shard that has read this far has read everything that had been read up to `other`.
    ///
    /// The offsets decide, not only the clock: in live order two runs interleave their feeds differently, and at the same clock one
    /// may have read a salary that the other has not.
    pub fn covers(&self, other: &ReadUpTo) -> bool {
        self.clock >= other.clock
            && self.offsets.iter().zip(&other.offsets).all(|(own, other)| own >= other)
            && self.heard.iter().zip(&other.heard).all(|(own, other)| own >= other)
    }
}

/// The link records to publish: what a shard's units show to others (see `shard::links`).
#[derive(Debug)]
pub struct Shown {
    /// Records; the subject of each is its receiver.
    pub records: Vec<ShownRecord>,
    /// Per internal feed: the known time up to which the shard has published everything. Goes to every partition.
    pub clocks: Vec<(Feed, KnownTime)>,
    /// Number of partitions of each feed.
    pub partitions: i32,
    /// How far the shard had read when it made these, and when that was.
    pub read: ReadUpTo,
    pub published_at: WallTime,
    /// The texts that made the records, and the rules that the shard runs.
    pub source: String,
    pub rules: String,
}

/// When the broker had written a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// When it had written the batch's alerts for officers, and those of all batches before.
    pub alerts_at: WallTime,
    /// When it had written the whole batch.
    pub at: WallTime,
}

/// Takes a shard's alerts, in order.
///
/// A call may return before the broker has written what was handed over. `seal` ends a batch, and `acknowledged` reports the
/// batches one after the other when they have been written. The alerts of an outlet are written in the order in which they are handed
/// over, across batches too: after a crash its topic holds all alerts up to some alert, and none after it. Between the topics of two
/// outlets there is no order.
pub trait AlertSink: Send {
    /// Publishes alerts; sends none twice and skips none. On an error the shard halts and restarts from what the topic says.
    fn publish(&mut self, alerts: &[Emitted], headers: &RunHeaders) -> Result<(), SinkError>;

    /// Notes quarantined messages: coordinates and reason, no payload.
    fn quarantine(&mut self, entries: &[Quarantined]) -> Result<(), SinkError>;

    /// Publishes link records, and the clocks that say up to when they are complete.
    fn links(&mut self, _: &Shown) -> Result<(), SinkError> {
        Ok(())
    }

    /// Removes alerts that somebody else has put among the shard's, by their published ids.
    fn disown(&mut self, _: Outlet, _: &[AlertId]) -> Result<(), SinkError> {
        Ok(())
    }

    /// Makes a batch, possibly an empty one, of what was handed over since the last call.
    fn seal(&mut self) {}

    /// When the oldest batch not yet reported was written; `None` if it has not been written, but with `wait` waits for it. An
    /// error may concern anything handed over before. To be called at most once per batch.
    fn acknowledged(&mut self, _wait: bool) -> Result<Option<Acknowledged>, SinkError> {
        let now = wall();
        Ok(Some(Acknowledged { alerts_at: now, at: now }))
    }

    /// Sets a function that the sink calls, from any thread, whenever `acknowledged` has something new.
    fn call_when_acknowledged(&mut self, _: Waker) {}

    /// Number of messages that other writers have put among this shard's alerts, or that are missing there, since the last call.
    fn take_foreign_writes(&mut self) -> u64 {
        0
    }
}

/// Why writing failed. Always halts the shard: no alert may be published after one that could not be.
#[derive(Debug, Error)]
pub enum SinkError {
    #[error("cannot publish to {topic}/{partition}: {message}; the shard halts and recovers from the topic")]
    Kafka { topic: String, partition: i32, message: String },
    /// Not a fault: the process is to end.
    #[error("stopped while reading what had been published")]
    Stopped,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_what_cannot_come() {
        let mut offsets = [NextOffset(10); Feed::COUNT];
        offsets[Feed::Links.index()] = NextOffset(99);
        let target = ReadUpTo { clock: KnownTime(500), offsets, heard: [KnownTime(400), KnownTime(900)] };
        let ends = [NextOffset(20); Feed::COUNT];
        let sound = target.attainable(KnownTime(600), &ends);
        assert_eq!((sound.clock, sound.offsets[Feed::Permits.index()]), (KnownTime(500), NextOffset(10)));
        assert_eq!(sound.offsets[Feed::Links.index()], NextOffset(20), "the rest is gone");
        assert_eq!(sound.heard, [KnownTime(400), KnownTime::MIN]);
        assert!(sound.covers(&sound) && !ReadUpTo { heard: [KnownTime(399), KnownTime(900)], ..sound }.covers(&sound));
        assert_eq!(
            target.attainable(KnownTime(499), &ends).clock,
            KnownTime::MIN,
            "no clock comes to a time of years ahead"
        );
    }
}
