//! Metrics: the only place that names them.
//!
//! `METRICS` lists every metric with its kind, labels, unit and meaning; `config/METRICS.md`, the alerting rules and the dashboard
//! are tested against it (`tests/monitoring.rs`). Units are base units (seconds, bytes, or the thing counted). Labels come from
//! closed sets: feeds, fates, reasons, stages, tables, rule ids, shards. No label ever has a person, permit or payload.
//!
//! A shard writes its metrics through [`ShardTelemetry`], whose handles are looked up once; the process writes its own through the
//! functions here. Nothing here reads a clock or does I/O.

mod shard;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use thiserror::Error;

use crate::config::{ClockKind, Config};
use crate::model::schema::Feed;
use crate::model::time::{MICROS_PER_SECOND, WallTime};

pub use shard::{Owning, ShardTelemetry};

/// The Prometheus type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

/// One metric, for rendering and documentation.
#[derive(Debug)]
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    /// Without the histogram's own `le`.
    pub labels: &'static [&'static str],
    pub unit: &'static str,
    pub doc: &'static str,
}

/// A stage of the pipeline whose time is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Taking messages from the source and merging them.
    Read,
    /// Deciding whether a message is about the population.
    Scope,
    /// Payload to a typed record.
    Decode,
    /// Adding records to the history of their persons.
    History,
    /// Collecting the rows of the units to be evaluated.
    Gather,
    /// Running the rules' plans.
    Rules,
    /// Comparing hits with the alerts that stand, and setting timers.
    Detect,
    /// Sending alerts and waiting for the broker.
    Publish,
}

impl Stage {
    pub const ALL: [Stage; 8] = [
        Stage::Read,
        Stage::Scope,
        Stage::Decode,
        Stage::History,
        Stage::Gather,
        Stage::Rules,
        Stage::Detect,
        Stage::Publish,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Stage::Read => "read",
            Stage::Scope => "scope",
            Stage::Decode => "decode",
            Stage::History => "history",
            Stage::Gather => "gather",
            Stage::Rules => "rules",
            Stage::Detect => "detect",
            Stage::Publish => "publish",
        }
    }
}

/// Why a unit was evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Something about the person became known.
    Record,
    /// A rule's clock reached the instant of a timer.
    Deadline,
}

impl Cause {
    pub const ALL: [Cause; 2] = [Cause::Record, Cause::Deadline];

    pub const fn name(self) -> &'static str {
        match self {
            Cause::Record => "record",
            Cause::Deadline => "deadline",
        }
    }
}

/// A configured limit, whose use is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Messages of one batch.
    BatchMessages,
    /// Changes of persons in one batch.
    BatchChanges,
    /// Bytes that the Kafka client holds unread.
    QueueBytes,
    /// Rows given to one rule in one call.
    RowsPerCall,
    /// Rows of one person.
    RowsPerPerson,
    /// Bytes of history.
    StateBytes,
    /// Messages quarantined per second, averaged over a minute.
    QuarantinePerSecond,
}

impl Limit {
    pub const ALL: [Limit; 7] = [
        Limit::BatchMessages,
        Limit::BatchChanges,
        Limit::QueueBytes,
        Limit::RowsPerCall,
        Limit::RowsPerPerson,
        Limit::StateBytes,
        Limit::QuarantinePerSecond,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Limit::BatchMessages => "batch_messages",
            Limit::BatchChanges => "batch_changes",
            Limit::QueueBytes => "queue_bytes",
            Limit::RowsPerCall => "rows_per_call",
            Limit::RowsPerPerson => "rows_per_person",
            Limit::StateBytes => "state_bytes",
            Limit::QuarantinePerSecond => "quarantine_per_second",
        }
    }
}

const MESSAGES_READ: &str = "permitwatch_messages_read_total";
const MESSAGES: &str = "permitwatch_messages_total";
const QUARANTINED: &str = "permitwatch_quarantined_total";
const UNKNOWN_FIELDS: &str = "permitwatch_unknown_fields_total";
const FEED_CLOCK: &str = "permitwatch_feed_clock_timestamp_seconds";
const FEED_LAST_MESSAGE: &str = "permitwatch_feed_last_message_timestamp_seconds";
const FEED_LAG: &str = "permitwatch_feed_lag_messages";
const FEED_MAX_SILENCE: &str = "permitwatch_feed_max_silence_seconds";
const MERGE_HELD: &str = "permitwatch_merge_held";
const SHARD_CLOCK: &str = "permitwatch_shard_clock_timestamp_seconds";
const SHARD_OWNED: &str = "permitwatch_shard_owned";
const SHARD_READING: &str = "permitwatch_shard_reading";
const GROUP_MEMBER: &str = "permitwatch_group_member";
const UNSIGNED: &str = "permitwatch_unsigned_timestamp_seconds";
const TOPIC_LOST: &str = "permitwatch_topic_lost_timestamp_seconds";
const FEED_LOST: &str = "permitwatch_feed_lost";
const SHARD_TURN: &str = "permitwatch_shard_turn_timestamp_seconds";
const OTHER_RULES: &str = "permitwatch_shards_with_other_rules";
const RULE_CLOCK: &str = "permitwatch_rule_clock_timestamp_seconds";
const STAGE_DURATION: &str = "permitwatch_stage_duration_seconds";
const EVENT_TO_ALERT: &str = "permitwatch_event_to_alert_seconds";
const UNITS: &str = "permitwatch_units_total";
const RULE_EVALUATIONS: &str = "permitwatch_rule_evaluations_total";
const RULE_DURATION: &str = "permitwatch_rule_duration_seconds";
const RULE_ROWS: &str = "permitwatch_rule_rows_total";
const RULE_ERRORS: &str = "permitwatch_rule_errors_total";
const RULE_DISABLED: &str = "permitwatch_rule_disabled";
const RULE_RELOADS: &str = "permitwatch_rule_reloads_total";
const ALERT_TRANSITIONS: &str = "permitwatch_alert_transitions_total";
const ALERTS_STANDING: &str = "permitwatch_alerts_standing";
const SHADOW_TRANSITIONS: &str = "permitwatch_shadow_alert_transitions_total";
const SHADOW_STANDING: &str = "permitwatch_shadow_alerts_standing";
const PUBLISHED: &str = "permitwatch_published_total";
const PUBLISH_ERRORS: &str = "permitwatch_publish_errors_total";
const TIMERS: &str = "permitwatch_timers";
const STATE_ROWS: &str = "permitwatch_state_rows";
const STATE_BYTES: &str = "permitwatch_state_bytes";
const PERSONS: &str = "permitwatch_persons";
const PERMITS_OPEN: &str = "permitwatch_permits_open";
const ERASED_UNITS: &str = "permitwatch_erased_units_total";
const ERASED_ROWS: &str = "permitwatch_erased_rows_total";
const ERASED_WAITING: &str = "permitwatch_erased_rows_waiting";
const SNAPSHOT_TIMESTAMP: &str = "permitwatch_snapshot_timestamp_seconds";
const SNAPSHOT_MAX_AGE: &str = "permitwatch_snapshot_max_age_seconds";
const SNAPSHOT_PERMITS: &str = "permitwatch_snapshot_permits";
const SNAPSHOT_REFUSED: &str = "permitwatch_snapshot_refused_total";
const CHECKPOINT_TIMESTAMP: &str = "permitwatch_checkpoint_timestamp_seconds";
const CHECKPOINT_GENERATION: &str = "permitwatch_checkpoint_generation";
const CHECKPOINT_BYTES: &str = "permitwatch_checkpoint_bytes";
const CHECKPOINT_WRITTEN_BYTES: &str = "permitwatch_checkpoint_written_bytes_total";
const CHECKPOINT_WRITE: &str = "permitwatch_checkpoint_write_seconds";
const CHECKPOINT_CAPTURE: &str = "permitwatch_checkpoint_capture_seconds";
const CHECKPOINT_FAILURES: &str = "permitwatch_checkpoint_failures_total";
const CHECKPOINT_DAMAGED: &str = "permitwatch_checkpoint_damaged_total";
const CHECKPOINT_EVERY: &str = "permitwatch_checkpoint_every_seconds";
const RESTORE: &str = "permitwatch_restore_seconds";
const RECOVERY_PROGRESS: &str = "permitwatch_recovery_progress_ratio";
const LIMIT: &str = "permitwatch_limit";
const LIMIT_USED: &str = "permitwatch_limit_used";
const PAUSED: &str = "permitwatch_paused";
const RECOVERING: &str = "permitwatch_recovering";
const PROCESS_START: &str = "permitwatch_process_start_timestamp_seconds";
const PROCESS_RESIDENT: &str = "permitwatch_process_resident_bytes";
const BUILD_INFO: &str = "permitwatch_build_info";

/// The program's version, with the commit that it was built of where the build was told (`.ci/release`).
pub const VERSION: &str = match option_env!("PERMITWATCH_BUILD") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

/// Topics that permitwatch writes and reads back.
const OWN_TOPICS: [&str; 4] = ["links", "derived", "alerts", "shadow-alerts"];

const fn metric(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    unit: &'static str,
    doc: &'static str,
) -> Metric {
    Metric { name, kind, labels, unit, doc }
}

use Kind::*;

/// Every metric. `config/METRICS.md` says what to do about each.
#[rustfmt::skip]
pub const METRICS: [Metric; 64] = [
    metric(MESSAGES_READ, Counter, &["feed"], "messages", "Messages taken from the source"),
    metric(MESSAGES, Counter, &["feed", "fate"], "messages", "Messages by how they ended; adds up to the messages read"),
    metric(QUARANTINED, Counter, &["feed", "reason"], "messages", "Messages set aside, by reason"),
    metric(UNKNOWN_FIELDS, Counter, &["feed"], "members", "JSON members that no column of the table has; they are ignored"),
    metric(FEED_CLOCK, Gauge, &["feed", "shard"], "seconds", "Known time up to which the feed has spoken, seconds since 1970; 0 before its first message"),
    metric(FEED_LAST_MESSAGE, Gauge, &["feed", "shard"], "seconds", "Wall time at which the last message was read, seconds since 1970; start of the shard before the first"),
    metric(FEED_LAG, Gauge, &["feed", "shard"], "messages", "Messages in the partition that have not been read; NaN while that is not known"),
    metric(FEED_MAX_SILENCE, Gauge, &["feed", "clock"], "seconds", "Configured longest silence of the feed, and who asserts its clock"),
    metric(MERGE_HELD, Gauge, &["feed", "shard"], "boolean", "1 while the shard waits for this feed before it may go on"),
    metric(SHARD_CLOCK, Gauge, &["shard"], "seconds", "Greatest known time that the shard has read, seconds since 1970; 0 before the first"),
    metric(SHARD_OWNED, Gauge, &["shard"], "boolean", "1 while this process owns the shard; its other gauges mean nothing at 0"),
    metric(SHARD_READING, Gauge, &["shard"], "boolean", "1 while this process owns the shard and brokers answer for all its feeds"),
    metric(GROUP_MEMBER, Gauge, &[], "boolean", "1 while the process is a member of its consumer group and the coordinator answers"),
    metric(UNSIGNED, Gauge, &["topic"], "seconds", "When the topic was last found to hold messages that permitwatch has not written, or under a key that is not configured, seconds since 1970; 0 never"),
    metric(TOPIC_LOST, Gauge, &["topic"], "seconds", "When the topic was last found to have lost messages, seconds since 1970; 0 never"),
    metric(FEED_LOST, Gauge, &["feed", "shard"], "boolean", "1 while the partition lacks what had been read of it, or its beginning: a start of the shard waits for it"),
    metric(SHARD_TURN, Gauge, &["shard"], "seconds", "Wall time at which the shard's loop last went round, seconds since 1970"),
    metric(OTHER_RULES, Gauge, &["shard"], "shards", "Shards that ran other rules than this one when they last said so"),
    metric(RULE_CLOCK, Gauge, &["rule", "shard"], "seconds", "Least clock of the feeds that the rule reads, seconds since 1970; 0 before each has spoken"),
    metric(STAGE_DURATION, Histogram, &["stage"], "seconds", "Time that one batch spent in a stage"),
    metric(EVENT_TO_ALERT, Histogram, &[], "seconds", "From the sender's `sent_at` header to the acknowledged alert"),
    metric(UNITS, Counter, &["cause"], "units", "Units (person, as_of) evaluated, by cause"),
    metric(RULE_EVALUATIONS, Counter, &["rule"], "units", "Units for which the rule was run"),
    metric(RULE_DURATION, Histogram, &["rule"], "seconds", "Time of one call of the rule's plan; the sum is its cost"),
    metric(RULE_ROWS, Counter, &["rule"], "rows", "Rows of persons given to the rule"),
    metric(RULE_ERRORS, Counter, &["rule"], "persons", "Persons for whom the rule failed; their alerts stay as they are"),
    metric(RULE_DISABLED, Gauge, &["rule"], "boolean", "1 once the rule has failed for more persons than `rules.max_errors`"),
    metric(RULE_RELOADS, Counter, &["outcome"], "reloads", "Times that the rule files were read again, by outcome: taken, unchanged or refused"),
    metric(ALERT_TRANSITIONS, Counter, &["rule", "status", "severity"], "transitions", "Alert transitions by rule, status and severity"),
    metric(ALERTS_STANDING, Gauge, &["rule", "severity", "shard"], "alerts", "Alerts that stand"),
    metric(SHADOW_TRANSITIONS, Counter, &["rule", "status", "severity"], "transitions", "Alert transitions of rules on trial (`stage = \"shadow\"`), which no officer sees"),
    metric(SHADOW_STANDING, Gauge, &["rule", "severity", "shard"], "alerts", "Alerts of rules on trial that stand"),
    metric(PUBLISHED, Counter, &[], "transitions", "Alert transitions for officers acknowledged by the sink"),
    metric(PUBLISH_ERRORS, Counter, &[], "errors", "Failed attempts to publish; each halts the shard"),
    metric(TIMERS, Gauge, &["shard"], "timers", "Instants ahead at which a person is to be evaluated again"),
    metric(STATE_ROWS, Gauge, &["table", "shard"], "rows", "Rows of history kept, every version counted"),
    metric(STATE_BYTES, Gauge, &["shard"], "bytes", "Size of the kept history"),
    metric(PERSONS, Gauge, &["shard"], "persons", "Persons in the population"),
    metric(PERMITS_OPEN, Gauge, &["shard"], "permits", "Permits in force and pending cases"),
    metric(ERASED_UNITS, Counter, &[], "units", "Persons who had left the population, and employers and identifiers of such, of whom nothing is left"),
    metric(ERASED_ROWS, Counter, &[], "rows", "Rows of history erased: of persons who had left the population, and of what others had been shown of them"),
    metric(ERASED_WAITING, Gauge, &["shard"], "rows", "Erased rows that nothing reads and whose values are still in memory"),
    metric(SNAPSHOT_TIMESTAMP, Gauge, &[], "seconds", "When the permit snapshot in use was written, seconds since 1970; 0 without one"),
    metric(SNAPSHOT_MAX_AGE, Gauge, &[], "seconds", "Configured greatest age of the permit snapshot"),
    metric(SNAPSHOT_PERMITS, Gauge, &[], "permits", "Permits in the snapshot in use; 0 without one"),
    metric(SNAPSHOT_REFUSED, Counter, &[], "snapshots", "Newer snapshots refused: empty, malformed or shrunk beyond `snapshot.max_shrink_pct`"),
    metric(CHECKPOINT_TIMESTAMP, Gauge, &["shard"], "seconds", "Time of the state in the last checkpoint, or of the one that the shard goes on from; while nothing comes, when it was last seen to be there; seconds since 1970; 0 before the first"),
    metric(CHECKPOINT_GENERATION, Gauge, &["shard"], "generations", "Number of the last checkpoint"),
    metric(CHECKPOINT_BYTES, Gauge, &["shard"], "bytes", "Size of the last checkpoint, with the parts of earlier ones that it needs"),
    metric(CHECKPOINT_WRITTEN_BYTES, Counter, &[], "bytes", "Bytes written for checkpoints"),
    metric(CHECKPOINT_WRITE, Histogram, &[], "seconds", "Time to pack and write a checkpoint, on a thread of its own"),
    metric(CHECKPOINT_CAPTURE, Histogram, &[], "seconds", "Time for which a shard stands still to capture what has changed since the last checkpoint"),
    metric(CHECKPOINT_FAILURES, Counter, &[], "checkpoints", "Checkpoints that could not be written; the next is a whole one"),
    metric(CHECKPOINT_DAMAGED, Counter, &[], "checkpoints", "Checkpoints that a start could not use: damaged, or of another configuration"),
    metric(CHECKPOINT_EVERY, Gauge, &[], "seconds", "Configured time between checkpoints; 0 if none are taken"),
    metric(RESTORE, Gauge, &["shard"], "seconds", "Time that the last start took to read the checkpoint that it goes on from; 0 if there was none"),
    metric(RECOVERY_PROGRESS, Gauge, &["shard"], "share", "While the shard rebuilds its state, the share of the messages that it has to read before it publishes that it has read; 1 otherwise"),
    metric(LIMIT, Gauge, &["limit"], "as the limit", "Configured limit of one shard"),
    metric(LIMIT_USED, Gauge, &["limit", "shard"], "as the limit", "What the shard uses of the limit; of a limit per batch, call or person, the greatest in the last batch"),
    metric(PAUSED, Gauge, &["shard"], "boolean", "1 while a limit keeps the shard from reading"),
    metric(RECOVERING, Gauge, &["shard"], "boolean", "1 while the shard rebuilds its state and publishes nothing"),
    metric(PROCESS_START, Gauge, &[], "seconds", "When the process started, seconds since 1970"),
    metric(PROCESS_RESIDENT, Gauge, &[], "bytes", "Resident memory of the process"),
    metric(BUILD_INFO, Gauge, &["version", "rules_fingerprint"], "none", "Names the program's version, and with 1 the rules in force; those of before a reload stay at 0"),
];

/// Upper bounds of the buckets of a batch's or a call's time, seconds.
const DURATION_BUCKETS: [f64; 14] = [1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];

/// Upper bounds of the buckets of event-to-alert time, seconds.
const LATENCY_BUCKETS: [f64; 17] =
    [1e-3, 2e-3, 3e-3, 5e-3, 7e-3, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 10.0, 60.0];

/// Why metrics cannot be kept. The process does not start.
#[derive(Debug, Error)]
pub enum TelemetryError {
    #[error("cannot install the metrics recorder: {0}")]
    Install(#[from] BuildError),
}

/// Installs the recorder, once per process; later calls return the same handle.
///
/// The holder of the handle renders it, and must call `run_upkeep` every few seconds: histograms keep their samples until then.
pub fn install() -> Result<PrometheusHandle, TelemetryError> {
    static INSTALLED: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = installed.as_ref() {
        return Ok(handle.clone());
    }
    let mut builder = PrometheusBuilder::new();
    for metric in METRICS.iter().filter(|metric| metric.kind == Kind::Histogram) {
        let buckets: &[f64] = if metric.name == EVENT_TO_ALERT { &LATENCY_BUCKETS } else { &DURATION_BUCKETS };
        builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)?;
    }
    let handle = builder.install_recorder()?;
    for metric in &METRICS {
        match metric.kind {
            Kind::Counter => describe_counter!(metric.name, metric.doc),
            Kind::Gauge => describe_gauge!(metric.name, metric.doc),
            Kind::Histogram => describe_histogram!(metric.name, metric.doc),
        }
    }
    *installed = Some(handle.clone());
    Ok(handle)
}

/// Registers all shards of the group: each is at 0 in every process, so that a shard that nobody owns shows.
pub fn shards(count: i32) {
    for shard in 0..count {
        let shard = shard.to_string();
        let _ = (gauge!(SHARD_OWNED, "shard" => shard.clone()), gauge!(SHARD_READING, "shard" => shard.clone()));
        for feed in Feed::SOURCES {
            let _ = gauge!(FEED_LOST, "feed" => feed.name(), "shard" => shard.clone());
        }
    }
    gauge!(GROUP_MEMBER).set(0.0);
}

/// Whether the process is a member of its group, and for each shard whether the process reads it.
pub fn health(is_member: bool, reading: impl IntoIterator<Item = (i32, bool)>) {
    gauge!(GROUP_MEMBER).set(flag(is_member));
    for (shard, is_read) in reading {
        gauge!(SHARD_READING, "shard" => shard.to_string()).set(flag(is_read));
    }
}

/// A topic of permitwatch's own holds messages that it has not written, or under a key that is not known here.
pub fn unsigned(topic: &'static str, at: WallTime) {
    gauge!(UNSIGNED, "topic" => topic).set(seconds(at.0));
}

/// A topic has lost messages.
pub fn topic_lost(topic: &'static str, at: WallTime) {
    gauge!(TOPIC_LOST, "topic" => topic).set(seconds(at.0));
}

/// Whether a partition of a register's feed lacks what a start of the shard needs.
pub fn feed_lost(feed: Feed, shard: i32, is_lost: bool) {
    gauge!(FEED_LOST, "feed" => feed.name(), "shard" => shard.to_string()).set(flag(is_lost));
}

/// The shard has found all its feeds whole.
pub fn feeds_whole(shard: i32) {
    Feed::SOURCES.into_iter().for_each(|feed| feed_lost(feed, shard, false));
}

/// Other rules are in force now; `before` is the fingerprint of the former ones.
pub fn rules_in_force(version: &'static str, before: &str, now: &str) {
    gauge!(BUILD_INFO, "version" => version, "rules_fingerprint" => before.to_owned()).set(0.0);
    gauge!(BUILD_INFO, "version" => version, "rules_fingerprint" => now.to_owned()).set(1.0);
}

/// The rule files were read again.
pub fn reloaded(outcome: &'static str) {
    counter!(RULE_RELOADS, "outcome" => outcome).increment(1);
}

/// Sets what runs, and the limits and silences that alarms compare with. To be called once, when rules are loaded.
pub fn started(version: &'static str, rules_fingerprint: &str, config: &Config, started_at: WallTime) {
    gauge!(BUILD_INFO, "version" => version, "rules_fingerprint" => rules_fingerprint.to_owned()).set(1.0);
    gauge!(PROCESS_START).set(seconds(started_at.0));
    for outcome in ["taken", "unchanged", "refused"] {
        counter!(RULE_RELOADS, "outcome" => outcome).increment(0);
    }
    for feed in Feed::ALL {
        let clock = match config.feed(feed).clock {
            ClockKind::Messages => "messages",
            ClockKind::Wall => "wall",
        };
        let seconds = config.max_silence(feed) / MICROS_PER_SECOND;
        gauge!(FEED_MAX_SILENCE, "feed" => feed.name(), "clock" => clock).set(seconds as f64);
    }
    for topic in OWN_TOPICS {
        let _ = gauge!(TOPIC_LOST, "topic" => topic);
        let _ = gauge!(UNSIGNED, "topic" => topic);
    }
    for limit in Limit::ALL {
        gauge!(LIMIT, "limit" => limit.name()).set(configured(limit, config));
    }
    gauge!(CHECKPOINT_EVERY)
        .set(config.checkpoint.dir.as_ref().map_or(0.0, |_| f64::from(config.checkpoint.every_seconds)));
    for count in [CHECKPOINT_FAILURES, CHECKPOINT_DAMAGED, CHECKPOINT_WRITTEN_BYTES] {
        counter!(count).increment(0);
    }
    gauge!(SNAPSHOT_MAX_AGE).set(f64::from(config.snapshot.max_age_hours) * 3_600.0);
    // Register them, so that they are 0 until a snapshot is loaded.
    let _ = (gauge!(SNAPSHOT_TIMESTAMP), gauge!(SNAPSHOT_PERMITS), counter!(SNAPSHOT_REFUSED));
}

fn configured(limit: Limit, config: &Config) -> f64 {
    match limit {
        Limit::BatchMessages => config.limits.batch_messages as f64,
        Limit::BatchChanges => config.limits.batch_changes as f64,
        Limit::QueueBytes => f64::from(config.kafka.queued_max_kbytes) * 1024.0,
        Limit::RowsPerCall => config.limits.rows_per_call as f64,
        Limit::RowsPerPerson => config.limits.rows_per_person as f64,
        Limit::StateBytes => config.limits.state_max_bytes as f64,
        Limit::QuarantinePerSecond => f64::from(config.limits.quarantine_per_second),
    }
}

/// A checkpoint has been written, or is gone on from.
pub fn checkpoint_is(shard: i32, at: WallTime, generation: u64, bytes: u64) {
    let shard = shard.to_string();
    gauge!(CHECKPOINT_TIMESTAMP, "shard" => shard.clone()).set(seconds(at.0));
    gauge!(CHECKPOINT_GENERATION, "shard" => shard.clone()).set(generation as f64);
    gauge!(CHECKPOINT_BYTES, "shard" => shard).set(bytes as f64);
}

/// Nothing has come since the last checkpoint: it holds at this time too.
pub fn checkpoint_holds(shard: i32, at: WallTime) {
    gauge!(CHECKPOINT_TIMESTAMP, "shard" => shard.to_string()).set(seconds(at.0));
}

/// Bytes that were written for a checkpoint, and how long that took.
pub fn checkpoint_written(bytes: u64, took: Duration) {
    counter!(CHECKPOINT_WRITTEN_BYTES).increment(bytes);
    histogram!(CHECKPOINT_WRITE).record(took.as_secs_f64());
}

/// A shard stood still so long to capture what has changed.
pub fn checkpoint_captured(took: Duration) {
    histogram!(CHECKPOINT_CAPTURE).record(took.as_secs_f64());
}

/// A checkpoint could not be written.
pub fn checkpoint_failed() {
    counter!(CHECKPOINT_FAILURES).increment(1);
}

/// A start could not use a checkpoint.
pub fn checkpoint_damaged() {
    counter!(CHECKPOINT_DAMAGED).increment(1);
}

/// How long a start took to read the checkpoint that it goes on from; zero if there was none.
pub fn restored(shard: i32, took: Duration) {
    gauge!(RESTORE, "shard" => shard.to_string()).set(took.as_secs_f64());
}

/// The share of what a shard reads before it publishes that it has read.
pub fn recovery_progress(shard: i32, share: f64) {
    gauge!(RECOVERY_PROGRESS, "shard" => shard.to_string()).set(share);
}

/// A permit snapshot is in use.
pub fn snapshot_loaded(written_at: WallTime, permits: u64) {
    gauge!(SNAPSHOT_TIMESTAMP).set(seconds(written_at.0));
    gauge!(SNAPSHOT_PERMITS).set(permits as f64);
}

/// A newer snapshot was refused; the one in use stays.
pub fn snapshot_refused() {
    counter!(SNAPSHOT_REFUSED).increment(1);
}

/// Resident memory, measured at each scrape.
pub fn process_resident(bytes: u64) {
    gauge!(PROCESS_RESIDENT).set(bytes as f64);
}

/// Microseconds since 1970 in Prometheus' seconds; 0 for a time that is not known yet.
fn seconds(micros: i64) -> f64 {
    if micros == i64::MIN { 0.0 } else { micros as f64 / MICROS_PER_SECOND as f64 }
}

const fn flag(on: bool) -> f64 {
    if on { 1.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;
    use crate::model::alert::{Severity, Status};
    use crate::model::record::{Fate, Fates, Reason};
    use crate::model::schema::TableId;
    use crate::model::stage::Outlet;
    use crate::model::time::KnownTime;

    /// The metrics of one shard that has called every function once.
    fn rendered() -> String {
        let handle = install().unwrap();
        started("0.1.0", "abcd", &Config::default(), WallTime(1_700_000_000_000_000));
        snapshot_loaded(WallTime(1_700_000_000_000_000), 12);
        snapshot_refused();
        reloaded("taken");
        process_resident(4_096);
        shards(2);
        health(true, [(0, true), (1, false)]);
        topic_lost("links", WallTime(1_700_000_000_000_000));
        checkpoint_is(7, WallTime(1_700_000_000_000_000), 3, 1_000);
        checkpoint_written(500, Duration::from_millis(20));
        checkpoint_captured(Duration::from_millis(1));
        restored(7, Duration::from_millis(300));
        recovery_progress(7, 0.5);
        let rules = [("work-not-started".to_owned(), Outlet::Officers), ("on-trial".to_owned(), Outlet::Shadow)];
        let mut shard = ShardTelemetry::new(7, &rules, WallTime(1_700_000_000_000_000));
        let mut fates = Fates::default();
        fates.count(Feed::Border, Fate::Quarantined(Reason::Future));
        fates.count(Feed::Border, Fate::Evaluated);
        shard.read(Feed::Border, 2);
        shard.fates(&fates);
        shard.feed_clock(Feed::Border, KnownTime(1_600_000_000_500_000));
        shard.rule_clock(0, KnownTime::MIN);
        shard.stage(Stage::Rules, Duration::from_micros(250));
        shard.event_to_alert(Duration::from_millis(4));
        shard.rule_run(0, 3, 72, Duration::from_micros(90));
        shard.transition(0, Status::Raised, Severity::Strong);
        shard.state_rows(TableId::Payments, 40);
        shard.limit_used(Limit::StateBytes, 512.0);
        handle.render()
    }

    #[test]
    fn every_metric_is_rendered_with_its_kind_and_its_labels() {
        let text = rendered();
        for metric in &METRICS {
            let line = format!("# TYPE {} {}", metric.name, metric.kind.name());
            assert!(text.contains(&line), "missing: {line}");
            assert!(text.contains(&format!("# HELP {} ", metric.name)), "no help: {}", metric.name);
        }
        for sample in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (series, _) = sample.rsplit_once(' ').unwrap();
            let (name, labels) = series.trim_end_matches('}').split_once('{').unwrap_or((series, ""));
            let metric = find(name).unwrap_or_else(|| panic!("not in METRICS: {name}"));
            let found: BTreeSet<&str> = labels
                .split(',')
                .filter_map(|label| Some(label.split_once('=')?.0))
                .filter(|name| *name != "le")
                .collect();
            assert_eq!(found, metric.labels.iter().copied().collect(), "labels of {name}");
        }
    }

    fn find(sample: &str) -> Option<&'static Metric> {
        METRICS.iter().find(|metric| match sample.strip_prefix(metric.name) {
            Some("") => metric.kind != Kind::Histogram,
            Some("_bucket" | "_sum" | "_count") => metric.kind == Kind::Histogram,
            _ => false,
        })
    }

    #[test]
    fn values_are_in_base_units() {
        let text = rendered();
        for line in [
            "permitwatch_feed_clock_timestamp_seconds{feed=\"border\",shard=\"7\"} 1600000000.5",
            "permitwatch_rule_clock_timestamp_seconds{rule=\"work-not-started\",shard=\"7\"} 0",
            "permitwatch_feed_max_silence_seconds{feed=\"border\",clock=\"messages\"} 93600",
            "permitwatch_snapshot_max_age_seconds 172800",
            "permitwatch_limit{limit=\"queue_bytes\"} 67108864",
            "permitwatch_stage_duration_seconds_bucket{stage=\"rules\",le=\"0.0003\"}",
        ] {
            assert!(text.contains(line), "missing: {line}");
        }
    }

    #[test]
    fn what_a_shard_has_read_and_not_settled_is_given_up_with_it() {
        let handle = install().unwrap();
        let mut shard = ShardTelemetry::new(8, &[], WallTime(0));
        shard.read(Feed::Studies, 1_000_000_007);
        let mut fates = Fates::default();
        fates.count(Feed::Studies, Fate::Clock);
        shard.fates(&fates);
        let given_up = "permitwatch_messages_total{feed=\"studies\",fate=\"given_up\"}";
        assert!(handle.render().contains(&format!("{given_up} 0\n")));
        drop(shard);
        assert!(handle.render().contains(&format!("{given_up} 1000000006\n")), "{}", handle.render());
    }

    #[test]
    fn a_reload_changes_which_rules_are_said_to_be_in_force() {
        let handle = install().unwrap();
        rules_in_force("9.9.9", "before", "now");
        let text = handle.render();
        let line = |rules: &str| format!("permitwatch_build_info{{version=\"9.9.9\",rules_fingerprint=\"{rules}\"}}");
        assert!(
            text.contains(&format!("{} 0", line("before"))) && text.contains(&format!("{} 1", line("now"))),
            "{text}"
        );
    }

    #[test]
    fn names_end_in_their_unit_and_counters_in_total() {
        for metric in &METRICS {
            assert!(metric.name.starts_with("permitwatch_"), "{}", metric.name);
            assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.name);
        }
    }

    #[test]
    fn a_second_install_returns_the_same_recorder() {
        install().unwrap();
        process_resident(1);
        assert!(install().unwrap().render().contains(PROCESS_RESIDENT));
    }
}
