//! Clocks of feeds whose adapters write no clock messages, and what is told of timestamps that lie in the future and of messages without a
//! signature.

use std::time::{Duration, Instant};

use super::{Loop, Observer, Pipeline, PipelineError};
use crate::config::ClockKind;
use crate::model::clock::wall;
use crate::model::record::{Quarantined, Reason};
use crate::model::schema::Feed;
use crate::model::sets::FeedSet;
use crate::model::time::KnownTime;
use crate::sink::AlertSink;
use crate::source::ShardSource;
use crate::telemetry;

/// How often, per feed, messages stamped in the future are logged.
const FUTURE_INTERVAL: Duration = Duration::from_secs(60);

impl<S: ShardSource, K: AlertSink, O: Observer> Pipeline<S, K, O> {
    /// Advances the clocks of feeds whose adapters write no clock messages. Such a feed's clock becomes the wall clock's time once
    /// the shard has read everything that the partition held at that time, but at most `max_silence` after the feed's last message.
    pub(super) fn read_wall_clocks(&mut self, state: &mut Loop) -> Result<(), PipelineError> {
        for feed in Feed::SOURCES {
            if self.common.config.feed(feed).clock != ClockKind::Wall {
                continue;
            }
            let last = state.last_known[feed.index()];
            match state.probes[feed.index()] {
                None => {
                    let now = wall();
                    if let Some(end) = self.merge.source().end_offset(feed)? {
                        state.probes[feed.index()] = Some((now, end));
                    }
                }
                Some((asked_at, end)) if self.merge.positions()[feed.index()] >= end && last > KnownTime::MIN => {
                    let to = KnownTime(asked_at.0.min(last.0.saturating_add(self.common.config.max_silence(feed))));
                    self.shard.advance_clock(feed, to);
                    if feed == Feed::Permits {
                        self.merge.advance_permits(to);
                    }
                    state.probes[feed.index()] = None;
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Logs the feeds whose adapters stamp messages in the future, each at most once per [`FUTURE_INTERVAL`].
    pub(super) fn tell_future(&self, state: &mut Loop, quarantined: &[Quarantined]) {
        for entry in quarantined.iter().filter(|entry| entry.reason == Reason::FutureKnownTime) {
            let (told_at, count) = &mut state.future[entry.coordinates.feed.index()];
            *count += 1;
            if told_at.is_none_or(|at| at.elapsed() >= FUTURE_INTERVAL) {
                tracing::error!(
                    feed = entry.coordinates.feed.name(),
                    at = %entry.coordinates,
                    timestamp = %entry.known_time,
                    messages = *count,
                    "a message is stamped ahead of this machine's clock; it is set aside and moves no clock: mend the adapter's \
                     timestamps, or the clock here"
                );
                (*told_at, *count) = (Some(Instant::now()), 0);
            }
        }
    }
}

/// Tells which internal topics hold messages that no shard has written.
pub(super) fn tell_unsigned(quarantined: &[Quarantined]) {
    let unsigned = quarantined.iter().filter(|entry| entry.reason == Reason::Unsigned);
    let mut told = FeedSet::default();
    for entry in unsigned {
        let feed = entry.coordinates.feed;
        if !told.contains(feed) {
            told = told.union(FeedSet::of([feed]));
            telemetry::unsigned(feed.name(), wall());
            tracing::error!(at = %entry.coordinates, "a message on a topic of permitwatch's own is not signed by it; it counts for nothing");
        }
    }
}
