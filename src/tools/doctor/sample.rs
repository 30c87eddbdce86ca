//! Reads a bounded sample of a topic: some messages from the beginning and the end of each partition.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::Offset as KafkaOffset;
use rdkafka::{Timestamp, TopicPartitionList};

use crate::config::KafkaConfig;
use crate::kafka::{self, ANSWER_TIMEOUT, Plain};

/// How long a partition may be silent before sampling gives up.
const STALL_TIMEOUT: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// What the sample contains, in order.
pub(super) enum Sampled<'m> {
    Message { partition: i32, offset: i64, timestamp: Timestamp, key: Option<&'m [u8]>, value: Option<&'m [u8]> },
}

/// Passes the sample of every partition to `look`, or returns why it could not be read.
pub(super) fn read(
    config: &KafkaConfig,
    topic: &str,
    partitions: i32,
    messages: i64,
    mut look: impl FnMut(Sampled<'_>),
) -> Result<(), String> {
    let consumer = kafka::plain_consumer(config).map_err(|error| error.to_string())?;
    for partition in 0..partitions {
        let (first, end) = consumer
            .fetch_watermarks(topic, partition, ANSWER_TIMEOUT)
            .map_err(|error| format!("partition {partition}: {}", kafka::describe(&error)))?;
        let half = messages / 2;
        let mut ranges = vec![(first, end)];
        if end - first > messages {
            ranges = vec![(first, first + half), (end - half, end)];
        }
        for (from, until) in ranges.into_iter().filter(|(from, until)| from < until) {
            range(&consumer, topic, partition, from, until, |message| {
                look(Sampled::Message {
                    partition,
                    offset: message.offset(),
                    timestamp: message.timestamp(),
                    key: message.key(),
                    value: message.payload(),
                });
            })
            .map_err(|message| format!("partition {partition}: {message}"))?;
        }
    }
    Ok(())
}

/// By partition: the offset of the first message that is stamped later than `time` (microseconds), by the broker's time index.
pub(super) fn first_after(
    config: &KafkaConfig,
    topic: &str,
    partitions: i32,
    time: i64,
) -> Result<Vec<(i32, i64)>, String> {
    let consumer = kafka::plain_consumer(config).map_err(|error| error.to_string())?;
    let failed = |error: KafkaError| kafka::describe(&error);
    let mut list = TopicPartitionList::with_capacity(partitions.max(0) as usize);
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, KafkaOffset::Offset(time.div_euclid(1_000) + 1)).map_err(failed)?;
    }
    let found = consumer.offsets_for_times(list, ANSWER_TIMEOUT).map_err(failed)?;
    let place = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| match element.offset() {
        KafkaOffset::Offset(offset) => Some((element.partition(), offset)),
        _ => None,
    };
    Ok(found.elements().iter().filter_map(place).collect())
}

/// Passes the keys of a topic to `look` until it has seen enough, from the beginning of each partition. Returns whether it has, or
/// has been shown all; otherwise there are more than `most` messages.
pub(super) fn keys(
    config: &KafkaConfig,
    topic: &str,
    partitions: i32,
    most: i64,
    mut look: impl FnMut(&[u8]) -> bool,
) -> Result<bool, String> {
    let consumer = kafka::plain_consumer(config).map_err(|error| error.to_string())?;
    let (mut left, mut is_whole, mut has_enough) = (most, true, false);
    for partition in 0..partitions {
        let bounds = consumer.fetch_watermarks(topic, partition, ANSWER_TIMEOUT);
        let (first, end) = bounds.map_err(|error| format!("partition {partition}: {}", kafka::describe(&error)))?;
        let until = end.min(first.saturating_add(left));
        is_whole &= until == end;
        left -= until - first;
        // In pieces, so that not all is read where the first keys are enough.
        let mut from = first;
        while from < until && !has_enough {
            let next = until.min(from + PIECE);
            range(&consumer, topic, partition, from, next, |message| {
                has_enough = has_enough || message.key().is_some_and(&mut look);
            })
            .map_err(|message| format!("partition {partition}: {message}"))?;
            from = next;
        }
    }
    Ok(has_enough || is_whole)
}

/// Messages read at once.
const PIECE: i64 = 10_000;

fn range(
    consumer: &BaseConsumer<Plain>,
    topic: &str,
    partition: i32,
    from: i64,
    until: i64,
    mut look: impl FnMut(&BorrowedMessage<'_>),
) -> Result<(), String> {
    let failed = |error: KafkaError| kafka::describe(&error);
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, KafkaOffset::Offset(from)).map_err(failed)?;
    consumer.assign(&list).map_err(failed)?;
    let mut last_progress = Instant::now();
    loop {
        match consumer.poll(POLL_INTERVAL) {
            // A leftover of the previous range.
            Some(Ok(message)) if message.partition() != partition || message.offset() < from => {}
            Some(Ok(message)) => {
                last_progress = Instant::now();
                if message.offset() < until {
                    look(&message);
                }
                if message.offset() + 1 >= until {
                    return Ok(());
                }
            }
            Some(Err(KafkaError::PartitionEOF(ended))) if ended == partition => return Ok(()),
            Some(Err(_)) | None if last_progress.elapsed() < STALL_TIMEOUT => {}
            Some(Err(error)) => return Err(kafka::describe(&error)),
            None => return Err(format!("nothing within {} s", STALL_TIMEOUT.as_secs())),
        }
    }
}
