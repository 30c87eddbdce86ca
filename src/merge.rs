//! One order out of the lanes of all feeds: (known_time, feed, offset), permits first.
//!
//! A lane that may still have an earlier message holds the merge; one that has been read to its end does not.
//! Records of other feeds wait until the permits feed has spoken up to `permit_lead` before them, so that who
//! belongs to the population is decided on reading and never revised.

use std::time::{Duration, Instant};

use crate::record::{Lent, NextOffset};
use crate::schema::Feed;
use crate::source::{Ahead, ShardSource, SourceError};
use crate::time::KnownTime;

/// How long [`Merge::gather`] waits for one message.
const GATHER_INTERVAL: Duration = Duration::from_millis(5);

/// How long it waits in all while none comes: what was known to be on its way may not come at all.
const GATHER_LIMIT: Duration = Duration::from_millis(20);

/// What the merge can give now.
#[derive(Debug)]
pub enum Merged<'a> {
    Message(Lent<'a>),
    /// Nothing until this lane delivers; `None`: all lanes are at their end.
    Waiting(Option<Feed>),
    /// Every lane has finished: recorded files, read whole.
    Finished,
}

/// The merge of one shard.
pub struct Merge<S> {
    source: S,
    /// What each lane last said; `Pending`: not asked, or nothing at hand.
    heads: [Ahead; Feed::COUNT],
    positions: [NextOffset; Feed::COUNT],
    permit_lead: i64,
    permits_clock: KnownTime,
    /// Since when it gathers and nothing has come.
    stalled: Option<Instant>,
}

/// The heads at one moment.
struct Heads {
    /// The message that comes first; of the same known time the one of the feed that stands first.
    first: Option<(KnownTime, Feed)>,
    /// A lane that may still have an earlier one.
    pending: Option<Feed>,
}

impl<S: ShardSource> Merge<S> {
    pub fn new(source: S, permit_lead: i64) -> Merge<S> {
        Merge {
            source,
            heads: [Ahead::Pending; Feed::COUNT],
            positions: [NextOffset::default(); Feed::COUNT],
            permit_lead,
            permits_clock: KnownTime::MIN,
            stalled: None,
        }
    }

    /// Where each lane would be read from next.
    pub fn positions(&self) -> &[NextOffset; Feed::COUNT] {
        &self.positions
    }

    pub fn source(&mut self) -> &mut S {
        &mut self.source
    }

    /// The wall clock stood in for the permits feed's own.
    pub fn advance_permits(&mut self, to: KnownTime) {
        self.permits_clock = self.permits_clock.max(to);
    }

    /// Blocks until a lane may have something new.
    pub fn wait(&mut self, timeout: Duration) {
        self.source.wait(timeout);
    }

    /// Nothing is at hand, and so many messages of a batch have been taken: whether to go on with it, since more than these are known
    /// to be on their way. If so, waits a moment for them.
    ///
    /// So a batch grows with what a shard is behind, and each person who comes up in it several times is looked at once; a shard that
    /// is not behind waits for nothing.
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

    /// Every lane has said what comes next of it, or that nothing does: what cannot be taken now waits for another feed.
    pub fn has_heard_all(&self) -> bool {
        self.heads.iter().all(|head| *head != Ahead::Pending)
    }

    /// Known time of the next message, if one is at hand.
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
            let finished = self.heads.iter().all(|head| *head == Ahead::Finished);
            return Ok(if finished { Merged::Finished } else { Merged::Waiting(None) });
        };
        if self.waits_for_permits(feed, known_time) {
            return Ok(Merged::Waiting(Some(Feed::Permits)));
        }
        self.heads[feed.index()] = Ahead::Pending;
        let Some(message) = self.source.take(feed) else { return Ok(Merged::Waiting(Some(feed))) };
        self.positions[feed.index()] = message.offset.next();
        self.stalled = None;
        if feed == Feed::Permits && message.claimed_time.is_none() {
            // After a record, another one of the same instant may follow; a clock message is the last of its instant.
            let spoken = if message.is_clock() { message.known_time } else { message.known_time.minus(1) };
            self.permits_clock = self.permits_clock.max(spoken);
        }
        Ok(Merged::Message(message))
    }

    /// Asks the lanes that have something to say: the one that was taken from, those that had nothing at hand, and those at
    /// their end where something has come since.
    fn look(&mut self) -> Result<Heads, SourceError> {
        let news = self.source.news();
        let mut heads = Heads { first: None, pending: None };
        for feed in Feed::ALL {
            let mut head = self.heads[feed.index()];
            if head == Ahead::Pending || head == Ahead::AtEnd && news.contains(feed) {
                match self.source.ahead(feed)? {
                    // A lane once at its end stays there until it delivers.
                    Ahead::Pending => {}
                    ahead => head = ahead,
                }
                self.heads[feed.index()] = head;
            }
            match head {
                Ahead::Message(time) if heads.first.is_none_or(|(first, _)| time < first) => {
                    heads.first = Some((time, feed));
                }
                Ahead::Pending => heads.pending = heads.pending.or(Some(feed)),
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
            // Its next message is at hand and comes later, or it has nothing more to say.
            Ahead::Message(_) | Ahead::Finished => false,
            _ => self.permits_clock < known_time.minus(self.permit_lead),
        }
    }
}

#[cfg(test)]
mod tests;
