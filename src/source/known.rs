//! Computes known times from timestamps. Within a partition they never fall, and none is further ahead of the wall clock than
//! clocks differ: otherwise one message stamped in a year to come would move the partition's clock there, and every deadline would
//! fall due.

use crate::config::MAX_AHEAD_SECONDS;
use crate::model::clock::wall;
use crate::model::time::{KnownTime, MICROS_PER_SECOND};

/// The latest timestamp that can be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Up to so many microseconds ahead of the wall clock.
    Wall { max_ahead: i64 },
    /// Up to a moment at which all messages had been written: for a recording.
    Until(KnownTime),
}

impl Bound {
    /// For messages that have been written already: on any machine's clock, that was before now.
    pub const WRITTEN: Bound = Bound::Wall { max_ahead: MAX_AHEAD_SECONDS as i64 * MICROS_PER_SECOND };

    /// The latest timestamp that can be true now.
    pub fn now(self) -> KnownTime {
        match self {
            Bound::Wall { max_ahead } => KnownTime(wall().0.saturating_add(max_ahead)),
            Bound::Until(until) => until,
        }
    }
}

/// The times of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// When the message became known. If its timestamp cannot be true, the known time of the message before it.
    pub known_time: KnownTime,
    /// The message's timestamp, if it cannot be true.
    pub claimed: Option<KnownTime>,
}

/// Computes the known times of one partition's messages.
#[derive(Clone, Debug)]
pub struct KnownTimes {
    last: KnownTime,
    bound: Bound,
    /// The last bound computed. The bound only rises, so it is computed again only for a timestamp beyond it.
    until: KnownTime,
}

impl KnownTimes {
    pub fn new(bound: Bound) -> KnownTimes {
        KnownTimes { last: KnownTime::MIN, bound, until: KnownTime::MIN }
    }

    /// The known time of the last message; no later message has a lesser one.
    pub fn last(&self) -> KnownTime {
        self.last
    }

    /// Continues after a message of this known time.
    pub fn go_on(&mut self, last: KnownTime) {
        self.last = last;
    }

    /// The stamp of the next message, whose timestamp says `time`.
    #[inline]
    pub fn next(&mut self, time: KnownTime) -> Stamp {
        if time > self.until {
            self.until = self.bound.now();
        }
        if time > self.until {
            return Stamp { known_time: self.last, claimed: Some(time) };
        }
        self.last = self.last.max(time);
        Stamp { known_time: self.last, claimed: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::MICROS_PER_DAY;

    #[test]
    fn known_times_never_fall() {
        let mut times = KnownTimes::new(Bound::Until(KnownTime(100)));
        let known: Vec<i64> = [5, 9, 7, 9, 100].map(|time| times.next(KnownTime(time)).known_time.0).into();
        assert_eq!(known, [5, 9, 9, 9, 100]);
    }

    #[test]
    fn a_timestamp_that_cannot_be_true_moves_nothing() {
        let mut times = KnownTimes::new(Bound::Until(KnownTime(100)));
        times.next(KnownTime(50));
        assert_eq!(times.next(KnownTime(101)), Stamp { known_time: KnownTime(50), claimed: Some(KnownTime(101)) });
        assert_eq!(times.next(KnownTime(60)), Stamp { known_time: KnownTime(60), claimed: None });
    }

    #[test]
    fn the_wall_clock_bounds_what_is_live() {
        let mut times = KnownTimes::new(Bound::Wall { max_ahead: MICROS_PER_DAY });
        let now = wall().0;
        assert_eq!(times.next(KnownTime(now + MICROS_PER_DAY / 2)).claimed, None);
        let tomorrow = KnownTime(now + 2 * MICROS_PER_DAY);
        assert_eq!(times.next(tomorrow).claimed, Some(tomorrow));
    }
}
