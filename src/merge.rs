//! Merges the lanes of all feeds into one order: (known_time, feed, offset), permits first.
//!
//! A lane that may still deliver an earlier message holds up the merge; a lane that has been read to its end does not. Records of
//! other feeds wait until the permits feed has been read up to `permit_lead` before them, so that who belongs to the population is
//! decided when a record is read, and never revised.

use std::time::{Duration, Instant};

use crate::model::record::{Lent, NextOffset};
use crate::model::schema::Feed;
use crate::model::time::KnownTime;
use crate::source::{LaneHead, ShardSource, SourceError};

/// How long one wait of [`Merge::gather`] lasts at most.
const GATHER_INTERVAL: Duration = Duration::from_millis(5);

/// How long [`Merge::gather`] waits in all while no message comes: the messages counted as on their way may not exist.
const GATHER_LIMIT: Duration = Duration::from_millis(20);

/// What the merge can give now.
#[derive(Debug)]
pub enum Merged<'a> {
    Message(Lent<'a>),
    /// No message can be given until this lane delivers; `None`: all lanes are at their end.
    Waiting(Option<Feed>),
    /// Every lane is a recorded file that has been read whole.
    Finished,
}

/// The merge of one shard.
pub struct Merge<S> {
    source: S,
    /// What each lane last reported; `Pending` also for a lane that has not been asked since.
    heads: [LaneHead; Feed::COUNT],
    positions: [NextOffset; Feed::COUNT],
    permit_lead: i64,
    permits_clock: KnownTime,
    /// When gathering began to wait without a message.
    stalled: Option<Instant>,
}

/// The heads at one moment.
struct Heads {
    /// The message that comes first; of equal known times, that of the first feed in the order of feeds.
    first: Option<(KnownTime, Feed)>,
    /// A lane that may still deliver an earlier message.
    pending: Option<Feed>,
}

impl<S: ShardSource> Merge<S> {
    pub fn new(source: S, permit_lead: i64) -> Merge<S> {
        Merge {
            source,
            heads: [LaneHead::Pending; Feed::COUNT],
            positions: [NextOffset::default(); Feed::COUNT],
            permit_lead,
            permits_clock: KnownTime::MIN,
            stalled: None,
        }
    }

    /// The next offset of each lane.
    pub fn positions(&self) -> &[NextOffset; Feed::COUNT] {
        &self.positions
    }

    /// Goes on from a checkpoint: the next offset of each lane, and up to where the permits feed has spoken.
    pub fn go_on(&mut self, positions: [NextOffset; Feed::COUNT], permits_clock: KnownTime) {
        self.positions = positions;
        self.advance_permits(permits_clock);
    }

    /// Up to where the permits feed has spoken.
    pub fn permits_clock(&self) -> KnownTime {
        self.permits_clock
    }

    pub fn source(&mut self) -> &mut S {
        &mut self.source
    }

    /// Advances the permits feed's clock by the wall clock, where the feed has no clock messages.
    pub fn advance_permits(&mut self, to: KnownTime) {
        self.permits_clock = self.permits_clock.max(to);
    }

    /// Blocks until a lane may have something new.
    pub fn wait(&mut self, timeout: Duration) {
        self.source.wait(timeout);
    }

    /// Called when no message is at hand. Whether to go on with the batch, of which `taken` messages have been taken: it goes on
    /// while more messages than these are known to be on their way. If so, waits a moment for them.
    ///
    /// So a batch grows with how far the shard is behind, and a person of whom it has several messages is evaluated once. A shard
    /// that is not behind does not wait.
    pub fn gather(&mut self, taken: usize) -> bool {
        let since = *self.stalled.get_or_insert_with(Instant::now);
        let goes_on = taken > 0 && since.elapsed() <= GATHER_LIMIT && self.source.backlog() > taken as u64;
        if goes_on {
            self.source.wait(GATHER_INTERVAL);
        } else {
            self.stalled = None;
        }
        goes_on
    }

    /// Every lane has reported its next message or its end: a message that cannot be taken now waits for another feed.
    pub fn has_heard_all(&self) -> bool {
        self.heads.iter().all(|head| *head != LaneHead::Pending)
    }

    /// Known time of the next message, if there is one.
    pub fn peek(&mut self) -> Result<Option<KnownTime>, SourceError> {
        Ok(self.look()?.first.map(|(known_time, _)| known_time))
    }

    /// The next message in order.
    pub fn take(&mut self) -> Result<Merged<'_>, SourceError> {
        let heads = self.look()?;
        if heads.pending.is_some() {
            return Ok(Merged::Waiting(heads.pending));
        }
        let Some((known_time, feed)) = heads.first else {
            let finished = self.heads.iter().all(|head| *head == LaneHead::Finished);
            return Ok(if finished { Merged::Finished } else { Merged::Waiting(None) });
        };
        if self.waits_for_permits(feed, known_time) {
            return Ok(Merged::Waiting(Some(Feed::Permits)));
        }
        self.heads[feed.index()] = LaneHead::Pending;
        let Some(message) = self.source.take(feed) else { return Ok(Merged::Waiting(Some(feed))) };
        self.positions[feed.index()] = message.offset.next();
        self.stalled = None;
        if feed == Feed::Permits && message.claimed_time.is_none() {
            // A record may be followed by another of the same instant; after a clock message none follows.
            let spoken = if message.is_clock() { message.known_time } else { message.known_time.minus(1) };
            self.permits_clock = self.permits_clock.max(spoken);
        }
        Ok(Merged::Message(message))
    }

    /// Asks the lanes that may have changed: the one that a message was taken from, those that had none at hand, and those at their
    /// end that have received something since.
    fn look(&mut self) -> Result<Heads, SourceError> {
        let news = self.source.news();
        let mut heads = Heads { first: None, pending: None };
        for feed in Feed::ALL {
            let mut head = self.heads[feed.index()];
            if head == LaneHead::Pending || head == LaneHead::AtEnd && news.contains(feed) {
                match self.source.ahead(feed)? {
                    // A lane at its end counts as at its end until it delivers.
                    LaneHead::Pending => {}
                    ahead => head = ahead,
                }
                self.heads[feed.index()] = head;
            }
            match head {
                LaneHead::Message(time) if heads.first.is_none_or(|(first, _)| time < first) => {
                    heads.first = Some((time, feed));
                }
                LaneHead::Pending => heads.pending = heads.pending.or(Some(feed)),
                _ => {}
            }
        }
        Ok(heads)
    }

    fn waits_for_permits(&self, feed: Feed, known_time: KnownTime) -> bool {
        if matches!(feed, Feed::Permits | Feed::Reference) {
            return false;
        }
        match self.heads[Feed::Permits.index()] {
            // The permits feed's next message is at hand and comes later, or the feed has ended.
            LaneHead::Message(_) | LaneHead::Finished => false,
            _ => self.permits_clock < known_time.minus(self.permit_lead),
        }
    }
}

#[cfg(test)]
mod tests;
