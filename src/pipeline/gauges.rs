//! What the loop tells telemetry every second, and the limits at which it leaves the source alone.

use std::time::Instant;

use super::census::Census;
use super::{Loop, Observer, Pipeline};
use crate::schema::{Feed, TableId};
use crate::sink::AlertSink;
use crate::source::ShardSource;
use crate::telemetry::Limit;
use crate::time::KnownTime;

impl<S: ShardSource, K: AlertSink, O: Observer> Pipeline<S, K, O> {
    pub(super) fn set_gauges(&mut self, state: &mut Loop) {
        let seconds = state.gauges_at.elapsed().as_secs_f64();
        state.gauges_at = Instant::now();
        (self.commit)(&state.advanced);
        let clocks = self.shard.clocks();
        for feed in Feed::ALL {
            if clocks.feed(feed) > KnownTime::MIN {
                self.telemetry.feed_clock(feed, clocks.feed(feed));
            }
        }
        if clocks.shard() > KnownTime::MIN {
            self.telemetry.shard_clock(clocks.shard());
        }
        for (number, rule) in self.shard.rules().iter().enumerate() {
            let clock = clocks.least(rule.feeds);
            if clock > KnownTime::MIN {
                self.telemetry.rule_clock(number, clock);
            }
        }
        for feed in Feed::ALL {
            let lag = self.merge.source().lag(feed);
            self.telemetry.lag(feed, lag);
        }
        if state.census.is_none() {
            state.census = Some(Census::new(self.shard.rules().len()));
        }
        self.count_some(state);
        let history = self.shard.history();
        for table in TableId::ALL {
            self.telemetry.state_rows(table, u64::from(history.store(table).rows()));
        }
        let bytes = history.shared_bytes() + state.person_bytes;
        self.telemetry.state_bytes(bytes);
        self.telemetry.limit_used(Limit::StateBytes, bytes as f64);
        self.telemetry.timers(self.shard.detector().timer_count() as u64);
        let rate = state.quarantined as f64 / seconds;
        state.quarantined = 0;
        self.telemetry.limit_used(Limit::QuarantinePerSecond, rate);
        self.pause(state, bytes, rate);
    }

    /// Goes on with the count of persons, if one is under way.
    pub(super) fn count_some(&self, state: &mut Loop) {
        let Some(mut census) = state.census.take() else { return };
        if census.step(self.shard.history(), self.shard.detector(), self.shard.clock()) {
            census.report(&self.telemetry);
            state.person_bytes = census.bytes();
        } else {
            state.census = Some(census);
        }
    }

    /// At a limit the source is left alone until there is room again.
    fn pause(&mut self, state: &mut Loop, bytes: u64, quarantined_per_second: f64) {
        let limits = &self.config.limits;
        let full = bytes >= limits.state_max_bytes;
        let flooded = quarantined_per_second > f64::from(limits.quarantine_per_second);
        let paused = full || flooded;
        if paused && !state.paused {
            let why = if full { "limits.state_max_bytes" } else { "limits.quarantine_per_second" };
            tracing::error!(shard = self.shard.number(), limit = why, "at a limit; the source is paused");
        }
        state.paused = paused;
        self.telemetry.paused(paused);
    }
}
