//! Kafka as a source: one consumer for the process, one queue per partition, shards handed out whole.
//!
//! Invariants:
//! - A shard is partition n of all feeds or nothing: an assignment that splits a shard is refused. The range assignor gives every
//!   topic's partition n to the same member as long as the topics have equally many partitions.
//! - Every partition starts at its beginning; the owner seeks to its checkpoint. The group's committed offsets are for monitoring
//!   and are never read.
//! - The queue of a partition is split off *before* the partition is assigned. Otherwise the library might already have put
//!   messages into the common queue, which nobody reads.
//! - A revoked shard is fenced first (its `poll` fails from then on), then the owner drops it, then the partitions are given up. An
//!   owner that does not drop it within [`REVOKE_TIMEOUT`] keeps a fenced shard.
//! - A message that arrives in the common queue nevertheless stops all shards, since it would be lost.
//!
//! Back-pressure: when a shard does not poll, the library fills the partition's queue up to its share of `queued_max_kbytes` and
//! then stops fetching. The source does not order partitions among each other (the merge does) and parses nothing.

pub mod gaps;
mod group;
mod health;
mod lane;
mod shard;
mod single;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset as KafkaOffset;

use crate::config::KafkaConfig;
use crate::kafka::{self, ClusterError, Patience};
use crate::model::record::NextOffset;
use crate::model::schema::Feed;
use crate::pseudonyms::Pseudonyms;
use crate::source::SourceError;

use group::GroupContext;
pub use health::{Health, Membership, Obstacle, Unread};
pub use shard::{Fence, KafkaShard};
pub use single::MessageReader;

/// How long a rebalance waits for an owner to drop a revoked shard. Less than the five minutes after which the group goes on
/// without this member, and more than the evaluation of a batch takes.
pub const REVOKE_TIMEOUT: Duration = Duration::from_secs(60);
/// How often the thread that serves the group checks whether it should stop.
const SERVE_INTERVAL: Duration = Duration::from_millis(100);
/// How long leaving the group may take.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(10);

/// A shard that this process owns from now on.
pub struct Assignment {
    pub shard: i32,
    pub source: KafkaShard,
}

/// The shards that the group assigns, in order; an error is a reason to halt.
pub type Assignments = Receiver<Result<Assignment, SourceError>>;

/// The process's consumer. Dropping it leaves the group; drop the shards first.
pub struct KafkaConsumer {
    consumer: Arc<BaseConsumer<GroupContext>>,
    in_group: bool,
    stop: Arc<AtomicBool>,
    server: Option<JoinHandle<()>>,
}

impl KafkaConsumer {
    /// Joins the group; shards arrive through the channel, again after every rebalance.
    pub fn join(
        config: &KafkaConfig,
        pseudonyms: &Arc<Pseudonyms>,
    ) -> Result<(KafkaConsumer, Assignments), ClusterError> {
        let partitions = kafka::shard_count(config)?;
        kafka::check_own_topics(config, partitions)?;
        let (sender, assignments) = mpsc::channel();
        let consumer = consumer(config, partitions, Some(Arc::clone(pseudonyms)), Some(sender))?;
        let topics = &consumer.context().topics;
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics).map_err(|error| kafka::client_failed(&error))?;
        Ok((KafkaConsumer::serve(consumer, true)?, assignments))
    }

    /// Takes fixed shards without joining a group: for tests. What shards write for each other is not read.
    pub fn assign(config: &KafkaConfig, shards: &[i32]) -> Result<(KafkaConsumer, Vec<KafkaShard>), ClusterError> {
        KafkaConsumer::assign_with(config, None, shards)
    }

    /// The same for who reads what shards write for each other under these keys.
    pub fn assign_with(
        config: &KafkaConfig,
        pseudonyms: Option<Arc<Pseudonyms>>,
        shards: &[i32],
    ) -> Result<(KafkaConsumer, Vec<KafkaShard>), ClusterError> {
        let partitions = kafka::shard_count(config)?;
        if let Some(shard) = shards.iter().find(|shard| !(0..partitions).contains(*shard)) {
            return Err(ClusterError::Client(format!(
                "shard {shard} does not exist: the feeds have {partitions} partitions"
            )));
        }
        let consumer = consumer(config, partitions, pseudonyms, None)?;
        let sources = group::take(&consumer, shards).map_err(|error| ClusterError::Client(error.to_string()))?;
        Ok((KafkaConsumer::serve(consumer, false)?, sources))
    }

    /// Number of shards, in all processes together.
    pub fn partitions(&self) -> i32 {
        self.consumer.context().partitions
    }

    /// Beginning and end of a partition, asked of the broker by who has been given the shard.
    pub(crate) fn bounds(
        &self,
        feed: Feed,
        shard: i32,
        patience: Patience<'_>,
    ) -> Result<(NextOffset, NextOffset), SourceError> {
        shard::bounds(&self.consumer, feed, shard, patience)
    }

    /// Messages between a position and the end of the partition, by the library's last statistics (each second). `None` before the
    /// first fetch.
    pub fn lag(&self, feed: Feed, shard: i32, position: NextOffset) -> Option<u64> {
        self.consumer.context().lag(feed, shard, position)
    }

    /// Whether the group and the brokers of the owned shards answer, by the client's last report (each second).
    pub fn health(&self) -> Health {
        self.consumer.context().health()
    }

    /// Commits how far a shard has come to the group, for monitoring of the lag from outside; this program never reads it. Returns
    /// at once; without a group it does nothing.
    pub fn commit(&self, shard: i32, offsets: &[NextOffset; Feed::COUNT]) -> Result<(), SourceError> {
        if !self.in_group {
            return Ok(());
        }
        let topics = &self.consumer.context().topics;
        let failed = |feed: Feed, error: &KafkaError| SourceError::Kafka {
            topic: topics[feed.index()].clone(),
            partition: shard,
            message: format!("commit: {}", kafka::describe(error)),
        };
        let mut list = TopicPartitionList::with_capacity(Feed::COUNT);
        for feed in Feed::ALL {
            list.add_partition_offset(&topics[feed.index()], shard, KafkaOffset::Offset(offsets[feed.index()].0))
                .map_err(|error| failed(feed, &error))?;
        }
        self.consumer.commit(&list, CommitMode::Async).map_err(|error| failed(Feed::Permits, &error))
    }

    fn serve(consumer: Arc<BaseConsumer<GroupContext>>, in_group: bool) -> Result<KafkaConsumer, ClusterError> {
        let stop = Arc::new(AtomicBool::new(false));
        let server = std::thread::Builder::new()
            .name("kafka-consumer".into())
            .spawn({
                let (consumer, stop) = (Arc::clone(&consumer), Arc::clone(&stop));
                move || serve_until(&consumer, in_group, &stop)
            })
            .map_err(|error| ClusterError::Client(format!("thread: {error}")))?;
        Ok(KafkaConsumer { consumer, in_group, stop, server: Some(server) })
    }
}

impl Drop for KafkaConsumer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(server) = self.server.take() {
            // If it panicked, the thread has reported that itself.
            let _ = server.join();
        }
    }
}

/// Serves rebalances, statistics and errors until stopped; messages bypass it, through the queues of the partitions.
fn serve_until(consumer: &Arc<BaseConsumer<GroupContext>>, in_group: bool, stop: &AtomicBool) {
    let group = consumer.context();
    while !stop.load(Ordering::Acquire) {
        serve_once(consumer);
    }
    group.fence_all();
    if in_group {
        consumer.unsubscribe();
        let deadline = Instant::now() + LEAVE_TIMEOUT;
        while group.owns_shards() && Instant::now() < deadline {
            serve_once(consumer);
        }
    }
}

fn serve_once(consumer: &Arc<BaseConsumer<GroupContext>>) {
    let group = consumer.context();
    match consumer.poll(SERVE_INTERVAL) {
        None | Some(Err(KafkaError::PartitionEOF(_))) => {}
        Some(Ok(_)) => group.fail("a message arrived outside its partition's queue"),
        Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => group.fail(&kafka::describe(&error)),
        Some(Err(error)) => {
            // The library recovers from other errors (a broker gone, a timeout) by itself; the context has logged them.
            if error.rdkafka_error_code().is_some_and(is_lasting) {
                group.report(&kafka::describe(&error));
            }
        }
    }
}

fn is_lasting(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::*;
    matches!(
        code,
        Authentication
            | SaslAuthenticationFailed
            | TopicAuthorizationFailed
            | GroupAuthorizationFailed
            | ClusterAuthorizationFailed
            | UnknownTopicOrPartition
            | InconsistentGroupProtocol
    )
}

/// Makes the consumer, not yet subscribed. Its context holds a weak reference to it, since a rebalance splits queues.
fn consumer(
    config: &KafkaConfig,
    partitions: i32,
    pseudonyms: Option<Arc<Pseudonyms>>,
    assignments: Option<Sender<Result<Assignment, SourceError>>>,
) -> Result<Arc<BaseConsumer<GroupContext>>, ClusterError> {
    let group = GroupContext::new(kafka::feed_topics(config), partitions, config.max_ahead(), pseudonyms, assignments);
    let budget = Budget::new(config.queued_max_kbytes, partitions);
    let consumer: BaseConsumer<GroupContext> = kafka::client_config(config)?
        .set("group.id", &config.group_id)
        .set("session.timeout.ms", config.session_timeout_ms.to_string())
        // The coordinator takes a member for dead that sends fewer heartbeats than this.
        .set("heartbeat.interval.ms", (config.session_timeout_ms / 3).clamp(1, 3_000).to_string())
        .set("partition.assignment.strategy", "range")
        .set("auto.offset.reset", "error")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", config.fetch_wait_max_ms.to_string())
        // With split queues these limits hold for each partition, not for the whole consumer.
        .set("queued.max.messages.kbytes", budget.partition_kbytes.to_string())
        .set("queued.min.messages", budget.partition_messages.to_string())
        .set("fetch.message.max.bytes", budget.fetch_bytes.to_string())
        // After this time the library fetches again for a partition that was at its limit; its default of a second would stall the
        // shard.
        .set("fetch.queue.backoff.ms", "10")
        .set("statistics.interval.ms", "1000")
        // Its default of five minutes is too long for a topic that was deleted or given more partitions: what is written to those
        // nobody reads.
        .set("topic.metadata.refresh.interval.ms", "60000")
        .create_with_context(group)
        .map_err(|error| kafka::client_failed(&error))?;
    let consumer = Arc::new(consumer);
    consumer.context().set_consumer(Arc::downgrade(&consumer));
    Ok(consumer)
}

/// How much one partition may hold unread, so that all partitions of all shards stay within the configured total (plus one fetch
/// per partition and the library's own bookkeeping of some 300 bytes a message).
struct Budget {
    partition_kbytes: u32,
    partition_messages: u32,
    fetch_bytes: u32,
}

impl Budget {
    fn new(total_kbytes: u32, partitions: i32) -> Budget {
        let queues = Feed::COUNT as u32 * partitions.max(1).unsigned_abs();
        let partition_kbytes = (total_kbytes / queues).clamp(16, 65_536);
        Budget {
            partition_kbytes,
            // At 256 bytes a message, the smallest size of a record.
            partition_messages: (partition_kbytes * 4).clamp(64, 20_000),
            fetch_bytes: (partition_kbytes * 1024).clamp(128 << 10, 1 << 20),
        }
    }
}

type WeakConsumer = Weak<BaseConsumer<GroupContext>>;

#[cfg(test)]
mod tests;
