//! Reads a partition of one of permitwatch's own topics, or its last messages, to the end that it has when reading starts.

use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::Offset as KafkaOffset;

use crate::config::KafkaConfig;
use crate::kafka::{self, Patience, Unanswered};
use crate::sink::SinkError;

/// How long nothing may come before the brokers are asked whether they are there.
const STALL_TIMEOUT: Duration = Duration::from_secs(20);
/// How often they may say so without delivering anything.
const STALLS: u32 = 3;
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Passes every message to `each`. Returns the partition's beginning and end. Waits for brokers that are away as `patience` says.
pub(super) fn read_whole(
    config: &KafkaConfig,
    topic: &str,
    partition: i32,
    patience: Patience<'_>,
    each: impl FnMut(&BorrowedMessage<'_>),
) -> Result<(i64, i64), SinkError> {
    read_last(config, topic, partition, i64::MAX, patience, each)
}

/// The same of at most so many offsets before the end.
pub(super) fn read_last(
    config: &KafkaConfig,
    topic: &str,
    partition: i32,
    offsets: i64,
    patience: Patience<'_>,
    mut each: impl FnMut(&BorrowedMessage<'_>),
) -> Result<(i64, i64), SinkError> {
    let failed = |message: String| SinkError::Kafka { topic: topic.to_owned(), partition, message };
    if patience.is_called_off() {
        return Err(SinkError::Stopped);
    }
    let consumer = kafka::plain_consumer(config).map_err(|error| failed(error.to_string()))?;
    let bounds = || match kafka::watermarks(&consumer, topic, partition, patience) {
        Ok(bounds) => Ok(bounds),
        Err(Unanswered::CalledOff) => Err(SinkError::Stopped),
        Err(Unanswered::Failed(error)) => Err(failed(format!("cannot ask for its end: {}", kafka::describe(&error)))),
    };
    let (low, high) = bounds()?;
    if high <= low {
        return Ok((low, high));
    }
    let mut list = TopicPartitionList::new();
    let from = low.max(high.saturating_sub(offsets));
    list.add_partition_offset(topic, partition, KafkaOffset::Offset(from))
        .and_then(|()| consumer.assign(&list))
        .map_err(|error| failed(kafka::describe(&error)))?;
    let (mut read, mut stalls) = (0, 0);
    let mut last_progress = Instant::now();
    loop {
        if patience.is_called_off() {
            return Err(SinkError::Stopped);
        }
        match consumer.poll(POLL_INTERVAL) {
            Some(Ok(message)) => {
                (last_progress, stalls) = (Instant::now(), 0);
                if message.offset() < high {
                    read += 1;
                    each(&message);
                }
                if message.offset() + 1 >= high {
                    return Ok((low, high));
                }
            }
            // The last offsets before the end may be missing (compaction) or not be messages (transactions).
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok((low, high)),
            Some(Err(error)) if !error.rdkafka_error_code().is_some_and(kafka::is_passing) => {
                return Err(failed(kafka::describe(&error)));
            }
            Some(Err(_)) | None if last_progress.elapsed() < STALL_TIMEOUT => {}
            Some(Err(_)) | None => {
                // Whether the brokers are away, or answer and yet deliver nothing.
                bounds()?;
                stalls += 1;
                if stalls == STALLS {
                    let timeout = STALL_TIMEOUT.as_secs();
                    return Err(failed(format!(
                        "{read} messages read, none within the last {STALLS} times {timeout} s, though the brokers answer, and the end is at {high}"
                    )));
                }
                last_progress = Instant::now();
            }
        }
    }
}

/// Reads a partition of the quarantine topic; entries are JSON, as this sink writes them.
pub fn read_quarantine(config: &KafkaConfig, partition: i32, mut each: impl FnMut(&[u8])) -> Result<(), SinkError> {
    let each = |message: &BorrowedMessage<'_>| each(message.payload().unwrap_or_default());
    read_whole(config, &config.quarantine_topic(), partition, Patience::Brief, each).map(|_| ())
}
