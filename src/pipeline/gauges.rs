//! The gauges that the loop sets every second, and the limits at which it pauses the source.

use std::time::{Duration, Instant};

use super::census::Census;
use super::{Loop, Observer, Pipeline};
use crate::model::clock::wall;
use crate::model::schema::{Feed, TableId};
use crate::model::time::KnownTime;
use crate::shard::ErasureWork;
use crate::sink::AlertSink;
use crate::source::ShardSource;
use crate::telemetry::{self, Cause, Limit, Stage};

impl<S: ShardSource, K: AlertSink, O: Observer> Pipeline<S, K, O> {
    pub(super) fn set_gauges(&mut self, state: &mut Loop) {
        let seconds = state.gauges_at.elapsed().as_secs_f64();
        state.gauges_at = Instant::now();
        (self.commit)(&state.advanced);
        self.telemetry.turned(wall());
        let share = self.rebuild.share(&self.read());
        telemetry::recovery_progress(self.shard.number(), share.unwrap_or(1.0));
        if let Some(share) = share {
            self.observer.recovering(self.shard.number(), share);
        }
        self.telemetry.other_rules(self.shard.shards_with_other_rules());
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

    pub(super) fn report_work(&mut self) {
        let (work, erasure) = (self.shard.take_work(), self.shard.take_erasure());
        if erasure != ErasureWork::default() {
            self.telemetry.erased(erasure.units, erasure.rows, self.shard.struck());
        }
        if work.record_units + work.deadline_units == 0 && work.decode_micros == 0 {
            return;
        }
        self.telemetry.units(Cause::Record, work.record_units);
        self.telemetry.units(Cause::Deadline, work.deadline_units);
        for (stage, micros) in [
            (Stage::Decode, work.decode_micros),
            (Stage::Gather, work.gather_micros),
            (Stage::Rules, work.rules_micros),
            (Stage::Detect, work.detect_micros),
        ] {
            self.telemetry.stage(stage, Duration::from_micros(micros));
        }
        for (rule, done) in work.rules.iter().enumerate().filter(|(_, done)| done.evaluations > 0) {
            self.telemetry.rule_run(rule, done.evaluations, done.rows, Duration::from_micros(done.micros));
            self.telemetry.rule_errors(rule, done.failures);
        }
        for rule in self.shard.disabled().iter() {
            self.telemetry.rule_disabled(rule);
        }
    }

    /// Continues the walk over all persons, if one is under way.
    pub(super) fn count_some(&self, state: &mut Loop) {
        let Some(mut census) = state.census.take() else { return };
        if census.step(self.shard.history(), self.shard.detector(), self.shard.clock()) {
            census.report(&self.telemetry);
            state.person_bytes = census.bytes();
        } else {
            state.census = Some(census);
        }
    }

    /// Pauses the source while the shard is at a limit.
    fn pause(&mut self, state: &mut Loop, bytes: u64, quarantined_per_second: f64) {
        let limits = &self.common.config.limits;
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
