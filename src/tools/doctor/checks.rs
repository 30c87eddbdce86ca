//! The checks: of the settings of a topic, and of the sampled messages of a feed. Does no I/O.

use std::collections::{BTreeMap, BTreeSet};

use rdkafka::Timestamp;

use super::sample::Sampled;
use super::{Finding, Level};
use crate::config::{ClockKind, FeedConfig};
use crate::decode::decode;
use crate::model::partition::partition_of;
use crate::model::record::{Message, Offset, Reason};
use crate::model::schema::Feed;
use crate::model::time::{KnownTime, WallTime, format_span};
use crate::words::Language;
use crate::words::states::set_aside;

/// With a shorter retention a feed's records may be gone before the engine is rebuilt from them: the history covers years.
const SHORT_RETENTION_DAYS: i64 = 3 * 365;
const MILLIS_PER_DAY: i64 = 86_400_000;

/// Judges the settings of a feed's topic or of the alerts topic.
pub(super) fn settings<'v>(topic: &str, is_alerts: bool, value: impl Fn(&str) -> &'v str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut note = |level, message: String, hint: &str| findings.push(Finding::new(level, topic, message, hint));
    let policy = value("cleanup.policy");
    if is_alerts && !policy.contains("compact") {
        note(
            Level::Warn,
            format!("cleanup.policy is \"{policy}\""),
            "set it to compact: what stands is read back from here, so the last transition of every alert must stay",
        );
    }
    if !is_alerts && policy.contains("compact") {
        note(
            Level::Fail,
            format!("cleanup.policy is \"{policy}\""),
            "set it to delete: all records of a person share one key, and compaction keeps only the last of them",
        );
    }
    let deletes = policy.contains("delete");
    let kept_millis = value("retention.ms").parse::<i64>().ok().filter(|millis| *millis >= 0);
    let kept_days = kept_millis.map(|millis| millis / MILLIS_PER_DAY);
    if let Some(days) = kept_days.filter(|days| deletes && *days < SHORT_RETENTION_DAYS) {
        note(
            Level::Warn,
            format!("retention.ms keeps {days} days"),
            "set it to -1: a rebuild reads the topic from its beginning",
        );
    }
    if deletes && value("retention.bytes").parse::<i64>().is_ok_and(|bytes| bytes >= 0) {
        note(
            Level::Warn,
            "retention.bytes limits it".into(),
            "set it to -1: the busiest days would push out the oldest",
        );
    }
    if value("message.timestamp.type") == "LogAppendTime" {
        note(
            Level::Warn,
            "message.timestamp.type is LogAppendTime".into(),
            "set it to CreateTime, or a topic that is copied anew says that everything became known today",
        );
    }
    // The second is the setting's name before Kafka 3.6.
    for name in ["message.timestamp.before.max.ms", "message.timestamp.difference.max.ms"] {
        let oldest = value(name).parse::<i64>().ok().map(|millis| millis / MILLIS_PER_DAY);
        if let Some(days) = oldest.filter(|days| *days < SHORT_RETENTION_DAYS) {
            note(
                Level::Warn,
                format!("{name} refuses what became known more than {days} days ago"),
                "set it to 9223372036854775807: a first load, and a topic that is copied anew, are stamped years back",
            );
        }
    }
    if findings.is_empty() {
        let kept = kept_days.map_or("for ever".into(), |days| format!("{days} days"));
        findings.push(Finding::ok(topic, format!("cleanup.policy {policy}, kept {kept}")));
    }
    findings
}

/// What the sample of one feed has shown.
pub(super) struct Tally {
    feed: Feed,
    partitions: i32,
    max_message_bytes: usize,
    latest_possible: i64,
    messages: u64,
    records: u64,
    misrouted: u64,
    appended_time: u64,
    without_time: u64,
    falling_time: u64,
    unknown_fields: u64,
    /// By reason: how many messages, and the detail of the first.
    bad: BTreeMap<Reason, (u64, String)>,
    with_records: BTreeSet<i32>,
    /// Different keys of records; those of `reference` are no persons'.
    keys: BTreeSet<Box<[u8]>>,
    /// Last clock message of each partition, in microseconds.
    clocks: BTreeMap<i32, i64>,
    /// By partition: the offset of the first message that is stamped in the future.
    future: BTreeMap<i32, i64>,
    /// Greatest timestamp of each partition, in microseconds.
    latest: BTreeMap<i32, i64>,
}

impl Tally {
    /// `latest_possible`: the latest timestamp that can be true, in microseconds.
    pub fn new(feed: Feed, partitions: i32, max_message_bytes: usize, latest_possible: i64) -> Tally {
        Tally {
            feed,
            partitions,
            max_message_bytes,
            latest_possible,
            messages: 0,
            records: 0,
            misrouted: 0,
            appended_time: 0,
            without_time: 0,
            falling_time: 0,
            unknown_fields: 0,
            bad: BTreeMap::new(),
            with_records: BTreeSet::new(),
            keys: BTreeSet::new(),
            clocks: BTreeMap::new(),
            future: BTreeMap::new(),
            latest: BTreeMap::new(),
        }
    }

    pub fn take(&mut self, sampled: &Sampled<'_>) {
        match sampled {
            Sampled::Message { partition, offset, timestamp, key, value } => {
                self.messages += 1;
                let time = self.time(*partition, *timestamp);
                if time > self.latest_possible {
                    self.take_future(*partition, *offset);
                }
                if key.is_none() && value.is_none() {
                    self.clocks.insert(*partition, time);
                } else {
                    self.record(*partition, time, *key, *value);
                }
            }
        }
    }

    /// Different keys in the sample.
    pub fn keys(&self) -> &BTreeSet<Box<[u8]>> {
        &self.keys
    }

    fn time(&mut self, partition: i32, timestamp: Timestamp) -> i64 {
        let millis = match timestamp {
            Timestamp::CreateTime(millis) => millis,
            Timestamp::LogAppendTime(millis) => {
                self.appended_time += 1;
                millis
            }
            Timestamp::NotAvailable => 0,
        };
        if millis <= 0 {
            self.without_time += 1;
        }
        let time = millis.saturating_mul(1000);
        let latest = self.latest.entry(partition).or_insert(time);
        if time < *latest {
            self.falling_time += 1;
        }
        *latest = time.max(*latest);
        time
    }

    fn record(&mut self, partition: i32, time: i64, key: Option<&[u8]>, value: Option<&[u8]>) {
        self.records += 1;
        self.with_records.insert(partition);
        if let Some(key) = key.filter(|key| !self.keys.contains(*key)) {
            self.keys.insert(key.into());
        }
        // A reference record is written to every partition, whatever its key.
        let belongs = |key: &[u8]| self.feed == Feed::Reference || partition_of(key, self.partitions) == partition;
        if key.is_some_and(|key| !belongs(key)) {
            self.misrouted += 1;
        }
        let message = Message {
            feed: self.feed,
            partition,
            offset: Offset(0),
            known_time: KnownTime(time),
            key: key.map(Into::into),
            payload: value.map(Into::into),
            claimed_time: None,
            sent_at: None,
        };
        match decode(&message, self.max_message_bytes) {
            Ok(decoded) => self.unknown_fields += u64::from(decoded.unknown_fields),
            Err(bad) => self.bad.entry(bad.reason).or_insert((0, bad.detail)).0 += 1,
        }
    }

    /// Takes the first message of a partition that is stamped in the future, wherever it is.
    pub fn take_future(&mut self, partition: i32, offset: i64) {
        let first = self.future.entry(partition).or_insert(offset);
        *first = (*first).min(offset);
    }

    pub fn is_empty(&self) -> bool {
        self.messages == 0
    }

    pub fn findings(&self, topic: &str, now: WallTime, feed: &FeedConfig, max_silence: i64) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.is_empty() {
            findings.push(Finding::new(Level::Warn, topic, "is empty", "start its adapter"));
            return findings;
        }
        self.record_findings(topic, &mut findings);
        self.time_findings(topic, &mut findings);
        if feed.clock == ClockKind::Messages {
            findings.extend(self.clock_finding(topic, now, max_silence));
        }
        if findings.is_empty() {
            findings.push(Finding::ok(topic, format!("{} sampled messages are as they should be", self.messages)));
        }
        findings
    }

    fn record_findings(&self, topic: &str, findings: &mut Vec<Finding>) {
        let mut note = |level, message: String, hint: &str| findings.push(Finding::new(level, topic, message, hint));
        if self.misrouted > 0 {
            note(
                Level::Fail,
                format!(
                    "{} of {} sampled records are in a partition that their key does not belong to",
                    self.misrouted, self.records
                ),
                "partition by murmur2 of the key as Java clients do (librdkafka: partitioner = murmur2_random)",
            );
        }
        for (reason, (count, detail)) in &self.bad {
            note(
                Level::Fail,
                format!(
                    "{count} of {} sampled records would be set aside, {}: {detail}",
                    self.records,
                    set_aside(Language::En, *reason)
                ),
                "mend the adapter and send the records again",
            );
        }
        if self.unknown_fields > 0 {
            note(
                Level::Warn,
                format!("{} members that the schema does not know", self.unknown_fields),
                "they are skipped; is the adapter newer than permitwatch?",
            );
        }
        if self.feed == Feed::Reference && self.with_records.len() < self.partitions.unsigned_abs() as usize {
            note(
                Level::Fail,
                format!("only {} of {} partitions have records", self.with_records.len(), self.partitions),
                "write every reference record to every partition: each shard reads its own alone",
            );
        }
    }

    fn time_findings(&self, topic: &str, findings: &mut Vec<Finding>) {
        let mut note = |level, message: String, hint: &str| findings.push(Finding::new(level, topic, message, hint));
        if self.without_time > 0 {
            note(
                Level::Fail,
                format!("{} of {} sampled messages have no timestamp", self.without_time, self.messages),
                "set it to the time at which the record became known",
            );
        }
        if self.falling_time > 0 {
            note(
                Level::Warn,
                format!("timestamps fall {} times among {} sampled messages", self.falling_time, self.messages),
                "they are read as the greatest so far; write a partition in the order of its timestamps",
            );
        }
        if self.appended_time > 0 {
            note(Level::Warn, "timestamps are the broker's".into(), "set message.timestamp.type to CreateTime");
        }
        if !self.future.is_empty() {
            let places: Vec<String> =
                self.future.iter().map(|(partition, offset)| format!("{partition}/{offset}")).collect();
            note(
                Level::Fail,
                format!("timestamps lie ahead of now, first at partition/offset {}", places.join(", ")),
                "the detector sets such messages aside; Kafka's timestamps are milliseconds: mend the adapter, then `permitwatch quarantine redrive --reason future_known_time`",
            );
        }
    }

    fn clock_finding(&self, topic: &str, now: WallTime, max_silence: i64) -> Option<Finding> {
        let silent = self.partitions - self.clocks.len() as i32;
        if silent > 0 {
            return Some(Finding::new(
                Level::Fail,
                topic,
                format!("{silent} of {} partitions show no clock message in the sample", self.partitions),
                "let the adapter write a message without key and value to every partition, or set clock = \"wall\" for the feed",
            ));
        }
        let oldest = self.clocks.values().min()?;
        let age = now.0.saturating_sub(*oldest);
        (age > max_silence).then(|| {
            let message = format!("the oldest clock is {} old", format_span(age));
            Finding::new(Level::Warn, topic, message, "deadlines wait for it; is the adapter running?")
        })
    }
}
