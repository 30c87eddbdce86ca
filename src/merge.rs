//! One order out of the lanes of all feeds: (known_time, feed, offset), permits first.
//!
//! A lane that may still have an earlier message holds the merge; one that has been read to its end does not.
//! Records of other feeds wait until the permits feed has spoken up to `permit_lead` before them, so that who
//! belongs to the population is decided on reading and never revised.

use std::time::Duration;

use crate::record::{Message, NextOffset};
use crate::schema::Feed;
use crate::source::{Polled, ShardSource, SourceError};
use crate::time::KnownTime;

#[derive(Debug)]
enum Head {
    /// Not asked, or nothing at hand.
    Unknown,
    Message(Message),
    AtEnd,
    Finished,
}

/// What the merge can give now.
#[derive(Debug)]
pub enum Merged {
    Message(Message),
    /// Nothing until this lane delivers; `None`: all lanes are at their end.
    Waiting(Option<Feed>),
    /// The next message is known later than the given limit.
    Beyond,
    /// Every lane has finished: recorded files, read whole.
    Finished,
}

/// The merge of one shard.
pub struct Merge<S> {
    source: S,
    heads: [Head; Feed::COUNT],
    positions: [NextOffset; Feed::COUNT],
    permit_lead: i64,
    permits_clock: KnownTime,
}

impl<S: ShardSource> Merge<S> {
    pub fn new(source: S, permit_lead: i64) -> Merge<S> {
        Merge {
            source,
            heads: [const { Head::Unknown }; Feed::COUNT],
            positions: [NextOffset::default(); Feed::COUNT],
            permit_lead,
            permits_clock: KnownTime::MIN,
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

    /// Whether a lane has been read to its end.
    pub fn at_end(&self, feed: Feed) -> bool {
        matches!(self.heads[feed.index()], Head::AtEnd | Head::Finished)
    }

    /// Known time of the next message, if one is at hand.
    pub fn peek(&mut self) -> Result<Option<KnownTime>, SourceError> {
        self.fill()?;
        Ok(self.first().and_then(|feed| self.head_time(feed)))
    }

    /// The next message in order.
    pub fn take(&mut self) -> Result<Merged, SourceError> {
        self.take_until(None)
    }

    /// The next message in order, unless it is known later than `limit`.
    pub fn take_until(&mut self, limit: Option<KnownTime>) -> Result<Merged, SourceError> {
        self.fill()?;
        if let Some(lane) = Feed::ALL.into_iter().find(|feed| matches!(self.heads[feed.index()], Head::Unknown)) {
            return Ok(Merged::Waiting(Some(lane)));
        }
        let Some(feed) = self.first() else {
            let finished = self.heads.iter().all(|head| matches!(head, Head::Finished));
            return Ok(if finished { Merged::Finished } else { Merged::Waiting(None) });
        };
        if self.waits_for_permits(feed) {
            return Ok(Merged::Waiting(Some(Feed::Permits)));
        }
        if limit.is_some_and(|limit| self.head_time(feed).is_some_and(|time| time > limit)) {
            return Ok(Merged::Beyond);
        }
        match std::mem::replace(&mut self.heads[feed.index()], Head::Unknown) {
            Head::Message(message) => {
                self.positions[feed.index()] = message.offset.next();
                if feed == Feed::Permits {
                    // After a record, another one of the same instant may follow; a clock message is the last of its instant.
                    let spoken = if message.is_clock() { message.known_time } else { message.known_time.minus(1) };
                    self.permits_clock = self.permits_clock.max(spoken);
                }
                Ok(Merged::Message(message))
            }
            _ => Ok(Merged::Waiting(Some(feed))),
        }
    }

    fn fill(&mut self) -> Result<(), SourceError> {
        for feed in Feed::ALL {
            let head = &mut self.heads[feed.index()];
            if matches!(head, Head::Unknown | Head::AtEnd) {
                match self.source.poll(feed)? {
                    Polled::Message(message) => *head = Head::Message(message),
                    Polled::AtEnd => *head = Head::AtEnd,
                    Polled::Finished => *head = Head::Finished,
                    // A lane once at its end stays there until it delivers.
                    Polled::Pending => {}
                }
            }
        }
        Ok(())
    }

    /// The lane whose head comes first; ties go to the feed that stands first.
    fn first(&self) -> Option<Feed> {
        Feed::ALL
            .into_iter()
            .filter_map(|feed| self.head_time(feed).map(|time| (time, feed)))
            .min()
            .map(|(_, feed)| feed)
    }

    fn head_time(&self, feed: Feed) -> Option<KnownTime> {
        match &self.heads[feed.index()] {
            Head::Message(message) => Some(message.known_time),
            _ => None,
        }
    }

    fn waits_for_permits(&self, feed: Feed) -> bool {
        if matches!(feed, Feed::Permits | Feed::Reference) {
            return false;
        }
        match (&self.heads[Feed::Permits.index()], self.head_time(feed)) {
            // Its next message is at hand and comes later, or it has nothing more to say.
            (Head::Message(_) | Head::Finished, _) => false,
            (_, Some(time)) => self.permits_clock < time.minus(self.permit_lead),
            (_, None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::record::Offset;

    #[test]
    fn after_a_permits_record_another_of_its_instant_may_follow() {
        let record = |known| match at(Feed::Permits, known) {
            Polled::Message(message) => Polled::Message(Message {
                key: Some(b"p".as_slice().into()),
                payload: Some(b"{}".as_slice().into()),
                ..message
            }),
            other => other,
        };
        let mut merge = lanes(vec![
            (Feed::Permits, vec![record(1), Polled::AtEnd, record(1), at(Feed::Permits, 1), Polled::AtEnd]),
            (Feed::Payments, vec![at(Feed::Payments, 6)]),
        ]);
        assert_eq!(taken(&mut merge), Some((Feed::Permits, 1)));
        assert!(matches!(merge.take().unwrap(), Merged::Waiting(Some(Feed::Permits))));
        assert_eq!(taken(&mut merge), Some((Feed::Permits, 1)));
        assert_eq!(taken(&mut merge), Some((Feed::Permits, 1)));
        assert_eq!(taken(&mut merge), Some((Feed::Payments, 6)));
    }

    struct Lanes([VecDeque<Polled>; Feed::COUNT]);

    impl ShardSource for Lanes {
        fn poll(&mut self, feed: Feed) -> Result<Polled, SourceError> {
            Ok(self.0[feed.index()].pop_front().unwrap_or(Polled::Pending))
        }

        fn wait(&mut self, _: Duration) {}
    }

    fn at(feed: Feed, known: i64) -> Polled {
        Polled::Message(Message {
            feed,
            partition: 0,
            offset: Offset(known),
            known_time: KnownTime(known),
            key: None,
            payload: None,
            sent_at: None,
        })
    }

    fn lanes(given: Vec<(Feed, Vec<Polled>)>) -> Merge<Lanes> {
        let mut lanes = [const { VecDeque::new() }; Feed::COUNT];
        for feed in Feed::ALL {
            lanes[feed.index()].push_back(Polled::AtEnd);
        }
        for (feed, polled) in given {
            lanes[feed.index()] = polled.into();
        }
        Merge::new(Lanes(lanes), 5)
    }

    fn taken(merge: &mut Merge<Lanes>) -> Option<(Feed, i64)> {
        match merge.take().unwrap() {
            Merged::Message(message) => Some((message.feed, message.known_time.0)),
            _ => None,
        }
    }

    #[test]
    fn permits_come_first_at_one_instant() {
        let mut merge = lanes(vec![
            (Feed::Payments, vec![at(Feed::Payments, 7), Polled::AtEnd]),
            (Feed::Permits, vec![at(Feed::Permits, 7), Polled::AtEnd]),
        ]);
        assert_eq!(taken(&mut merge), Some((Feed::Permits, 7)));
        assert_eq!(taken(&mut merge), Some((Feed::Payments, 7)));
    }

    #[test]
    fn a_lane_with_more_under_way_holds_the_merge() {
        let mut merge =
            lanes(vec![(Feed::Studies, vec![Polled::Pending]), (Feed::Permits, vec![at(Feed::Permits, 1)])]);
        assert!(matches!(merge.take().unwrap(), Merged::Waiting(Some(Feed::Studies))));
    }

    #[test]
    fn others_wait_until_the_permits_have_spoken_up_to_the_lead() {
        let mut merge = lanes(vec![
            (Feed::Permits, vec![at(Feed::Permits, 1), Polled::AtEnd, Polled::AtEnd, at(Feed::Permits, 20)]),
            (Feed::Payments, vec![at(Feed::Payments, 6), at(Feed::Payments, 7)]),
        ]);
        assert_eq!(taken(&mut merge), Some((Feed::Permits, 1)));
        assert_eq!(taken(&mut merge), Some((Feed::Payments, 6)));
        assert!(matches!(merge.take().unwrap(), Merged::Waiting(Some(Feed::Permits))));
        assert_eq!(taken(&mut merge), Some((Feed::Payments, 7)));
    }
}
