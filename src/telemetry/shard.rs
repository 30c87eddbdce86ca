//! The metrics of one shard. Handles are looked up once, so that a batch costs a few atomic additions.
//!
//! Every series exists from the start at 0; otherwise `increase()` would miss the first event. The shards of a process share
//! counters without the label `shard`. Gauges of a shard that is gone keep their last value, since a recorder cannot forget them:
//! `shard_owned` falls to 0, and alarms check it.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::{Cause, Limit, Stage, flag, seconds};
use crate::model::alert::{Severity, Status};
use crate::model::record::{Fates, Reason};
use crate::model::schema::{Feed, TableId};
use crate::model::stage::Outlet;
use crate::model::time::{KnownTime, WallTime};

const STATUSES: [Status; 4] = [Status::Raised, Status::Updated, Status::Cleared, Status::Retracted];

/// Written by the thread that runs the shard; dropping it reports that the shard is gone.
#[derive(Debug)]
pub struct ShardTelemetry {
    /// By [`Feed::index`].
    feeds: [FeedMetrics; Feed::COUNT],
    /// By position in the list of rules given to `new`.
    rules: Vec<RuleMetrics>,
    stages: [Histogram; Stage::ALL.len()],
    units: [Counter; Cause::ALL.len()],
    limits_used: [Gauge; Limit::ALL.len()],
    /// By [`TableId::index`].
    state_rows: [Gauge; TableId::COUNT],
    event_to_alert: Histogram,
    owned: Gauge,
    turn: Gauge,
    other_rules: Gauge,
    clock: Gauge,
    timers: Gauge,
    state_bytes: Gauge,
    persons: Gauge,
    permits_open: Gauge,
    erased_waiting: Gauge,
    erased_units: Counter,
    erased_rows: Counter,
    paused: Gauge,
    recovering: Gauge,
    published: Counter,
    publish_errors: Counter,
}

/// Reports that the process owns the shard, from its assignment until it is given up, also while it reads back what it has
/// published.
#[derive(Debug)]
pub struct Owning {
    owned: Gauge,
    recovering: Gauge,
}

impl Owning {
    pub fn new(shard: i32) -> Owning {
        let of_shard = |name: &'static str| gauge!(name, "shard" => shard.to_string());
        let owning = Owning { owned: of_shard(super::SHARD_OWNED), recovering: of_shard(super::RECOVERING) };
        owning.owned.set(1.0);
        owning.recovering.set(1.0);
        owning
    }
}

impl Drop for Owning {
    fn drop(&mut self) {
        self.owned.set(0.0);
        self.recovering.set(0.0);
    }
}

#[derive(Debug)]
struct FeedMetrics {
    read: Counter,
    given_up: Counter,
    /// Messages read whose fate has not been counted yet.
    unsettled: u64,
    evaluated: Counter,
    filtered: Counter,
    duplicate: Counter,
    clock_messages: Counter,
    quarantined: Counter,
    quarantined_by: [Counter; Reason::ALL.len()],
    unknown_fields: Counter,
    clock: Gauge,
    last_message: Gauge,
    lag: Gauge,
    held: Gauge,
}

#[derive(Debug)]
struct RuleMetrics {
    clock: Gauge,
    evaluations: Counter,
    duration: Histogram,
    rows: Counter,
    errors: Counter,
    disabled: Gauge,
    /// By status, then severity.
    transitions: [[Counter; Severity::ALL.len()]; STATUSES.len()],
    standing: [Gauge; Severity::ALL.len()],
}

impl ShardTelemetry {
    /// `rules` are the ids in the order of the shard's rule numbers, each with where its alerts go.
    pub fn new(shard: i32, rules: &[(String, Outlet)], started_at: WallTime) -> ShardTelemetry {
        let shard = shard.to_string();
        let of_shard = |name: &'static str| gauge!(name, "shard" => shard.clone());
        let telemetry = ShardTelemetry {
            feeds: Feed::ALL.map(|feed| FeedMetrics::new(feed, &shard, started_at)),
            rules: rules.iter().map(|(rule, outlet)| RuleMetrics::new(rule, *outlet, &shard)).collect(),
            stages: Stage::ALL.map(|stage| histogram!(super::STAGE_DURATION, "stage" => stage.name())),
            units: Cause::ALL.map(|cause| counter!(super::UNITS, "cause" => cause.name())),
            limits_used: Limit::ALL
                .map(|limit| gauge!(super::LIMIT_USED, "limit" => limit.name(), "shard" => shard.clone())),
            state_rows: TableId::ALL
                .map(|table| gauge!(super::STATE_ROWS, "table" => table.name(), "shard" => shard.clone())),
            event_to_alert: histogram!(super::EVENT_TO_ALERT),
            owned: of_shard(super::SHARD_OWNED),
            turn: of_shard(super::SHARD_TURN),
            other_rules: of_shard(super::OTHER_RULES),
            clock: of_shard(super::SHARD_CLOCK),
            timers: of_shard(super::TIMERS),
            state_bytes: of_shard(super::STATE_BYTES),
            persons: of_shard(super::PERSONS),
            permits_open: of_shard(super::PERMITS_OPEN),
            erased_waiting: of_shard(super::ERASED_WAITING),
            erased_units: counter!(super::ERASED_UNITS),
            erased_rows: counter!(super::ERASED_ROWS),
            paused: of_shard(super::PAUSED),
            recovering: of_shard(super::RECOVERING),
            published: counter!(super::PUBLISHED),
            publish_errors: counter!(super::PUBLISH_ERRORS),
        };
        telemetry.owned.set(1.0);
        telemetry.turned(started_at);
        telemetry.other_rules(0);
        telemetry.clock.set(0.0);
        telemetry.paused.set(0.0);
        telemetry
    }

    /// The shard's loop has gone round.
    pub fn turned(&self, at: WallTime) {
        self.turn.set(seconds(at.0));
    }

    pub fn other_rules(&self, shards: usize) {
        self.other_rules.set(shards as f64);
    }

    /// The shard runs other rules from now on.
    pub fn replace_rules(&mut self, shard: i32, rules: &[(String, Outlet)]) {
        let shard = shard.to_string();
        for rule in &self.rules {
            rule.standing.iter().for_each(|gauge| gauge.set(0.0));
        }
        self.rules = rules.iter().map(|(rule, outlet)| RuleMetrics::new(rule, *outlet, &shard)).collect();
    }

    /// Messages taken from the source, before they are looked at.
    pub fn read(&mut self, feed: Feed, messages: u64) {
        let feed = &mut self.feeds[feed.index()];
        feed.read.increment(messages);
        feed.unsettled += messages;
    }

    /// The fates of a batch's messages. Messages that were read and have no fate when this is dropped count as given up.
    pub fn fates(&mut self, fates: &Fates) {
        for (index, feed) in self.feeds.iter_mut().enumerate() {
            feed.unsettled = feed.unsettled.saturating_sub(fates.total_of(index));
            feed.evaluated.increment(fates.evaluated[index]);
            feed.filtered.increment(fates.filtered[index]);
            feed.duplicate.increment(fates.duplicate[index]);
            feed.clock_messages.increment(fates.clock[index]);
            feed.unknown_fields.increment(fates.unknown_fields[index]);
            for (counter, count) in feed.quarantined_by.iter().zip(fates.quarantined[index]) {
                if count > 0 {
                    counter.increment(count);
                    feed.quarantined.increment(count);
                }
            }
        }
    }

    pub fn feed_clock(&self, feed: Feed, clock: KnownTime) {
        self.feeds[feed.index()].clock.set(seconds(clock.0));
    }

    /// Wall time at which a message of the feed was last read.
    pub fn last_message(&self, feed: Feed, read_at: WallTime) {
        self.feeds[feed.index()].last_message.set(seconds(read_at.0));
    }

    /// `None`: the end of the partition is not known, or was not reported lately.
    pub fn lag(&self, feed: Feed, messages: Option<u64>) {
        self.feeds[feed.index()].lag.set(messages.map_or(f64::NAN, |messages| messages as f64));
    }

    pub fn held(&self, feed: Feed, held: bool) {
        self.feeds[feed.index()].held.set(flag(held));
    }

    pub fn shard_clock(&self, clock: KnownTime) {
        self.clock.set(seconds(clock.0));
    }

    pub fn rule_clock(&self, rule: usize, clock: KnownTime) {
        self.rules[rule].clock.set(seconds(clock.0));
    }

    pub fn stage(&self, stage: Stage, elapsed: Duration) {
        self.stages[stage as usize].record(elapsed);
    }

    /// From the sender's clock to the broker's acknowledgement; only for messages that say when they were sent.
    pub fn event_to_alert(&self, elapsed: Duration) {
        self.event_to_alert.record(elapsed);
    }

    pub fn units(&self, cause: Cause, units: u64) {
        self.units[cause as usize].increment(units);
    }

    /// One call of a rule's plan: the number of units, and of their rows.
    pub fn rule_run(&self, rule: usize, units: u64, rows: u64, elapsed: Duration) {
        let rule = &self.rules[rule];
        rule.evaluations.increment(units);
        rule.rows.increment(rows);
        rule.duration.record(elapsed);
    }

    pub fn rule_errors(&self, rule: usize, persons: u64) {
        self.rules[rule].errors.increment(persons);
    }

    /// The rule has failed too often and does not run again, in any shard of this process, until a restart.
    pub fn rule_disabled(&self, rule: usize) {
        self.rules[rule].disabled.set(1.0);
    }

    pub fn transition(&self, rule: usize, status: Status, severity: Severity) {
        self.rules[rule].transitions[status as usize][severity as usize].increment(1);
    }

    pub fn standing(&self, rule: usize, severity: Severity, alerts: u64) {
        self.rules[rule].standing[severity as usize].set(alerts as f64);
    }

    pub fn published(&self, transitions: u64) {
        self.published.increment(transitions);
    }

    pub fn publish_error(&self) {
        self.publish_errors.increment(1);
    }

    pub fn timers(&self, timers: u64) {
        self.timers.set(timers as f64);
    }

    pub fn state_rows(&self, table: TableId, rows: u64) {
        self.state_rows[table.index()].set(rows as f64);
    }

    pub fn state_bytes(&self, bytes: u64) {
        self.state_bytes.set(bytes as f64);
        self.limit_used(Limit::StateBytes, bytes as f64);
    }

    pub fn population(&self, persons: u64, permits_open: u64) {
        self.persons.set(persons as f64);
        self.permits_open.set(permits_open as f64);
    }

    /// Units of which nothing is left, rows erased, and rows of these whose values are still there.
    pub fn erased(&self, units: u64, rows: u64, waiting: usize) {
        self.erased_units.increment(units);
        self.erased_rows.increment(rows);
        self.erased_waiting.set(waiting as f64);
    }

    pub fn limit_used(&self, limit: Limit, used: f64) {
        self.limits_used[limit as usize].set(used);
    }

    pub fn paused(&self, paused: bool) {
        self.paused.set(flag(paused));
    }

    pub fn recovering(&self, recovering: bool) {
        self.recovering.set(flag(recovering));
    }
}

impl Drop for ShardTelemetry {
    fn drop(&mut self) {
        for feed in &self.feeds {
            feed.given_up.increment(feed.unsettled);
            // The lag is not updated any more; a 0 that stayed would say that all has been read.
            feed.lag.set(f64::NAN);
        }
        self.owned.set(0.0);
    }
}

impl FeedMetrics {
    fn new(feed: Feed, shard: &str, started_at: WallTime) -> FeedMetrics {
        let feed = feed.name();
        let fate = |fate: &'static str| counter!(super::MESSAGES, "feed" => feed, "fate" => fate);
        let of_shard = |name: &'static str| gauge!(name, "feed" => feed, "shard" => shard.to_owned());
        let metrics = FeedMetrics {
            read: counter!(super::MESSAGES_READ, "feed" => feed),
            evaluated: fate("evaluated"),
            filtered: fate("filtered"),
            duplicate: fate("duplicate"),
            clock_messages: fate("clock"),
            quarantined: fate("quarantined"),
            given_up: fate("given_up"),
            unsettled: 0,
            quarantined_by: Reason::ALL
                .map(|reason| counter!(super::QUARANTINED, "feed" => feed, "reason" => reason.name())),
            unknown_fields: counter!(super::UNKNOWN_FIELDS, "feed" => feed),
            clock: of_shard(super::FEED_CLOCK),
            last_message: of_shard(super::FEED_LAST_MESSAGE),
            lag: of_shard(super::FEED_LAG),
            held: of_shard(super::MERGE_HELD),
        };
        metrics.clock.set(0.0);
        metrics.last_message.set(seconds(started_at.0));
        metrics.held.set(0.0);
        metrics.lag.set(f64::NAN);
        metrics
    }
}

impl RuleMetrics {
    fn new(rule: &str, outlet: Outlet, shard: &str) -> RuleMetrics {
        // Apart, so that no figure about officers' alerts has those of rules on trial in it.
        let (transitions, standing) = match outlet {
            Outlet::Officers => (super::ALERT_TRANSITIONS, super::ALERTS_STANDING),
            Outlet::Shadow => (super::SHADOW_TRANSITIONS, super::SHADOW_STANDING),
        };
        let of_rule = |name: &'static str| counter!(name, "rule" => rule.to_owned());
        let transition = |status: Status, severity: Severity| {
            counter!(transitions,
                "rule" => rule.to_owned(), "status" => status.name(), "severity" => severity.name())
        };
        RuleMetrics {
            clock: gauge!(super::RULE_CLOCK, "rule" => rule.to_owned(), "shard" => shard.to_owned()),
            evaluations: of_rule(super::RULE_EVALUATIONS),
            duration: histogram!(super::RULE_DURATION, "rule" => rule.to_owned()),
            rows: of_rule(super::RULE_ROWS),
            errors: of_rule(super::RULE_ERRORS),
            disabled: gauge!(super::RULE_DISABLED, "rule" => rule.to_owned()),
            transitions: STATUSES.map(|status| Severity::ALL.map(|severity| transition(status, severity))),
            standing: Severity::ALL.map(|severity| {
                gauge!(standing,
                    "rule" => rule.to_owned(), "severity" => severity.name(), "shard" => shard.to_owned())
            }),
        }
    }
}
