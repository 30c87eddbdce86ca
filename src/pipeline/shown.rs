//! The link records that the shard's units show to others, and the clocks that say up to when they are complete.

use std::time::{Duration, Instant};

use super::{Loop, Observer, Pipeline};
use crate::model::clock::wall;
use crate::model::schema::Feed;
use crate::sink::{AlertSink, Shown};
use crate::source::ShardSource;

/// How often a shard publishes its link clocks.
const LINK_CLOCK_INTERVAL: Duration = Duration::from_millis(100);

impl<S: ShardSource, K: AlertSink, O: Observer> Pipeline<S, K, O> {
    /// The link records to publish with this batch. They need not be written before the alerts: a starting shard publishes those
    /// that its topics lack.
    pub(super) fn take_shown(&mut self, state: &mut Loop) -> Option<Shown> {
        let records = self.shard.take_shown();
        let mut clocks = Vec::new();
        // What was lost is said again before a clock says that it is there.
        let is_saying = self.shard.has_links() && !self.shard.says_again();
        if is_saying && state.links_said_at.elapsed() >= LINK_CLOCK_INTERVAL {
            for (said, feed) in state.link_clocks.iter_mut().zip([Feed::Links, Feed::Derived]) {
                let clock = self.shard.link_clock(feed);
                if clock > *said && !self.rebuild.keeps(feed) {
                    *said = clock;
                    clocks.push((feed, clock));
                }
            }
            state.links_said_at = Instant::now();
        }
        let is_empty = records.is_empty() && clocks.is_empty();
        (!is_empty).then(|| Shown {
            records,
            clocks,
            partitions: self.common.partitions,
            read: self.read(),
            published_at: wall(),
            source: self.shard.link_source().to_owned(),
            rules: self.shard.rules_fingerprint().to_owned(),
        })
    }
}
