//! The topics that the engine needs, with the settings of each. Compares them with the cluster, and creates those that are missing.
//!
//! An existing topic is never changed: its settings are its owner's, and its partition count is permanent.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode;

use super::{ANSWER_TIMEOUT, ClusterError, admin, block_on, describe, partition_count, plain_consumer, topic_settings};
use crate::config::KafkaConfig;
use crate::model::schema::Feed;

/// How long quarantine notes are kept, in milliseconds.
const QUARANTINE_MILLIS: u64 = 30 * 86_400_000;
/// How often to check whether a new topic is known.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// Copies of each partition, if there are enough brokers.
const COPIES: i32 = 3;

/// One setting of a topic, and what happens if it differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    pub name: &'static str,
    pub value: String,
    pub why: &'static str,
}

/// A topic as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    pub name: String,
    pub settings: Vec<Setting>,
}

/// What differs between an existing topic and what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub setting: &'static str,
    pub found: String,
    pub wanted: String,
    pub why: &'static str,
}

/// Every topic, and how the cluster's topics differ.
#[derive(Clone, Debug)]
pub struct Plan {
    pub partitions: i32,
    pub copies: i32,
    pub missing: Vec<Topic>,
    pub existing: Vec<(Topic, Vec<Difference>)>,
}

const COUNTS: &str = "a shard reads one partition number of every feed and writes to the same one; a topic's count is for good, so it has to be made anew";

/// All topics of an installation: the feeds, the two internal ones, alerts, those of rules on trial, quarantine.
pub fn wanted(config: &KafkaConfig) -> Vec<Topic> {
    let feeds = Feed::ALL.into_iter().map(|feed| Topic { name: config.topic(feed), settings: of_feed(feed, config) });
    let alerts = vec![
        setting(
            "cleanup.policy",
            "compact",
            "what stands is read back from here: the last word on every alert must stay",
        ),
        setting("retention.ms", "-1", "an alert may stand for years"),
        setting("retention.bytes", "-1", "an alert may stand for years"),
        by_the_producer(),
    ];
    let quarantine = vec![
        setting("cleanup.policy", "delete", "several entries share a key"),
        setting("retention.ms", QUARANTINE_MILLIS.to_string(), "so long one may look into what was set aside"),
        by_the_producer(),
    ];
    feeds
        .chain([
            Topic { name: config.alerts_topic(), settings: alerts.clone() },
            Topic { name: config.shadow_topic(), settings: alerts },
            Topic { name: config.quarantine_topic(), settings: quarantine },
        ])
        .collect()
}

fn of_feed(feed: Feed, config: &KafkaConfig) -> Vec<Setting> {
    let ahead = if feed.is_internal() {
        // The engine sets these timestamps, and never later than what it has read.
        setting(
            "message.timestamp.after.max.ms",
            i64::MAX.to_string(),
            "a refused message of its own would halt the shard",
        )
    } else {
        setting(
            "message.timestamp.after.max.ms",
            (u64::from(config.max_ahead_seconds) * 1_000).to_string(),
            "what is stamped further ahead would be quarantined; so the broker refuses it, and its writer is told",
        )
    };
    vec![
        setting(
            "cleanup.policy",
            "delete",
            "records of one person share a key: compaction would drop all but the last",
        ),
        setting("retention.ms", "-1", "a shard that starts reads its feeds from the beginning"),
        setting("retention.bytes", "-1", "the busiest days would push out the oldest"),
        by_the_producer(),
        setting(
            "message.timestamp.before.max.ms",
            i64::MAX.to_string(),
            "a first load writes what became known years ago",
        ),
        ahead,
    ]
}

fn by_the_producer() -> Setting {
    setting(
        "message.timestamp.type",
        "CreateTime",
        "the timestamp is when a record became known, which its writer says",
    )
}

fn setting(name: &'static str, value: impl Into<String>, why: &'static str) -> Setting {
    Setting { name, value: value.into(), why }
}

/// Compares with the cluster. Without `partitions`, the count is that of the first feed that exists; without `copies`, there are
/// three, or as many as brokers.
pub fn plan(config: &KafkaConfig, partitions: Option<i32>, copies: Option<i32>) -> Result<Plan, ClusterError> {
    let consumer = plain_consumer(config)?;
    let topics = wanted(config);
    let mut counts = BTreeMap::new();
    for topic in &topics {
        if let Some(count) = partition_count(&consumer, config, &topic.name)? {
            counts.insert(topic.name.clone(), count);
        }
    }
    let first = topics.iter().find_map(|topic| counts.get(&topic.name));
    let partitions = partitions.or(first.copied()).ok_or(ClusterError::Partitions)?;
    let names: Vec<String> = counts.keys().cloned().collect();
    let settings = if names.is_empty() {
        BTreeMap::new()
    } else {
        let failed =
            |message| ClusterError::Metadata { brokers: config.brokers.clone(), topic: names.join("\", \""), message };
        topic_settings(config, &names).map_err(failed)?
    };
    let copies = match copies {
        Some(copies) => copies,
        None => brokers(&consumer, config)?.min(COPIES),
    };
    let mut plan = Plan { partitions, copies, missing: Vec::new(), existing: Vec::new() };
    for topic in topics {
        let topic = with_copies(topic, copies);
        match counts.get(&topic.name) {
            None => plan.missing.push(topic),
            Some(count) => {
                let values = settings.get(&topic.name);
                let differences =
                    differences(&topic, (*count, partitions), |name| values?.get(name).map(String::as_str));
                plan.existing.push((topic, differences));
            }
        }
    }
    Ok(plan)
}

fn brokers(
    consumer: &rdkafka::consumer::BaseConsumer<super::Plain>,
    config: &KafkaConfig,
) -> Result<i32, ClusterError> {
    let metadata = consumer.fetch_metadata(None, ANSWER_TIMEOUT).map_err(|error| ClusterError::Metadata {
        brokers: config.brokers.clone(),
        topic: "*".into(),
        message: describe(&error),
    })?;
    Ok(i32::try_from(metadata.brokers().len()).unwrap_or(COPIES).max(1))
}

/// With three copies, two must have a message before it counts as written, and one broker may be away.
fn with_copies(mut topic: Topic, copies: i32) -> Topic {
    if copies >= COPIES {
        let why = "with less, what was acknowledged may be lost with one broker";
        topic.settings.push(setting("min.insync.replicas", "2", why));
    }
    topic
}

/// What an existing topic has instead; a setting that the broker does not report counts as right.
fn differences<'v>(
    topic: &Topic,
    (found, wanted): (i32, i32),
    value: impl Fn(&str) -> Option<&'v str>,
) -> Vec<Difference> {
    let mut out = Vec::new();
    if found != wanted {
        let (found, wanted) = (found.to_string(), wanted.to_string());
        out.push(Difference { setting: "partitions", found, wanted, why: COUNTS });
    }
    for Setting { name, value: wanted, why } in &topic.settings {
        match value(name) {
            Some(found) if found != wanted => {
                out.push(Difference { setting: name, found: found.to_owned(), wanted: wanted.clone(), why });
            }
            _ => {}
        }
    }
    out
}

/// Creates the missing topics, and returns their names once every broker that is asked knows them.
pub fn create(config: &KafkaConfig, plan: &Plan) -> Result<Vec<String>, ClusterError> {
    let admin = admin(config)?;
    let options = AdminOptions::new().operation_timeout(Some(ANSWER_TIMEOUT));
    let mut created = Vec::new();
    for topic in &plan.missing {
        let failed = |message: String| ClusterError::CreateTopic { topic: topic.name.clone(), message };
        let mut new = NewTopic::new(&topic.name, plan.partitions, TopicReplication::Fixed(plan.copies));
        for Setting { name, value, .. } in &topic.settings {
            new = new.set(name, value);
        }
        let results = block_on(admin.create_topics([&new], &options)).map_err(|error| failed(describe(&error)))?;
        match results.into_iter().next() {
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => {}
            Some(Err((_, code))) => return Err(failed(code.to_string())),
            _ => created.push(topic.name.clone()),
        }
    }
    wait_until_known(config, &created)?;
    Ok(created)
}

/// When the controller has created a topic, the brokers do not all know it at once.
fn wait_until_known(config: &KafkaConfig, created: &[String]) -> Result<(), ClusterError> {
    let consumer = plain_consumer(config)?;
    let deadline = Instant::now() + ANSWER_TIMEOUT;
    for topic in created {
        while partition_count(&consumer, config, topic)?.is_none() {
            if Instant::now() > deadline {
                return Err(ClusterError::MissingTopic { topic: topic.clone() });
            }
            // The consumer has nothing to read: this only waits.
            let _ = consumer.poll(ASK_AGAIN);
        }
    }
    Ok(())
}

/// Creates the topics that are missing, as the engine needs them; returns the names of those created.
pub fn create_missing_topics(config: &KafkaConfig, partitions: i32, copies: i32) -> Result<Vec<String>, ClusterError> {
    create(config, &plan(config, Some(partitions), Some(copies))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_has_what_it_is_for() {
        let topics = wanted(&KafkaConfig::default());
        assert_eq!(topics.len(), Feed::COUNT + 3);
        let value = |topic: &str, name: &str| {
            let topic = topics.iter().find(|found| found.name == format!("permitwatch.{topic}")).unwrap();
            topic.settings.iter().find(|setting| setting.name == name).map(|setting| setting.value.clone())
        };
        for topic in ["alerts", "shadow-alerts"] {
            assert_eq!(value(topic, "cleanup.policy").as_deref(), Some("compact"));
            assert_eq!(value(topic, "retention.ms").as_deref(), Some("-1"));
        }
        assert_eq!(value("quarantine", "retention.ms").as_deref(), Some("2592000000"));
        for feed in Feed::ALL {
            assert_eq!(value(feed.name(), "cleanup.policy").as_deref(), Some("delete"));
            assert_eq!(value(feed.name(), "retention.ms").as_deref(), Some("-1"));
        }
        assert_eq!(value("permits", "message.timestamp.after.max.ms").as_deref(), Some("300000"));
        assert_eq!(value("links", "message.timestamp.after.max.ms").as_deref(), Some("9223372036854775807"));
    }

    #[test]
    fn an_existing_topic_is_told_by_what_differs() {
        let topic = &wanted(&KafkaConfig::default())[0];
        let good: BTreeMap<&str, &str> =
            topic.settings.iter().map(|setting| (setting.name, setting.value.as_str())).collect();
        assert!(differences(topic, (2, 2), |name| good.get(name).copied()).is_empty());
        assert!(differences(topic, (2, 2), |_| None).is_empty(), "an older broker does not know every setting");
        let mut bad = good.clone();
        bad.insert("cleanup.policy", "compact");
        let found = differences(topic, (3, 2), |name| bad.get(name).copied());
        let told: Vec<_> = found.iter().map(|one| (one.setting, one.found.as_str(), one.wanted.as_str())).collect();
        assert_eq!(told, [("partitions", "3", "2"), ("cleanup.policy", "compact", "delete")]);
    }
}
