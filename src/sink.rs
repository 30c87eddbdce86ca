//! Where alerts go: the alerts topic, a file, a terminal; and where bad records are noted.

pub mod file;
pub mod kafka;
pub mod terminal;

use thiserror::Error;

use crate::alert::Alert;
use crate::clock::wall;
use crate::record::{NextOffset, Quarantined};
use crate::schema::Feed;
use crate::shard::ShownRecord;
use crate::source::Waker;
use crate::time::{KnownTime, WallTime};

/// What travels beside an alert and depends on the run, as Kafka headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunHeaders {
    pub published_at: WallTime,
    pub read: ReadUpTo,
    /// File name of the permit snapshot that was loaded, if any.
    pub snapshot: Option<String>,
    /// Names the key of the pseudonyms, so that keys can be rotated.
    pub pseudonym_key_id: String,
}

/// How far a shard had read when it said something: a rebuild that has come as far knows no less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadUpTo {
    /// The greatest known time.
    pub clock: KnownTime,
    /// Where each feed's partition would be read from next.
    pub offsets: [NextOffset; Feed::COUNT],
}

impl Default for ReadUpTo {
    /// Nothing yet.
    fn default() -> ReadUpTo {
        ReadUpTo { clock: KnownTime::MIN, offsets: [NextOffset::default(); Feed::COUNT] }
    }
}

impl ReadUpTo {
    /// The further of both in every feed.
    pub fn max(self, other: ReadUpTo) -> ReadUpTo {
        let furthest = |at: usize| self.offsets[at].max(other.offsets[at]);
        ReadUpTo { clock: self.clock.max(other.clock), offsets: std::array::from_fn(furthest) }
    }

    /// What a shard can still come to that reads partitions with these ends, at a time that can be true. A clock that cannot was
    /// moved there by a timestamp of years to come, and messages beyond an end are gone: nobody need wait for either.
    pub fn attainable(self, now: KnownTime, ends: &[NextOffset; Feed::COUNT]) -> ReadUpTo {
        let clock = if self.clock > now { KnownTime::MIN } else { self.clock };
        ReadUpTo { clock, offsets: std::array::from_fn(|at| self.offsets[at].min(ends[at])) }
    }

    /// A shard that has read up to here has read all that had been read up to `other`.
    ///
    /// The offsets decide, not the clock alone: in live order two runs interleave their feeds differently, and at the same clock one
    /// may have read a salary that the other has not.
    pub fn covers(&self, other: &ReadUpTo) -> bool {
        self.clock >= other.clock && self.offsets.iter().zip(&other.offsets).all(|(own, other)| own >= other)
    }
}

/// What a shard's units show to others (see `shard::links`).
#[derive(Debug)]
pub struct Shown {
    /// For the receivers that they name as their subjects.
    pub records: Vec<ShownRecord>,
    /// Up to when everything has been said, per internal feed; to be told to every partition.
    pub clocks: Vec<(Feed, KnownTime)>,
    /// Partitions of the feeds.
    pub partitions: i32,
    /// What the shard had read when it found that.
    pub read: ReadUpTo,
}

/// When a batch had been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// Its alerts, and those of all batches before it.
    pub alerts_at: WallTime,
    /// All of it.
    pub at: WallTime,
}

/// Takes a shard's alerts, in order.
///
/// What is handed over need not have been written yet when the call returns. `seal` makes a batch of it, and `acknowledged` says
/// of one batch after the other when it had been written. Alerts are written in the order in which they were handed over, those
/// of later batches too: what is on the topic after a crash is all that was said up to some alert, and nothing after it.
pub trait AlertSink: Send {
    /// None is sent twice and none skipped. On an error the shard halts and starts again from what the topic says.
    fn publish(&mut self, alerts: &[Alert], headers: &RunHeaders) -> Result<(), SinkError>;

    /// Notes messages that were set aside: coordinates and reason, no payload.
    fn quarantine(&mut self, entries: &[Quarantined]) -> Result<(), SinkError>;

    /// Writes what a shard's units show to those of others, and up to when it has said everything.
    fn links(&mut self, _: &Shown) -> Result<(), SinkError> {
        Ok(())
    }

    /// What was handed over since the last call is a batch, even if that is nothing.
    fn seal(&mut self) {}

    /// When the oldest batch that this has not yet told of had been written; `None` if it has not, unless it is to be waited for.
    /// An error is one of anything handed over before. To be called once for each batch, at most.
    fn acknowledged(&mut self, _wait: bool) -> Result<Option<Acknowledged>, SinkError> {
        let now = wall();
        Ok(Some(Acknowledged { alerts_at: now, at: now }))
    }

    /// To be called, from any thread, whenever `acknowledged` has something new to tell.
    fn call_when_acknowledged(&mut self, _: Waker) {}

    /// Messages that somebody else has put among this shard's alerts since this was last asked.
    fn take_foreign_writes(&mut self) -> u64 {
        0
    }
}

/// Why writing failed. Always a halt of the shard: nothing may be published past a gap.
#[derive(Debug, Error)]
pub enum SinkError {
    #[error("cannot publish to {topic}/{partition}: {message}; the shard halts and recovers from the topic")]
    Kafka { topic: String, partition: i32, message: String },
    #[error("cannot write alerts to {file}: {message}")]
    File { file: String, message: String },
    /// No fault: the process is to end.
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
        let target = ReadUpTo { clock: KnownTime(500), offsets };
        let ends = [NextOffset(20); Feed::COUNT];
        let sound = target.attainable(KnownTime(600), &ends);
        assert_eq!((sound.clock, sound.offsets[Feed::Permits.index()]), (KnownTime(500), NextOffset(10)));
        assert_eq!(sound.offsets[Feed::Links.index()], NextOffset(20), "the rest is gone");
        assert_eq!(
            target.attainable(KnownTime(499), &ends).clock,
            KnownTime::MIN,
            "no clock comes to a time of years ahead"
        );
    }
}
