//! Reads a partition of one of permitwatch's own topics from its beginning to the end that it has when reading starts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::Offset as KafkaOffset;

use crate::config::KafkaConfig;
use crate::kafka;
use crate::sink::SinkError;

/// How long reading may go on without a message.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Passes every message to `each`. Returns the partition's beginning and end. Fails early once `stop` is set.
pub(super) fn read_whole(
    config: &KafkaConfig,
    topic: &str,
    partition: i32,
    stop: &AtomicBool,
    mut each: impl FnMut(&BorrowedMessage<'_>),
) -> Result<(i64, i64), SinkError> {
    let failed = |message: String| SinkError::Kafka { topic: topic.to_owned(), partition, message };
    if stop.load(Ordering::Relaxed) {
        return Err(SinkError::Stopped);
    }
    let consumer = kafka::plain_consumer(config).map_err(|error| failed(error.to_string()))?;
    let (low, high) = kafka::watermarks(&consumer, topic, partition)
        .map_err(|error| failed(format!("cannot ask for its end: {}", kafka::describe(&error))))?;
    if high <= low {
        return Ok((low, high));
    }
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, KafkaOffset::Offset(low))
        .and_then(|()| consumer.assign(&list))
        .map_err(|error| failed(kafka::describe(&error)))?;
    let mut read = 0;
    let mut last_progress = Instant::now();
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(SinkError::Stopped);
        }
        match consumer.poll(POLL_INTERVAL) {
            Some(Ok(message)) => {
                last_progress = Instant::now();
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
            Some(Err(error)) if !is_passing(&error) => return Err(failed(kafka::describe(&error))),
            Some(Err(_)) | None if last_progress.elapsed() < STALL_TIMEOUT => {}
            Some(Err(error)) => return Err(failed(kafka::describe(&error))),
            None => {
                let timeout = STALL_TIMEOUT.as_secs();
                return Err(failed(format!(
                    "{read} messages read, none within the last {timeout} s, and the end is at {high}"
                )));
            }
        }
    }
}

/// Whether the library goes on trying by itself.
fn is_passing(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::*;
    matches!(
        error,
        KafkaError::MessageConsumption(BrokerTransportFailure | AllBrokersDown | OperationTimedOut | Resolve)
    )
}

/// Reads a partition of the quarantine topic; entries are JSON, as this sink writes them.
pub fn read_quarantine(config: &KafkaConfig, partition: i32, mut each: impl FnMut(&[u8])) -> Result<(), SinkError> {
    let each = |message: &BorrowedMessage<'_>| each(message.payload().unwrap_or_default());
    read_whole(config, &config.quarantine_topic(), partition, &AtomicBool::new(false), each).map(|_| ())
}
