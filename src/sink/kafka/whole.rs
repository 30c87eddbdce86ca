//! Reads a partition of one of permitwatch's own topics, or its last messages, to the end that it has when reading starts.

use std::collections::BTreeMap;
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

/// Reads partitions of topics, each from an offset to the end that it has now, by one client. Passes every message to `each`.
pub(super) fn read_from(
    config: &KafkaConfig,
    wanted: &[(String, i32, i64)],
    patience: Patience<'_>,
    mut each: impl FnMut(&BorrowedMessage<'_>),
) -> Result<(), SinkError> {
    let Some((topic, partition, _)) = wanted.first() else { return Ok(()) };
    let failed = |message: String| SinkError::Kafka { topic: topic.clone(), partition: *partition, message };
    if patience.is_called_off() {
        return Err(SinkError::Stopped);
    }
    let consumer = kafka::plain_consumer(config).map_err(|error| failed(error.to_string()))?;
    let bounds = |topic: &str, partition: i32| match kafka::watermarks(&consumer, topic, partition, patience) {
        Ok(bounds) => Ok(bounds),
        Err(Unanswered::CalledOff) => Err(SinkError::Stopped),
        Err(Unanswered::Failed(error)) => Err(failed(format!("cannot ask for its end: {}", kafka::describe(&error)))),
    };
    let mut list = TopicPartitionList::new();
    // By topic and partition, the offset at which its reading ends.
    let mut ends: BTreeMap<(String, i32), i64> = BTreeMap::new();
    for (topic, partition, from) in wanted {
        let (low, high) = bounds(topic, *partition)?;
        // A partition that was made anew ends before what had been read of it.
        let from = if *from > high { low } else { low.max(*from) };
        if from < high {
            list.add_partition_offset(topic, *partition, KafkaOffset::Offset(from))
                .map_err(|error| failed(kafka::describe(&error)))?;
            ends.insert((topic.clone(), *partition), high);
        }
    }
    if ends.is_empty() {
        return Ok(());
    }
    consumer.assign(&list).map_err(|error| failed(kafka::describe(&error)))?;
    let (mut stalls, mut last_progress) = (0, Instant::now());
    while !ends.is_empty() {
        if patience.is_called_off() {
            return Err(SinkError::Stopped);
        }
        match consumer.poll(POLL_INTERVAL) {
            Some(Ok(message)) => {
                (last_progress, stalls) = (Instant::now(), 0);
                let place = (message.topic().to_owned(), message.partition());
                let Some(end) = ends.get(&place) else { continue };
                if message.offset() < *end {
                    each(&message);
                }
                if message.offset() + 1 >= *end {
                    ends.remove(&place);
                }
            }
            // The last offsets before the end may be missing (compaction) or not be messages (transactions). Which topic it is of
            // the library does not say: those whose position is at their end have been read.
            Some(Err(KafkaError::PartitionEOF(_))) => {
                let positions = consumer.position().map_err(|error| failed(kafka::describe(&error)))?;
                for element in positions.elements() {
                    let place = (element.topic().to_owned(), element.partition());
                    let is_read = |end: &i64| matches!(element.offset(), KafkaOffset::Offset(at) if at >= *end);
                    if ends.get(&place).is_some_and(is_read) {
                        ends.remove(&place);
                    }
                }
            }
            Some(Err(error)) if !error.rdkafka_error_code().is_some_and(kafka::is_passing) => {
                return Err(failed(kafka::describe(&error)));
            }
            Some(Err(_)) | None if last_progress.elapsed() < STALL_TIMEOUT => {}
            Some(Err(_)) | None => {
                bounds(topic, *partition)?;
                stalls += 1;
                if stalls == STALLS {
                    return Err(failed(format!(
                        "nothing came within the last {STALLS} times {} s, though the brokers answer, and {} partitions have not been read",
                        STALL_TIMEOUT.as_secs(),
                        ends.len()
                    )));
                }
                last_progress = Instant::now();
            }
        }
    }
    Ok(())
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
