//! The client library's callbacks: rebalances, statistics, log.
//!
//! They run on the thread that serves the consumer (see the parent), never on a shard's. On a revocation: fence the shard, wait for
//! its owner, give the partitions up. On an assignment: split the queues, start the partitions, hand the shards out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::Offset as KafkaOffset;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, TopicPartitionList};

use super::health::{Health, Reported, Statistics};
use super::shard::{Fence, KafkaShard};
use super::{Assignment, REVOKE_TIMEOUT, WeakConsumer};
use crate::kafka;
use crate::model::record::NextOffset;
use crate::model::schema::Feed;
use crate::pseudonyms::Pseudonyms;
use crate::source::SourceError;

/// The context of the process's consumer.
pub(super) struct GroupContext {
    pub topics: [String; Feed::COUNT],
    pub partitions: i32,
    /// Microseconds by which a timestamp may be ahead of the wall clock.
    pub max_ahead: i64,
    /// To read what shards write for each other.
    pub pseudonyms: Option<Arc<Pseudonyms>>,
    /// The consumer that owns this context; set once, right after the consumer is made.
    consumer: OnceLock<WeakConsumer>,
    /// Sends assigned shards to the instance that runs them; `None` if shards are fixed.
    assignments: Option<Mutex<Sender<Result<Assignment, SourceError>>>>,
    /// Fences of the shards that have been handed out, by number.
    shards: Mutex<BTreeMap<i32, Arc<Fence>>>,
    /// End offsets by shard and feed, by the last statistics; negative if not known.
    ends: Vec<[AtomicI64; Feed::COUNT]>,
    reported: Mutex<Reported>,
}

impl GroupContext {
    pub fn new(
        topics: [String; Feed::COUNT],
        partitions: i32,
        max_ahead: i64,
        pseudonyms: Option<Arc<Pseudonyms>>,
        assignments: Option<Sender<Result<Assignment, SourceError>>>,
    ) -> GroupContext {
        GroupContext {
            topics,
            partitions,
            max_ahead,
            pseudonyms,
            consumer: OnceLock::new(),
            assignments: assignments.map(Mutex::new),
            shards: Mutex::default(),
            ends: (0..partitions.max(0)).map(|_| [const { AtomicI64::new(-1) }; Feed::COUNT]).collect(),
            reported: Mutex::default(),
        }
    }

    pub fn set_consumer(&self, consumer: WeakConsumer) {
        // Set once: no second consumer has this context.
        let _ = self.consumer.set(consumer);
    }

    pub fn lag(&self, feed: Feed, shard: i32, position: NextOffset) -> Option<u64> {
        let ends = self.ends.get(usize::try_from(shard).ok()?)?;
        let end = ends[feed.index()].load(Ordering::Relaxed);
        (end >= 0).then(|| end.saturating_sub(position.0).max(0).unsigned_abs())
    }

    pub fn health(&self) -> Health {
        let owned = self.shards().keys().copied().collect();
        self.reported.lock().unwrap_or_else(PoisonError::into_inner).health(owned)
    }

    pub fn owns_shards(&self) -> bool {
        !self.shards().is_empty()
    }

    /// Stops every shard, because this process leaves the group.
    pub fn fence_all(&self) {
        for fence in self.shards().values() {
            fence.revoke();
        }
    }

    /// Stops every shard with an error, because the consumer cannot go on.
    pub fn fail(&self, message: &str) {
        for fence in self.shards().values() {
            fence.fail(message);
        }
        self.report(message);
    }

    /// Sends an error to the instance that runs the shards.
    pub fn report(&self, message: &str) {
        self.send(Err(unusable(message)));
    }

    fn send(&self, assignment: Result<Assignment, SourceError>) {
        if let Some(sender) = &self.assignments {
            let sender = sender.lock().unwrap_or_else(PoisonError::into_inner);
            // If the receiver is gone, the process is ending and the shard is dropped with the message.
            let _ = sender.send(assignment);
        }
    }

    fn shards(&self) -> MutexGuard<'_, BTreeMap<i32, Arc<Fence>>> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn assigned(&self, base: &BaseConsumer<GroupContext>, list: &TopicPartitionList) {
        let taken = self.whole_shards(list).and_then(|shards| {
            let consumer = self.consumer.get().and_then(WeakConsumer::upgrade);
            take(&consumer.ok_or_else(|| unusable("the consumer is closing"))?, &shards)
        });
        match taken {
            Ok(sources) => {
                let shards: Vec<i32> = sources.iter().map(KafkaShard::number).collect();
                tracing::info!(target: "kafka", ?shards, "shards assigned");
                for source in sources {
                    self.send(Ok(Assignment { shard: source.number(), source }));
                }
            }
            Err(error) => {
                // The library needs an answer even if an assignment is refused.
                let _ = base.unassign();
                self.send(Err(error));
            }
        }
    }

    /// The shards of an assignment; an error if one lacks a feed.
    fn whole_shards(&self, list: &TopicPartitionList) -> Result<Vec<i32>, SourceError> {
        let mut feeds_of: BTreeMap<i32, BTreeSet<&str>> = BTreeMap::new();
        let elements = list.elements();
        for element in &elements {
            if !self.topics.iter().any(|topic| topic == element.topic()) {
                return Err(unusable(&format!("the group assigned the foreign topic \"{}\"", element.topic())));
            }
            if element.partition() >= self.partitions {
                return Err(unusable(&format!(
                    "topic \"{}\" has been given more than the {} partitions that it had when this process started: a key's records now go \
                     to another shard than before. The count is for good: make the topic anew with the old one, and fill it again",
                    element.topic(),
                    self.partitions
                )));
            }
            feeds_of.entry(element.partition()).or_default().insert(element.topic());
        }
        let is_split = |(_, feeds): &(&i32, &BTreeSet<&str>)| feeds.len() != Feed::COUNT;
        let Some((shard, feeds)) = feeds_of.iter().find(is_split) else {
            return Ok(feeds_of.keys().copied().collect());
        };
        let absent = self.topics.iter().filter(|topic| !feeds.contains(topic.as_str())).cloned().collect();
        Err(SourceError::Split { shard: *shard, absent })
    }

    /// With the range assignor, a rebalance revokes all partitions, then assigns anew.
    fn revoked(&self, base: &BaseConsumer<GroupContext>) {
        let shards = std::mem::take(&mut *self.shards());
        for fence in shards.values() {
            fence.revoke();
        }
        let deadline = Instant::now() + REVOKE_TIMEOUT;
        for (shard, fence) in &shards {
            if !fence.wait_released(deadline) {
                tracing::warn!(target: "kafka", shard, "owner has not let go of a revoked shard; it is left behind fenced");
            }
        }
        if let Err(error) = base.unassign() {
            tracing::warn!(target: "kafka", "cannot give up partitions: {}", kafka::describe(&error));
        }
    }
}

/// Splits the shards' queues off, then starts their partitions, each at its beginning.
pub(super) fn take(consumer: &Arc<BaseConsumer<GroupContext>>, shards: &[i32]) -> Result<Vec<KafkaShard>, SourceError> {
    let group = consumer.context();
    let mut sources = Vec::with_capacity(shards.len());
    let mut list = TopicPartitionList::with_capacity(shards.len() * Feed::COUNT);
    for shard in shards {
        sources.push(KafkaShard::new(consumer, *shard)?);
        for topic in &group.topics {
            list.add_partition_offset(topic, *shard, KafkaOffset::Beginning).map_err(|error| refused(&error))?;
        }
    }
    consumer.assign(&list).map_err(|error| refused(&error))?;
    *group.shards() = sources.iter().map(|source| (source.number(), source.fence())).collect();
    Ok(sources)
}

fn refused(error: &KafkaError) -> SourceError {
    unusable(&kafka::describe(error))
}

fn unusable(message: &str) -> SourceError {
    SourceError::Assignment { message: message.to_owned() }
}

impl ClientContext for GroupContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        kafka::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        kafka::global_error(&error, reason);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        let statistics: Statistics = match serde_json::from_slice(statistics) {
            Ok(statistics) => statistics,
            Err(error) => {
                tracing::error!(target: "kafka", "cannot read the client's statistics: {error}");
                return;
            }
        };
        let owned: BTreeSet<i32> = self.shards().keys().copied().collect();
        self.reported.lock().unwrap_or_else(PoisonError::into_inner).take(&statistics, &self.topics, &owned);
        let unread = self.health().unread;
        for feed in Feed::ALL {
            let Some(topic) = statistics.topics.get(&self.topics[feed.index()]) else {
                continue;
            };
            for (shard, ends) in self.ends.iter().enumerate() {
                let shard = shard as i32;
                if let Some(partition) = topic.partitions.get(&shard) {
                    // Nobody reports on such a shard's partitions now, so the end is not known: one from before an outage would say
                    // that all has been read.
                    let end = if unread.contains_key(&shard) { -1 } else { partition.hi_offset };
                    ends[feed.index()].store(end, Ordering::Relaxed);
                }
            }
        }
    }
}

impl ConsumerContext for GroupContext {
    fn rebalance(&self, base: &BaseConsumer<Self>, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assigned(base, list),
            _ => self.revoked(base),
        }
    }
}
