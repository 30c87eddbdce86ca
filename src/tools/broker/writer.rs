//! Writes feeds as an adapter should: partitioned by murmur2 of the key, in order, with clock messages.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use thiserror::Error;

use super::KEPT_BYTES;
use crate::config::KafkaConfig;
use crate::kafka::{self, ClusterError};
use crate::model::partition::partition_of;
use crate::model::record::NextOffset;
use crate::model::schema::Feed;
use crate::model::time::{KnownTime, WallTime};

const FLUSH_TIMEOUT: Duration = Duration::from_secs(60);
/// How often a paced writer asks for the reader's position.
const PACE_INTERVAL: Duration = Duration::from_millis(5);
/// After this many messages or bytes, whichever comes first, the writer marks how many bytes it has written.
const MARK_MESSAGES: i64 = 128;
const MARK_BYTES: u64 = 32 << 10;

/// Bytes that a reader of an embedded broker may be behind: a little less than the broker keeps.
pub const MAX_UNREAD_BYTES: u64 = KEPT_BYTES - (KEPT_BYTES >> 3);
/// The same in messages; a batch has at least one.
pub const MAX_UNREAD_MESSAGES: i64 = 80_000;

/// Why a feed could not be written. The adapter halts: writing on would leave a gap.
#[derive(Debug, Error)]
pub enum WriteError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error("cannot write to {topic}/{partition}: {message}")]
    Kafka { topic: String, partition: i32, message: String },
    #[error(
        "reader of {topic}/{partition} has stood at offset {position} for {seconds} s; the writer does not overtake it"
    )]
    ReaderStalled { topic: String, partition: i32, position: i64, seconds: u64 },
}

/// A producer of all feeds; a real adapter has one feed.
pub struct FeedWriter {
    producer: ThreadedProducer<Failures>,
    topics: [String; Feed::COUNT],
    partitions: i32,
    /// By feed, then partition.
    lanes: Vec<Lane>,
}

/// What has been written to one partition. Offsets are counted from the partition's end at the start, which is right as long as
/// nobody else writes to it.
struct Lane {
    next: i64,
    bytes: u64,
    /// (next offset, bytes written before it), oldest first; removed as the reader advances.
    marks: VecDeque<(i64, u64)>,
    /// Bytes written up to the reader's position.
    read_bytes: u64,
}

impl FeedWriter {
    pub fn new(config: &KafkaConfig) -> Result<FeedWriter, WriteError> {
        let partitions = kafka::shard_count(config)?;
        let topics = kafka::feed_topics(config);
        let producer = kafka::client_config(config)?
            .set("enable.idempotence", "true")
            .set("enable.gapless.guarantee", "true")
            .set("acks", "all")
            .set("linger.ms", "5")
            .set("compression.type", "lz4")
            .set("batch.size", "262144")
            .create_with_context(Failures::default())
            .map_err(|error| kafka::client_failed(&error))?;
        let mut writer = FeedWriter { producer, topics, partitions, lanes: Vec::new() };
        for topic in &writer.topics {
            for partition in 0..partitions {
                let (_, next) = writer
                    .producer
                    .client()
                    .fetch_watermarks(topic, partition, kafka::ANSWER_TIMEOUT)
                    .map_err(|error| writer.error(topic, partition, &error))?;
                writer.lanes.push(Lane { next, bytes: 0, marks: VecDeque::new(), read_bytes: 0 });
            }
        }
        Ok(writer)
    }

    pub fn partitions(&self) -> i32 {
        self.partitions
    }

    /// Writes one message: to the partition of its key or, in the reference feed, to every partition. `sent_at` becomes a header,
    /// for measuring latency. Returns when the message is queued; the next call reports a failed delivery.
    pub fn write(
        &mut self,
        feed: Feed,
        key: &[u8],
        value: Option<&[u8]>,
        known_time: KnownTime,
        sent_at: Option<WallTime>,
    ) -> Result<(), WriteError> {
        if feed == Feed::Reference {
            for partition in 0..self.partitions {
                self.write_to(feed, partition, Some(key), value, known_time, sent_at)?;
            }
            return Ok(());
        }
        self.write_to(feed, partition_of(key, self.partitions), Some(key), value, known_time, sent_at)
    }

    /// Writes a clock message to every partition: everything known up to `known_time` has been written.
    pub fn write_clock(
        &mut self,
        feed: Feed,
        known_time: KnownTime,
        sent_at: Option<WallTime>,
    ) -> Result<(), WriteError> {
        for partition in 0..self.partitions {
            self.write_to(feed, partition, None, None, known_time, sent_at)?;
        }
        Ok(())
    }

    /// Writes to a given partition, right or wrong; tests misroute with it.
    pub fn write_to(
        &mut self,
        feed: Feed,
        partition: i32,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        known_time: KnownTime,
        sent_at: Option<WallTime>,
    ) -> Result<(), WriteError> {
        let topic = &self.topics[feed.index()];
        if let Some(message) = self.producer.context().first() {
            return Err(WriteError::Kafka { topic: topic.clone(), partition, message });
        }
        let Some(lane) = self.lanes.get_mut(lane_index(self.partitions, feed, partition)) else {
            let message = format!("the topic has {} partitions", self.partitions);
            return Err(WriteError::Kafka { topic: topic.clone(), partition, message });
        };
        let deadline = Instant::now() + FLUSH_TIMEOUT;
        loop {
            let mut record: BaseRecord<'_, [u8], [u8]> =
                BaseRecord::to(topic).partition(partition).timestamp(known_time.0.div_euclid(1000));
            (record.key, record.payload) = (key, value);
            if let Some(sent_at) = sent_at {
                let header = Header { key: "sent_at", value: Some(&sent_at.0.to_be_bytes()) };
                record = record.headers(OwnedHeaders::new_with_capacity(1).insert(header));
            }
            match self.producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) if Instant::now() < deadline => {
                    pause();
                }
                Err((error, _)) => return Err(self.error(topic, partition, &error)),
            }
        }
        lane.wrote(key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len));
        Ok(())
    }

    /// Waits until everything written has been acknowledged.
    pub fn flush(&self) -> Result<(), WriteError> {
        let flushed = self.producer.flush(FLUSH_TIMEOUT);
        let message = self.producer.context().first().or_else(|| flushed.err().map(|error| kafka::describe(&error)));
        match message {
            None => Ok(()),
            Some(message) => Err(WriteError::Kafka { topic: self.topics.join(", "), partition: -1, message }),
        }
    }

    /// The offset of a partition's next message.
    pub fn next_offset(&self, feed: Feed, partition: i32) -> NextOffset {
        NextOffset(self.lanes.get(lane_index(self.partitions, feed, partition)).map_or(0, |lane| lane.next))
    }

    /// Bytes of keys and values written to a partition (before compression).
    pub fn written_bytes(&self, feed: Feed, partition: i32) -> u64 {
        self.lanes.get(lane_index(self.partitions, feed, partition)).map_or(0, |lane| lane.bytes)
    }

    /// Waits until no partition holds more unread messages than an embedded broker keeps; `position` gives the position of the
    /// reader's *checkpoint*. A reader that does not move for `stall_timeout` is an error.
    pub fn pace(
        &mut self,
        mut position: impl FnMut(Feed, i32) -> NextOffset,
        stall_timeout: Duration,
    ) -> Result<(), WriteError> {
        for feed in Feed::SOURCES {
            for partition in 0..self.partitions {
                let lane = &mut self.lanes[lane_index(self.partitions, feed, partition)];
                if !lane.may_be_full() {
                    continue;
                }
                let (mut last, mut since) = (position(feed, partition), Instant::now());
                while lane.is_full(last) {
                    if since.elapsed() > stall_timeout {
                        return Err(WriteError::ReaderStalled {
                            topic: self.topics[feed.index()].clone(),
                            partition,
                            position: last.0,
                            seconds: stall_timeout.as_secs(),
                        });
                    }
                    pause();
                    let now = position(feed, partition);
                    if now != last {
                        (last, since) = (now, Instant::now());
                    }
                }
            }
        }
        Ok(())
    }

    fn error(&self, topic: &str, partition: i32, error: &KafkaError) -> WriteError {
        WriteError::Kafka { topic: topic.to_owned(), partition, message: kafka::describe(error) }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the reader's position and the client's queue can only be asked, not waited for"
)]
fn pause() {
    std::thread::sleep(PACE_INTERVAL);
}

/// Out of range if the partition does not exist.
fn lane_index(partitions: i32, feed: Feed, partition: i32) -> usize {
    if (0..partitions).contains(&partition) {
        feed.index() * partitions as usize + partition as usize
    } else {
        usize::MAX
    }
}

impl Lane {
    fn wrote(&mut self, bytes: usize) {
        self.next += 1;
        self.bytes += bytes as u64;
        let (next, bytes) = self.marks.back().copied().unwrap_or((0, self.read_bytes));
        if self.next - next >= MARK_MESSAGES || self.bytes - bytes >= MARK_BYTES {
            self.marks.push_back((self.next, self.bytes));
        }
    }

    /// Judged by the reader's last known position.
    fn may_be_full(&self) -> bool {
        let oldest = self.marks.front().map_or(self.next, |(next, _)| next - MARK_MESSAGES);
        self.bytes - self.read_bytes > MAX_UNREAD_BYTES || self.next - oldest > MAX_UNREAD_MESSAGES
    }

    fn is_full(&mut self, position: NextOffset) -> bool {
        while let Some((_, bytes)) = self.marks.pop_front_if(|(next, _)| *next <= position.0) {
            self.read_bytes = bytes;
        }
        if position.0 >= self.next {
            self.read_bytes = self.bytes;
        }
        self.bytes - self.read_bytes > MAX_UNREAD_BYTES || self.next - position.0 > MAX_UNREAD_MESSAGES
    }
}

/// Remembers the first failed delivery.
#[derive(Default)]
struct Failures {
    first: Mutex<Option<String>>,
}

impl Failures {
    fn first(&self) -> Option<String> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Failures {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        kafka::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        kafka::global_error(&error, reason);
    }
}

impl ProducerContext for Failures {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert_with(|| kafka::describe(error));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_is_full_until_its_reader_has_moved_on() {
        let mut lane = Lane { next: 0, bytes: 0, marks: VecDeque::new(), read_bytes: 0 };
        while !lane.may_be_full() {
            lane.wrote(1000);
        }
        assert!(lane.is_full(NextOffset(0)));
        assert!(lane.is_full(NextOffset(1)), "one message read frees less than a mark");
        assert!(!lane.is_full(NextOffset(lane.next / 2)));
        assert!(lane.bytes - lane.read_bytes >= lane.next as u64 / 2 * 1000);
    }

    #[test]
    fn a_reader_at_the_end_frees_even_a_lane_of_few_large_messages() {
        let mut lane = Lane { next: 0, bytes: 0, marks: VecDeque::new(), read_bytes: 0 };
        lane.wrote(8 << 20);
        assert!(lane.is_full(NextOffset(0)));
        assert!(!lane.is_full(NextOffset(1)));
    }

    #[test]
    fn many_small_messages_fill_a_lane_too() {
        let mut lane = Lane { next: 0, bytes: 0, marks: VecDeque::new(), read_bytes: 0 };
        for _ in 0..=MAX_UNREAD_MESSAGES {
            lane.wrote(0);
        }
        assert!(lane.may_be_full() && lane.is_full(NextOffset(0)));
        assert!(!lane.is_full(NextOffset(lane.next)));
    }
}
