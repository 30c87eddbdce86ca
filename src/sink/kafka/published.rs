//! What a shard's partition of the alerts topic says: the ground truth on which a start or a recovery rests.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::Offset as KafkaOffset;

use super::headers;
use crate::alert::{Alert, AlertId};
use crate::config::KafkaConfig;
use crate::kafka::{self, ANSWER_TIMEOUT};
use crate::record::NextOffset;
use crate::sink::{RunHeaders, SinkError};

/// How long reading may go without one message.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// The last word on every alert of a shard.
#[derive(Debug)]
pub struct Published {
    /// Of each alert the transition with the highest sequence; of equal ones the last. Ended alerts are among them, for
    /// sequences continue.
    pub alerts: BTreeMap<AlertId, Alert>,
    /// The run headers of the last message that has them.
    pub headers: Option<RunHeaders>,
    /// Where the partition began when it was read. Above 0 on a topic that is not compacted, transitions may have been lost.
    pub first: NextOffset,
    /// Where it ended: what is written later has not been read.
    pub next: NextOffset,
    pub messages: u64,
    /// Messages that are not alerts; skipped.
    pub unreadable: u64,
}

/// Reads partition `shard` of the alerts topic from its beginning to the end that it had at the start.
pub fn read_published(config: &KafkaConfig, shard: i32) -> Result<Published, SinkError> {
    let topic = config.alerts_topic();
    let failed = |message: String| SinkError::Kafka { topic: topic.clone(), partition: shard, message };
    let consumer = kafka::plain_consumer(config).map_err(|error| failed(error.to_string()))?;
    let (low, high) = consumer
        .fetch_watermarks(&topic, shard, ANSWER_TIMEOUT)
        .map_err(|error| failed(format!("cannot ask for its end: {}", kafka::describe(&error))))?;
    let mut published = Published {
        alerts: BTreeMap::new(),
        headers: None,
        first: NextOffset(low),
        next: NextOffset(high),
        messages: 0,
        unreadable: 0,
    };
    if high <= low {
        return Ok(published);
    }
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&topic, shard, KafkaOffset::Offset(low))
        .and_then(|()| consumer.assign(&list))
        .map_err(|error| failed(kafka::describe(&error)))?;
    let mut last_progress = Instant::now();
    loop {
        match consumer.poll(POLL_INTERVAL) {
            Some(Ok(message)) => {
                last_progress = Instant::now();
                if message.offset() < high {
                    published.take(&message);
                }
                if message.offset() + 1 >= high {
                    return Ok(published);
                }
            }
            // The last offsets before the end may be gone (compaction), or be no messages (transactions).
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(published),
            Some(Err(error)) if !is_passing(&error) => return Err(failed(kafka::describe(&error))),
            Some(Err(_)) | None if last_progress.elapsed() < STALL_TIMEOUT => {}
            Some(Err(error)) => return Err(failed(kafka::describe(&error))),
            None => {
                let (read, timeout) = (published.messages, STALL_TIMEOUT.as_secs());
                return Err(failed(format!(
                    "{read} messages read, none within the last {timeout} s, and the end is at {high}"
                )));
            }
        }
    }
}

/// The library goes on trying by itself.
fn is_passing(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::*;
    matches!(
        error,
        KafkaError::MessageConsumption(BrokerTransportFailure | AllBrokersDown | OperationTimedOut | Resolve)
    )
}

impl Published {
    fn take(&mut self, message: &BorrowedMessage<'_>) {
        self.messages += 1;
        if let Some(headers) = headers::read(message) {
            self.headers = Some(headers);
        }
        let Some(payload) = message.payload() else {
            // A tombstone: the alert is gone from the topic.
            if let Some(id) = message.key().and_then(|key| AlertId::from_hex(std::str::from_utf8(key).ok()?)) {
                self.alerts.remove(&id);
            }
            return;
        };
        let alert = serde_json::from_slice::<Alert>(payload).ok();
        let Some((id, alert)) = alert.and_then(|alert| Some((AlertId::from_hex(&alert.alert_id)?, alert))) else {
            self.unreadable += 1;
            return;
        };
        match self.alerts.entry(id) {
            Entry::Vacant(entry) => {
                entry.insert(alert);
            }
            Entry::Occupied(mut entry) => {
                if alert.sequence >= entry.get().sequence {
                    entry.insert(alert);
                }
            }
        }
    }
}
