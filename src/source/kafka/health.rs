//! The client library's report, each second, on the group and the brokers: whether messages can be read.
//!
//! An open connection proves nothing: a broker that hangs, or a network that drops everything, closes no connection. What counts is
//! that something has been received lately. The coordinator answers every heartbeat; the leader of a partition answers every fetch,
//! even if nothing new has been written.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::time::{Duration, Instant};

use rdkafka::statistics::{Broker, ConsumerGroup, Partition, Topic};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::model::schema::Feed;

/// How long a broker may send nothing. Heartbeats and fetches are answered more often.
const SILENCE: Duration = Duration::from_secs(10);

/// How the process stands in its consumer group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Membership {
    /// The client has not reported yet, or not lately.
    #[default]
    Unknown,
    /// The process is looking for the group, joining it, or waiting for its assignment.
    Joining,
    /// The group's coordinator has not answered for some time, or is not connected.
    Unanswered,
    /// The coordinator answers, and the group has assigned every shard.
    Member,
}

/// Health by the client's last report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    pub membership: Membership,
    /// Shards that the group has given to this process.
    pub owned: BTreeSet<i32>,
    /// Those of the owned shards that have a feed that cannot be read, and one such feed.
    pub unread: BTreeMap<i32, Unread>,
}

/// A feed of a shard that is not being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unread {
    pub feed: Feed,
    pub why: Obstacle,
}

/// Why a partition is not being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// No broker that has it answers, or nothing is known.
    Unanswered,
    /// Brokers answer, and know no such partition: its topic was deleted.
    Missing,
}

/// What is read of the client's report.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Statistics {
    #[serde(deserialize_with = "every_broker")]
    pub brokers: Vec<Broker>,
    pub topics: HashMap<String, Topic>,
    pub cgrp: Option<ConsumerGroup>,
}

/// All entries of an object, also those with the same name. After an outage the library connects to the brokers anew, and lists a
/// broker twice, the entry that it has given up last.
fn every_broker<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Broker>, D::Error> {
    struct Entries;
    impl<'de> Visitor<'de> for Entries {
        type Value = Vec<Broker>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("brokers by name")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Vec<Broker>, M::Error> {
            let mut brokers = Vec::new();
            while let Some((_, broker)) = map.next_entry::<String, Broker>()? {
                brokers.push(broker);
            }
            Ok(brokers)
        }
    }
    deserializer.deserialize_map(Entries)
}

/// The last report, and when it came.
#[derive(Debug, Default)]
pub(super) struct Reported {
    last: Option<(Instant, Membership, BTreeMap<i32, Unread>)>,
}

impl Reported {
    pub fn take(&mut self, statistics: &Statistics, topics: &[String], owned: &BTreeSet<i32>) {
        self.last = Some((Instant::now(), membership(statistics), unread(statistics, topics, owned)));
    }

    pub fn health(&self, owned: BTreeSet<i32>) -> Health {
        match &self.last {
            Some((at, membership, unread)) if at.elapsed() < SILENCE => {
                let unread = unread.iter().filter(|(shard, _)| owned.contains(shard));
                Health { membership: *membership, unread: unread.map(|(shard, why)| (*shard, *why)).collect(), owned }
            }
            _ => {
                let unknown = Unread { feed: Feed::Permits, why: Obstacle::Unanswered };
                let unread = owned.iter().map(|shard| (*shard, unknown)).collect();
                Health { membership: Membership::Unknown, unread, owned }
            }
        }
    }
}

fn membership(statistics: &Statistics) -> Membership {
    let Some(group) = &statistics.cgrp else { return Membership::Unknown };
    // The library's own connection to the group's coordinator, whichever broker that is.
    let mut coordinators = statistics.brokers.iter().filter(|broker| broker.name == "GroupCoordinator");
    match coordinators.any(answers) {
        true if group.state == "up" && group.join_state == "steady" => Membership::Member,
        true => Membership::Joining,
        false => Membership::Unanswered,
    }
}

fn answers(broker: &Broker) -> bool {
    broker.state == "UP" && (0..SILENCE.as_micros() as i64).contains(&broker.rxidle)
}

fn unread(statistics: &Statistics, topics: &[String], owned: &BTreeSet<i32>) -> BTreeMap<i32, Unread> {
    let answering: BTreeSet<i32> = statistics
        .brokers
        .iter()
        .filter(|broker| broker.source != "logical" && answers(broker))
        .map(|broker| broker.nodeid)
        .collect();
    let mut unread = BTreeMap::new();
    for shard in owned {
        let of_feed = |feed: Feed| {
            let topic = statistics.topics.get(&topics[feed.index()]);
            let found = topic.and_then(|topic| topic.partitions.get(shard));
            let is_missing = !answering.is_empty() && found.is_some_and(|found| found.unknown);
            let why = if is_missing { Obstacle::Missing } else { Obstacle::Unanswered };
            (!found.is_some_and(|found| is_read(found, &answering))).then_some(Unread { feed, why })
        };
        let all = || Feed::ALL.into_iter().filter_map(of_feed);
        // A topic that is gone comes before feeds that are slow to be read.
        if let Some(worst) = all().find(|unread| unread.why == Obstacle::Missing).or_else(|| all().next()) {
            unread.insert(*shard, worst);
        }
    }
    unread
}

/// Whether the partition is fetched from a broker that answers, or has fetched messages waiting (the library then fetches no more).
pub(super) fn is_read(partition: &Partition, answering: &BTreeSet<i32>) -> bool {
    partition.fetchq_cnt > 0 || partition.fetch_state == "active" && answering.contains(&partition.broker)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broker(name: &str, source: &str, nodeid: i32, state: &str, rxidle: i64) -> Broker {
        Broker { name: name.into(), source: source.into(), nodeid, state: state.into(), rxidle, ..Broker::default() }
    }

    fn statistics(brokers: Vec<Broker>, join_state: &str, fetch_state: &str) -> Statistics {
        let partition = Partition { fetch_state: fetch_state.into(), broker: 1, ..Partition::default() };
        let topic = Topic { partitions: [(0, partition)].into(), ..Topic::default() };
        let group = ConsumerGroup { state: "up".into(), join_state: join_state.into(), ..ConsumerGroup::default() };
        Statistics {
            brokers,
            topics: topics().into_iter().map(|name| (name, topic.clone())).collect(),
            cgrp: Some(group),
        }
    }

    fn topics() -> Vec<String> {
        Feed::ALL.iter().map(|feed| feed.name().to_owned()).collect()
    }

    fn health(statistics: &Statistics) -> Health {
        let owned: BTreeSet<i32> = [0].into();
        let mut reported = Reported::default();
        reported.take(statistics, &topics(), &owned);
        reported.health(owned)
    }

    #[test]
    fn a_member_hears_its_coordinator_and_reads_from_brokers_that_answer() {
        let up = |idle| {
            vec![
                broker("GroupCoordinator", "logical", 1, "UP", idle),
                broker("127.0.0.1:9092/1", "learned", 1, "UP", idle),
            ]
        };
        let sound = health(&statistics(up(5_000), "steady", "active"));
        assert_eq!((sound.membership, sound.unread.len()), (Membership::Member, 0));
        let hung = health(&statistics(up(60_000_000), "steady", "active"));
        assert_eq!(hung.membership, Membership::Unanswered, "the connection stands, and nothing comes");
        assert_eq!(hung.unread, [(0, Unread { feed: Feed::Permits, why: Obstacle::Unanswered })].into());
        let joining = health(&statistics(up(5_000), "wait-join", "none"));
        assert_eq!((joining.membership, joining.unread.len()), (Membership::Joining, 1));
        let gone =
            vec![broker("GroupCoordinator", "logical", -1, "DOWN", 1), broker("b/1", "learned", 1, "CONNECT", 1)];
        assert_eq!(health(&statistics(gone, "steady", "active")).membership, Membership::Unanswered);
    }

    #[test]
    fn a_topic_that_is_gone_is_no_broker_that_is_silent() {
        let up =
            vec![broker("GroupCoordinator", "logical", 1, "UP", 5), broker("127.0.0.1:9092/1", "learned", 1, "UP", 5)];
        let mut report = statistics(up.clone(), "steady", "active");
        let gone = Partition { unknown: true, broker: -1, fetch_state: "none".into(), ..Partition::default() };
        report.topics.insert("border".into(), Topic { partitions: [(0, gone)].into(), ..Topic::default() });
        // Another one that is only slow.
        let slow = Partition { broker: 1, fetch_state: "offset-query".into(), ..Partition::default() };
        report.topics.insert("permits".into(), Topic { partitions: [(0, slow)].into(), ..Topic::default() });
        assert_eq!(health(&report).unread, [(0, Unread { feed: Feed::Border, why: Obstacle::Missing })].into());
        // While nobody answers it is not known.
        report.brokers.iter_mut().for_each(|broker| broker.state = "DOWN".into());
        assert_eq!(health(&report).unread[&0].why, Obstacle::Unanswered);
    }

    #[test]
    fn a_broker_that_is_listed_twice_answers_if_either_entry_does() {
        let entry = |state: &str, idle: i64| {
            let broker = broker("127.0.0.1:9092/1", "learned", 1, state, idle);
            let mut entry = serde_json::to_value(Broker::default()).unwrap_or_default();
            for (key, value) in [
                ("name", broker.name.into()),
                ("source", broker.source.into()),
                ("nodeid", broker.nodeid.into()),
                ("state", serde_json::Value::from(broker.state)),
                ("rxidle", broker.rxidle.into()),
            ] {
                entry[key] = value;
            }
            entry.to_string()
        };
        let report = |first: String, last: String| {
            let name = "127.0.0.1:9092/1";
            format!("{{\"brokers\": {{\"{name}\": {first}, \"{name}\": {last}}}, \"topics\": {{}}}}")
        };
        for json in [report(entry("UP", 5), entry("INIT", -1)), report(entry("INIT", -1), entry("UP", 5))] {
            let statistics: Statistics = serde_json::from_str(&json).unwrap();
            assert_eq!(statistics.brokers.iter().filter(|broker| answers(broker)).count(), 1);
        }
    }

    #[test]
    fn what_has_been_fetched_and_not_been_taken_is_read() {
        let waiting = Partition { fetchq_cnt: 3, fetch_state: "active".into(), broker: 1, ..Partition::default() };
        assert!(is_read(&waiting, &BTreeSet::new()));
        assert!(!is_read(&Partition { fetchq_cnt: 0, ..waiting }, &BTreeSet::new()));
    }

    #[test]
    fn before_the_first_report_nothing_is_known() {
        let health = Reported::default().health([0, 1].into());
        assert_eq!((health.membership, health.unread.len()), (Membership::Unknown, 2));
    }
}
