//! `permitwatch doctor`: checks whether a cluster's topics are what the engine needs, before the engine relies on them.
//!
//! Most errors are made by adapters, and would cause no failure but wrong results: another partitioner breaks every join,
//! compaction drops records, a missing clock keeps every deadline waiting, keys of another register make every record one about
//! nobody. `doctor` reads a bounded sample from the beginning and the end of each partition, the keys of the permits feed as far as
//! it needs them, and how far the detector had read; and asks the broker for the first message stamped in the future, wherever it is. It writes nothing
//! and joins no group. Findings name topics, partitions and offsets, never keys or payloads.

mod checks;
mod sample;

use std::collections::{BTreeMap, BTreeSet};

use rdkafka::consumer::Consumer as _;

use crate::checkpoint::reader::goes_on_from;
use crate::config::Config;
use crate::kafka::{self, ClusterError, Patience};
use crate::model::record::NextOffset;
use crate::model::schema::Feed;
use crate::model::stage::Outlet;
use crate::model::time::WallTime;
use crate::sink::kafka::last_read;
use crate::sink::{Reached, ReadUpTo};
use crate::source::kafka::gaps::{Before, Gaps};

/// How bad a finding is. `Fail`: the engine would go wrong or lose something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Ok,
    Warn,
    Fail,
}

impl Level {
    pub const fn name(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail => "fail",
        }
    }
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub level: Level,
    /// Empty if it concerns the whole cluster.
    pub topic: String,
    pub message: String,
    /// What to do about it; empty if all is well.
    pub hint: String,
}

impl Finding {
    fn new(level: Level, topic: &str, message: impl Into<String>, hint: &str) -> Finding {
        Finding { level, topic: topic.into(), message: message.into(), hint: hint.into() }
    }

    fn ok(topic: &str, message: impl Into<String>) -> Finding {
        Finding::new(Level::Ok, topic, message, "")
    }
}

/// Messages sampled from each partition: half from its beginning, half before its end.
pub const SAMPLE_MESSAGES: i64 = 400;

/// Examines every topic. Never fails: what cannot be queried becomes a finding.
pub fn examine(config: &Config, now: WallTime) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(partitions) = topics(config, &mut findings) else {
        return findings;
    };
    settings(config, &mut findings);
    let read = reached(config, partitions, &mut findings);
    let mut keys = BTreeMap::new();
    // Topics that permitwatch writes itself need no examination.
    for feed in Feed::SOURCES {
        let topic = config.kafka.topic(feed);
        let latest = now.0.saturating_add(config.kafka.max_ahead());
        let gaps = gaps(config, feed, &read);
        let mut tally = checks::Tally::new(feed, partitions, config.limits.max_message_bytes, latest);
        let sampled = sample::read(&config.kafka, &topic, partitions, SAMPLE_MESSAGES, |sampled| tally.take(&sampled))
            .and_then(|()| sample::first_after(&config.kafka, &topic, partitions, latest))
            .map(|future| future.into_iter().for_each(|(partition, offset)| tally.take_future(partition, offset)));
        match sampled {
            Ok(()) => {
                // One that has lost everything is not merely empty.
                if gaps.is_empty() || !tally.is_empty() {
                    findings.extend(tally.findings(&topic, now, &config.feed(feed), config.max_silence(feed)));
                }
                findings.extend(gaps);
                keys.insert(feed, tally.keys().clone());
            }
            Err(message) => findings.push(Finding::new(
                Level::Fail,
                &topic,
                format!("cannot be read: {message}"),
                "grant READ and DESCRIBE on it to permitwatch",
            )),
        }
    }
    strangers(config, partitions, &keys, &mut findings);
    findings
}

/// How far the detector had read each shard's feeds when it last published; nothing where it never has.
fn reached(config: &Config, partitions: i32, findings: &mut Vec<Finding>) -> Vec<Reached> {
    // A key that cannot be read keeps `run` from starting, not this.
    let pseudonyms = config.alerts.pseudonyms().ok().flatten();
    let mut of_shard = |shard| {
        last_read(&config.kafka, pseudonyms.as_ref(), shard).unwrap_or_else(|error| {
            let hint = "grant READ and DESCRIBE on it to permitwatch";
            findings.push(Finding::new(Level::Fail, &config.kafka.alerts_topic(), error.to_string(), hint));
            None
        })
    };
    let as_published = |(read, at): (ReadUpTo, WallTime)| read.as_published(at, config);
    (0..partitions).map(|shard| of_shard(shard).map(as_published).unwrap_or_default()).collect()
}

/// What a feed lacks of what had been read of it, and of its beginning: on these a shard that starts evaluates nothing.
fn gaps(config: &Config, feed: Feed, reached: &[Reached]) -> Vec<Finding> {
    let topic = config.kafka.topic(feed);
    let Ok(consumer) = kafka::plain_consumer(&config.kafka) else { return Vec::new() };
    let finding = |(partition, Reached { read, refilled }): (i32, &Reached)| {
        // One that cannot be asked for cannot be sampled either, which is told.
        let (first, end) = consumer.fetch_watermarks(&topic, partition, kafka::ANSWER_TIMEOUT).ok()?;
        let next = read.offsets[feed.index()];
        let root = config.checkpoint.dir.as_deref();
        let oldest = root.and_then(|root| goes_on_from(root, partition, |feed| config.kafka.topic(feed)));
        let from = oldest.map(|oldest| oldest[feed.index()]).filter(|_| !refilled.contains(feed));
        let before = Before { next, clock: read.clock, is_refilled: refilled.contains(feed), from };
        let bounds = (NextOffset(first), NextOffset(end));
        let lost = Gaps { config }.check(feed, partition, bounds, before, Patience::Brief).err()?;
        Some(Finding::new(
            Level::Fail,
            &topic,
            lost.to_string(),
            "until then that shard evaluates nothing once it starts",
        ))
    };
    (0..).zip(reached).filter_map(finding).collect()
}

/// Messages of the permits feed that are looked through for keys.
const PERMIT_MESSAGES: i64 = 2_000_000;
/// Fewer keys may all be of people without a permit.
const TELLING_KEYS: usize = 20;

/// Finds feeds whose sampled keys no permit has: all their records are about nobody, and are filtered unread.
fn strangers(
    config: &Config,
    partitions: i32,
    keys: &BTreeMap<Feed, BTreeSet<Box<[u8]>>>,
    findings: &mut Vec<Finding>,
) {
    if keys.get(&Feed::Permits).is_none_or(BTreeSet::is_empty) {
        return;
    }
    let of_persons = keys.iter().filter(|(feed, _)| !matches!(feed, Feed::Permits | Feed::Reference));
    let mut unmatched: BTreeMap<Feed, &BTreeSet<Box<[u8]>>> =
        of_persons.filter(|(_, keys)| keys.len() >= TELLING_KEYS).map(|(feed, keys)| (*feed, keys)).collect();
    let permits = config.kafka.topic(Feed::Permits);
    let looked = sample::keys(&config.kafka, &permits, partitions, PERMIT_MESSAGES, |key| {
        unmatched.retain(|_, keys| !keys.contains(key));
        unmatched.is_empty()
    });
    match looked {
        Ok(is_whole) => findings.extend(unmatched.iter().map(|(feed, keys)| {
            let among = if is_whole { "" } else { " among the first 2,000,000 messages" };
            let message = format!("none of {} sampled keys is in {permits}{among}", keys.len());
            let hint =
                "the key is the person's id as the permits feed has it: a record about anybody else is filtered unread";
            Finding::new(Level::Warn, &config.kafka.topic(*feed), message, hint)
        })),
        Err(message) => {
            let hint = "grant READ and DESCRIBE on it to permitwatch";
            findings.push(Finding::new(Level::Fail, &permits, format!("cannot be read: {message}"), hint));
        }
    }
}

/// Checks whether all topics exist with one partition count, and returns that count.
fn topics(config: &Config, findings: &mut Vec<Finding>) -> Option<i32> {
    let consumer = match kafka::plain_consumer(&config.kafka) {
        Ok(consumer) => consumer,
        Err(error) => {
            findings.push(Finding::new(Level::Fail, "", error.to_string(), "look at [kafka] in the configuration"));
            return None;
        }
    };
    let mut wanted: Vec<(String, bool)> =
        kafka::feed_topics(&config.kafka).into_iter().map(|topic| (topic, true)).collect();
    wanted.push((config.kafka.alerts_topic(), true));
    if kafka::has_no_trial_topic(&config.kafka) {
        findings.push(Finding::new(
            Level::Warn,
            &config.kafka.shadow_topic(),
            "is not there, or not for permitwatch to see: no rule can go on trial (stage = \"shadow\")",
            "`permitwatch topics create` makes it; nothing else needs it",
        ));
    } else {
        wanted.push((config.kafka.shadow_topic(), true));
    }
    wanted.push((config.kafka.quarantine_topic(), true));
    let mut counts = Vec::new();
    let mut all_found = true;
    for (topic, _) in &wanted {
        match kafka::partition_count(&consumer, &config.kafka, topic) {
            Ok(Some(count)) => counts.push((topic, count)),
            Ok(None) => {
                all_found = false;
                findings.push(Finding::new(
                    Level::Fail,
                    topic,
                    "does not exist",
                    "create it; all topics need the same partition count",
                ));
            }
            Err(error @ ClusterError::Metadata { .. }) => {
                findings.push(Finding::new(
                    Level::Fail,
                    topic,
                    error.to_string(),
                    "check address, TLS and credentials",
                ));
                return None;
            }
            Err(error) => {
                findings.push(Finding::new(Level::Fail, topic, error.to_string(), ""));
                return None;
            }
        }
    }
    let (_, expected) = *counts.first()?;
    for (topic, count) in &counts {
        if *count != expected {
            all_found = false;
            findings.push(Finding::new(
                Level::Fail,
                topic,
                format!("has {count} partitions, the first feed {expected}"),
                "shard n reads partition n of every feed and writes alerts to n: create the topic anew with the same count",
            ));
        }
    }
    if !all_found {
        return None;
    }
    findings.push(Finding::ok("", format!("{} topics with {expected} partitions each", counts.len())));
    Some(expected)
}

/// Checks retention, compaction and timestamps, as far as the broker tells.
fn settings(config: &Config, findings: &mut Vec<Finding>) {
    let feeds = kafka::feed_topics(&config.kafka);
    let alerts = Outlet::ALL.map(|outlet| config.kafka.topic_of(outlet));
    let mut topics = feeds.to_vec();
    topics.push(config.kafka.alerts_topic());
    if !kafka::has_no_trial_topic(&config.kafka) {
        topics.push(config.kafka.shadow_topic());
    }
    let settings = match kafka::topic_settings(&config.kafka, &topics) {
        Ok(settings) => settings,
        Err(message) => {
            findings.push(Finding::new(
                Level::Warn,
                "",
                format!("topic settings cannot be asked for: {message}"),
                "grant DESCRIBE_CONFIGS, or check cleanup.policy and retention.ms by hand",
            ));
            return;
        }
    };
    for (topic, values) in &settings {
        let value = |name: &str| values.get(name).map_or("", String::as_str);
        findings.extend(checks::settings(topic, alerts.contains(topic), value));
    }
}

#[cfg(test)]
mod tests;
