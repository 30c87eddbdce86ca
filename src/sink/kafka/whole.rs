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

/// The same of at most so many offsets before the end.
pub(super) fn read_last(
    config: &KafkaConfig,
    topic: &str,
    partition: i32,
    offsets: i64,
    patience: Patience<'_>,
    each: impl FnMut(&BorrowedMessage<'_>),
) -> Result<(i64, i64), SinkError> {
    let bounds = read_from(config, topic, &[(partition, Place::Last(offsets))], patience, each)?;
    Ok(bounds.first().copied().unwrap_or_default())
}

/// Where the reading of a partition begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    At(i64),
    /// So many offsets before the end.
    Last(i64),
}

/// Reads partitions of a topic by one client, each to the end that it has now. Passes every message to `each`. Returns the partitions'
/// beginnings and ends.
pub(super) fn read_from(
    config: &KafkaConfig,
    topic: &str,
    wanted: &[(i32, Place)],
    patience: Patience<'_>,
    mut each: impl FnMut(&BorrowedMessage<'_>),
) -> Result<Vec<(i64, i64)>, SinkError> {
    let Some((first, _)) = wanted.first() else { return Ok(Vec::new()) };
    let failed = |partition: i32, message: String| SinkError::Kafka { topic: topic.to_owned(), partition, message };
    if patience.is_called_off() {
        return Err(SinkError::Stopped);
    }
    let consumer = kafka::plain_consumer(config).map_err(|error| failed(*first, error.to_string()))?;
    let bounds_of = |partition: i32| match kafka::watermarks(&consumer, topic, partition, patience) {
        Ok(bounds) => Ok(bounds),
        Err(Unanswered::CalledOff) => Err(SinkError::Stopped),
        Err(Unanswered::Failed(error)) => {
            Err(failed(partition, format!("cannot ask for its end: {}", kafka::describe(&error))))
        }
    };
    let mut bounds = Vec::with_capacity(wanted.len());
    let mut list = TopicPartitionList::new();
    // By partition, the offset at which its reading ends.
    let mut ends: BTreeMap<i32, i64> = BTreeMap::new();
    for (partition, place) in wanted {
        let (low, high) = bounds_of(*partition)?;
        bounds.push((low, high));
        let from = match *place {
            // A partition that was made anew ends before what had been read of it.
            Place::At(at) if at > high => low,
            Place::At(at) => low.max(at),
            Place::Last(offsets) => low.max(high.saturating_sub(offsets)),
        };
        if from < high {
            list.add_partition_offset(topic, *partition, KafkaOffset::Offset(from))
                .map_err(|error| failed(*partition, kafka::describe(&error)))?;
            ends.insert(*partition, high);
        }
    }
    if ends.is_empty() {
        return Ok(bounds);
    }
    consumer.assign(&list).map_err(|error| failed(*first, kafka::describe(&error)))?;
    let (mut read, mut stalls) = (0, 0);
    let mut last_progress = Instant::now();
    while let Some((partition, high)) = ends.first_key_value().map(|(partition, high)| (*partition, *high)) {
        if patience.is_called_off() {
            return Err(SinkError::Stopped);
        }
        match consumer.poll(POLL_INTERVAL) {
            Some(Ok(message)) => {
                (last_progress, stalls) = (Instant::now(), 0);
                let Some(end) = ends.get(&message.partition()).copied() else { continue };
                if message.offset() < end {
                    read += 1;
                    each(&message);
                }
                if message.offset() + 1 >= end {
                    ends.remove(&message.partition());
                }
            }
            // The last offsets before the end may be missing (compaction) or not be messages (transactions).
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                ends.remove(&partition);
            }
            Some(Err(error)) if !error.rdkafka_error_code().is_some_and(kafka::is_passing) => {
                return Err(failed(partition, kafka::describe(&error)));
            }
            Some(Err(_)) | None if last_progress.elapsed() < STALL_TIMEOUT => {}
            Some(Err(_)) | None => {
                // Whether the brokers are away, or answer and yet deliver nothing.
                bounds_of(partition)?;
                stalls += 1;
                if stalls == STALLS {
                    let timeout = STALL_TIMEOUT.as_secs();
                    let message = format!(
                        "{read} messages read, none within the last {STALLS} times {timeout} s, though the brokers answer, and the end is at {high}"
                    );
                    return Err(failed(partition, message));
                }
                last_progress = Instant::now();
            }
        }
    }
    Ok(bounds)
}

/// Reads a partition of the quarantine topic; entries are JSON, as this sink writes them.
pub fn read_quarantine(config: &KafkaConfig, partition: i32, mut each: impl FnMut(&[u8])) -> Result<(), SinkError> {
    let each = |message: &BorrowedMessage<'_>| each(message.payload().unwrap_or_default());
    read_whole(config, &config.quarantine_topic(), partition, Patience::Brief, each).map(|_| ())
}
