//! The clocks: per feed the known time up to which it has spoken, per rule the least of the feeds that it reads,
//! for the shard the greatest known time read. None of them ever goes back.
//!
//! This is also the only place that reads the wall clock.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::schema::Feed;
use crate::time::{KnownTime, WallTime};

/// A set of feeds, as bits by [`Feed::index`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedSet(pub u16);

impl FeedSet {
    pub fn of(feeds: impl IntoIterator<Item = Feed>) -> FeedSet {
        FeedSet(feeds.into_iter().fold(0, |bits, feed| bits | 1 << feed.index()))
    }

    pub fn contains(self, feed: Feed) -> bool {
        self.0 & (1 << feed.index()) != 0
    }

    pub fn union(self, other: FeedSet) -> FeedSet {
        FeedSet(self.0 | other.0)
    }

    pub fn iter(self) -> impl Iterator<Item = Feed> {
        Feed::ALL.into_iter().filter(move |feed| self.contains(*feed))
    }
}

/// The clocks of one shard.
#[derive(Clone, Debug)]
pub struct Clocks {
    feeds: [KnownTime; Feed::COUNT],
    shard: KnownTime,
}

impl Default for Clocks {
    fn default() -> Clocks {
        Clocks { feeds: [KnownTime::MIN; Feed::COUNT], shard: KnownTime::MIN }
    }
}

impl Clocks {
    /// A message of the feed was read, or its adapter said that it has spoken up to then.
    pub fn advance(&mut self, feed: Feed, to: KnownTime) {
        let clock = &mut self.feeds[feed.index()];
        *clock = (*clock).max(to);
        self.shard = self.shard.max(to);
    }

    /// Something known at `to` was read that moves no feed's clock.
    pub fn note(&mut self, to: KnownTime) {
        self.shard = self.shard.max(to);
    }

    /// Everything known up to `to` has been read, of every feed.
    pub fn advance_all(&mut self, to: KnownTime) {
        for feed in Feed::ALL {
            self.advance(feed, to);
        }
    }

    pub fn feed(&self, feed: Feed) -> KnownTime {
        self.feeds[feed.index()]
    }

    /// The greatest known time read.
    pub fn shard(&self) -> KnownTime {
        self.shard
    }

    /// The time up to which all of `feeds` have spoken: absence is asserted up to here.
    pub fn least(&self, feeds: FeedSet) -> KnownTime {
        feeds.iter().map(|feed| self.feed(feed)).min().unwrap_or(self.shard)
    }

    /// The feed that holds the least of them back.
    pub fn slowest(&self, feeds: FeedSet) -> Option<Feed> {
        feeds.iter().min_by_key(|feed| (self.feed(*feed), feed.index()))
    }
}

/// How far each feed of a recording has spoken: the greatest known time of its messages. A recording is read after the fact, so what a
/// feed that spoke at a time had not said before it had not become known before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoken(pub [KnownTime; Feed::COUNT]);

impl Default for Spoken {
    fn default() -> Spoken {
        Spoken([KnownTime::MIN; Feed::COUNT])
    }
}

impl Spoken {
    pub fn of(&self, feed: Feed) -> KnownTime {
        self.0[feed.index()]
    }

    /// The time up to which all of `feeds` have spoken.
    pub fn least(&self, feeds: FeedSet) -> KnownTime {
        feeds.iter().map(|feed| self.of(feed)).min().unwrap_or(KnownTime::MAX)
    }

    /// The greatest of all; `None` if none has said anything.
    pub fn last(&self) -> Option<KnownTime> {
        self.0.iter().copied().max().filter(|last| *last > KnownTime::MIN)
    }
}

/// The time on the wall, for headers, latency and silence; it decides nothing about alerts.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub fn wall() -> WallTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallTime(since.as_micros() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_waits_for_its_slowest_feed_and_no_clock_goes_back() {
        let mut clocks = Clocks::default();
        clocks.advance(Feed::Payments, KnownTime(10));
        clocks.advance(Feed::Permits, KnownTime(30));
        clocks.advance(Feed::Permits, KnownTime(20));
        let both = FeedSet::of([Feed::Payments, Feed::Permits]);
        assert_eq!(clocks.least(both), KnownTime(10));
        assert_eq!(clocks.slowest(both), Some(Feed::Payments));
        assert_eq!(clocks.feed(Feed::Permits), KnownTime(30));
        assert_eq!(clocks.least(FeedSet::of([Feed::Studies])), KnownTime::MIN);
    }
}
