//! The clocks: per feed the known time up to which it has been read, per rule the least of the feeds that it reads, for the shard
//! the greatest known time read. No clock ever goes back.
//!
//! This is also the only place that reads the wall clock.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::schema::Feed;
use crate::model::sets::FeedSet;
use crate::model::time::{KnownTime, WallTime};

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
    /// Advances a feed's clock: a message was read, or its adapter has written everything known up to then.
    pub fn advance(&mut self, feed: Feed, to: KnownTime) {
        let clock = &mut self.feeds[feed.index()];
        *clock = (*clock).max(to);
        self.shard = self.shard.max(to);
    }

    /// Advances only the shard's clock.
    pub fn note(&mut self, to: KnownTime) {
        self.shard = self.shard.max(to);
    }

    /// Advances all clocks: everything known up to `to` has been read, of every feed.
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

    /// The time up to which all of `feeds` have been read: absences are asserted up to here.
    pub fn least(&self, feeds: FeedSet) -> KnownTime {
        feeds.iter().map(|feed| self.feed(feed)).min().unwrap_or(self.shard)
    }

    /// Of `feeds`, the one with the least clock.
    pub fn slowest(&self, feeds: FeedSet) -> Option<Feed> {
        feeds.iter().min_by_key(|feed| (self.feed(*feed), feed.index()))
    }
}

/// The known time that each feed of a recording reaches: the greatest of its messages. A recording is read afterwards: what a feed
/// had not carried by the time of a message had not become known before that time.
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

    /// The time that all of `feeds` reach.
    pub fn least(&self, feeds: FeedSet) -> KnownTime {
        feeds.iter().map(|feed| self.of(feed)).min().unwrap_or(KnownTime::MAX)
    }

    /// The greatest of all; `None` if no feed has a message.
    pub fn last(&self) -> Option<KnownTime> {
        self.0.iter().copied().max().filter(|last| *last > KnownTime::MIN)
    }
}

/// The wall clock, for headers, latency and silence; it decides nothing about alerts.
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
