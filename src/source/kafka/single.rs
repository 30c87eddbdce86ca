//! Reads one message by its coordinates, for a second look at quarantined messages; and the timestamps of a few, for a look at what a
//! partition holds.

use std::ops::Range;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::Offset as KafkaOffset;

use super::shard::{known_time, owned};
use crate::config::KafkaConfig;
use crate::kafka::{self, ANSWER_TIMEOUT, ClusterError, Patience, Plain, Unanswered};
use crate::model::record::{Coordinates, Message};
use crate::model::schema::Feed;
use crate::model::time::KnownTime;
use crate::source::SourceError;

const STALL_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Reads single messages, without a group.
pub struct MessageReader {
    consumer: BaseConsumer<Plain>,
    config: KafkaConfig,
}

impl MessageReader {
    pub fn new(config: &KafkaConfig) -> Result<MessageReader, ClusterError> {
        Ok(MessageReader { consumer: kafka::plain_consumer(config)?, config: config.clone() })
    }

    /// The message at the coordinates; `None` if the broker no longer has it. Its known time is its own timestamp, not raised to
    /// that of the messages before it.
    pub fn read(&self, at: Coordinates) -> Result<Option<Message>, SourceError> {
        let topic = self.config.topic(at.feed);
        let failed = |message: String| SourceError::Kafka { topic: topic.clone(), partition: at.partition, message };
        let (low, high) = self
            .consumer
            .fetch_watermarks(&topic, at.partition, ANSWER_TIMEOUT)
            .map_err(|error| failed(kafka::describe(&error)))?;
        if !(low..high).contains(&at.offset.0) {
            return Ok(None);
        }
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&topic, at.partition, KafkaOffset::Offset(at.offset.0))
            .and_then(|()| self.consumer.assign(&list))
            .map_err(|error| failed(kafka::describe(&error)))?;
        let deadline = Instant::now() + STALL_TIMEOUT;
        while Instant::now() < deadline {
            match self.consumer.poll(POLL_INTERVAL) {
                Some(Ok(message)) if message.topic() != topic || message.partition() != at.partition => {}
                Some(Ok(message)) if message.offset() < at.offset.0 => {}
                Some(Ok(message)) => {
                    let time = known_time(message.timestamp(), KnownTime::MIN);
                    let is_it = message.offset() == at.offset.0;
                    return Ok(is_it.then(|| owned(at.feed, at.partition, time, &message)));
                }
                Some(Err(KafkaError::PartitionEOF(_))) | None => {}
                Some(Err(error)) => return Err(failed(kafka::describe(&error))),
            }
        }
        Err(failed(format!("offset {} did not come within {} s", at.offset.0, STALL_TIMEOUT.as_secs())))
    }
}

/// The timestamps of the messages with these offsets, none of which lies beyond the partition's end; fewer where the broker no
/// longer has some. Waits for brokers that are away as `patience` says.
pub(crate) fn times(
    config: &KafkaConfig,
    feed: Feed,
    partition: i32,
    offsets: Range<i64>,
    patience: Patience<'_>,
) -> Result<Vec<KnownTime>, SourceError> {
    let topic = config.topic(feed);
    let failed = |message: String| SourceError::Kafka { topic: topic.clone(), partition, message };
    let consumer = kafka::plain_consumer(config).map_err(|error| failed(error.to_string()))?;
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&topic, partition, KafkaOffset::Offset(offsets.start))
        .and_then(|()| consumer.assign(&list))
        .map_err(|error| failed(kafka::describe(&error)))?;
    let mut times = Vec::new();
    let mut progress = Instant::now();
    while !patience.is_called_off() {
        match consumer.poll(POLL_INTERVAL) {
            Some(Ok(message)) => {
                progress = Instant::now();
                if offsets.contains(&message.offset()) {
                    times.push(known_time(message.timestamp(), KnownTime::MIN));
                }
                if message.offset() + 1 >= offsets.end {
                    return Ok(times);
                }
            }
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(times),
            Some(Err(error)) if !error.rdkafka_error_code().is_some_and(kafka::is_passing) => {
                return Err(failed(kafka::describe(&error)));
            }
            Some(Err(_)) | None => {}
        }
        if progress.elapsed() >= STALL_TIMEOUT {
            match kafka::watermarks(&consumer, &topic, partition, patience) {
                Ok(_) if !matches!(patience, Patience::Brief) => progress = Instant::now(),
                Ok(_) => return Err(failed(format!("offset {} did not come", offsets.start))),
                Err(Unanswered::CalledOff) => break,
                Err(Unanswered::Failed(error)) => return Err(failed(kafka::describe(&error))),
            }
        }
    }
    Err(SourceError::Revoked { shard: partition })
}
