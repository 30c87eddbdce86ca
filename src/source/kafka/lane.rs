//! One partition's queue, drained in batches.
//!
//! The safe interface takes messages one at a time, each with an event around it, two locks and a query of the time. Here one call
//! takes a batch, and each message is lent out of the library's own buffer until the next is taken. All code that touches the
//! library's memory by hand is in this file.

use std::collections::VecDeque;
use std::ffi::{CStr, CString};
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::bindings::rd_kafka_timestamp_type_t as TimestampKind;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::{RDKafkaMessage, RDKafkaQueue, RDKafkaRespErr};
use rdkafka::{Timestamp, bindings};

use super::group::GroupContext;
use super::shard::{Fence, known_time};
use crate::kafka;
use crate::model::record::{Author, Lent, NextOffset, Offset, Sent, SentAt};
use crate::model::schema::Feed;
use crate::model::time::{KnownTime, WallTime};
use crate::pseudonyms::{Pseudonyms, Signed};
use crate::source::LaneHead;
use crate::source::known::{Bound, KnownTimes};

/// Messages taken out of a queue at once. They come on top of what the library's own limits count, so not many.
const BATCH: usize = 128;

pub(super) struct Lane {
    feed: Feed,
    partition: i32,
    /// Messages taken out of the queue and not yet out of the lane. Declared before the queue, since they must be dropped first.
    fetched: VecDeque<Fetched>,
    /// The message that is lent out.
    lent: Option<Fetched>,
    /// Of the first fetched message, if it is a link record: its key and payload in clear.
    opened: Option<(String, Vec<u8>)>,
    /// Who wrote the first fetched message.
    author: Author,
    /// To read what shards write; none where nobody reads links.
    pseudonyms: Option<Arc<Pseudonyms>>,
    queue: Queue,
    /// Keeps the queue split off and its callback alive.
    _split: PartitionQueue<GroupContext>,
    topic: CString,
    /// The last batch was full, so the queue may hold more.
    has_more: bool,
    /// A message has been taken since the start or the last seek.
    has_read: bool,
    /// The next offset; not known before the first message or seek.
    pub next: Option<NextOffset>,
    times: KnownTimes,
    /// The known time of the first fetched message. On an internal topic it is the message's own: what many shards write there one after
    /// the other is in no order of time.
    known_time: KnownTime,
    /// The timestamp of the first fetched message, if it cannot be true.
    claimed: Option<KnownTime>,
    /// The end has been reported, and no message since.
    pub at_end: bool,
    /// A seek was requested, and no message has shown that it is done. The queue may still hold messages fetched before it.
    pub sought: bool,
    /// When the lane last sought the beginning of a partition that had been recreated, and how often since the last message.
    begun_again: Option<(Instant, u32)>,
}

impl Lane {
    /// Splits the queue off. `None`: the client has no queue for this partition.
    pub fn new(
        consumer: &Arc<BaseConsumer<GroupContext>>,
        feed: Feed,
        partition: i32,
        fence: &Arc<Fence>,
    ) -> Option<Lane> {
        let topic = &consumer.context().topics[feed.index()];
        let mut split = consumer.split_partition_queue(topic, partition)?;
        let topic = CString::new(topic.as_str()).ok()?;
        let queue = Queue::of(consumer, &topic, partition)?;
        let woken = Arc::clone(fence);
        split.set_nonempty_callback(move || woken.wake(feed));
        Some(Lane {
            feed,
            partition,
            fetched: VecDeque::with_capacity(BATCH),
            lent: None,
            opened: None,
            author: Author::Permitwatch,
            pseudonyms: consumer.context().pseudonyms.clone().filter(|_| feed.is_internal()),
            queue,
            _split: split,
            topic,
            has_more: true,
            has_read: false,
            next: None,
            times: KnownTimes::new(Bound::Wall { max_ahead: consumer.context().max_ahead }),
            known_time: KnownTime::MIN,
            claimed: None,
            at_end: false,
            sought: false,
            begun_again: None,
        })
    }

    /// Seeks, and drops the messages that were taken out of the queue.
    pub fn seek(&mut self, next: NextOffset, known_time: KnownTime) {
        self.fetched.clear();
        self.next = Some(next);
        self.times.go_on(known_time);
        (self.at_end, self.sought, self.has_read, self.has_more) = (false, true, false, true);
    }

    /// The partition has been recreated: its messages follow the known time of the last one.
    pub fn begin_again(&mut self, first: NextOffset) {
        let last = self.times.last();
        self.seek(first, last);
        let times = self.begun_again.map_or(0, |(_, times)| times);
        self.begun_again = Some((Instant::now(), times + 1));
    }

    /// Whether the lane sought the beginning of a recreated partition so long ago, and has received nothing since, not even the
    /// end.
    pub fn begins_again(&self, since: Duration) -> bool {
        self.sought && self.begun_again.is_some_and(|(at, _)| at.elapsed() >= since)
    }

    /// How often it has done so since the last message.
    pub fn times_begun_again(&self) -> u32 {
        self.begun_again.map_or(0, |(_, times)| times)
    }

    /// What comes next. May also return `AtEnd` for an end seen before a seek: see `sought`.
    pub fn ahead(&mut self, consumer: &BaseConsumer<GroupContext>, fence: &Fence) -> Result<LaneHead, KafkaError> {
        // A message keeps the whole response that brought it in memory.
        self.lent = None;
        loop {
            let Some(first) = self.fetched.front() else {
                if self.fetch(fence) {
                    continue;
                }
                return Ok(self.drained(consumer));
            };
            match first.error() {
                // Fetched before the seek, or a second time after it: skip it.
                None if self.next.is_some_and(|next| first.offset() < next.0) => {}
                None => {
                    (self.at_end, self.sought, self.begun_again) = (false, false, None);
                    let timestamp = first.timestamp();
                    if self.feed.is_internal() {
                        (self.author, self.opened) = self.open();
                    }
                    // Whoever else writes here moves no clock, and nothing waits for the time that they say.
                    let is_ours = self.author == Author::Permitwatch;
                    let timestamp = if is_ours { timestamp } else { Timestamp::NotAvailable };
                    let own = known_time(timestamp, self.times.last());
                    let stamp = self.times.next(own);
                    self.claimed = stamp.claimed;
                    let is_own = self.feed.is_internal() && stamp.claimed.is_none();
                    self.known_time = if is_own { own } else { stamp.known_time };
                    return Ok(LaneHead::Message(stamp.known_time));
                }
                // Messages may follow the end in the queue. They woke nobody, since the queue was not empty when they came: so the
                // lane is at its end only when its queue is drained.
                Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR__PARTITION_EOF) => self.at_end = true,
                Some(error) => {
                    self.fetched.pop_front();
                    return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::from(error)));
                }
            }
            self.fetched.pop_front();
        }
    }

    /// Lends the message that `ahead` has reported.
    pub fn take(&mut self) -> Option<Lent<'_>> {
        if self.fetched.front().is_none_or(|first| first.error().is_some()) {
            return None;
        }
        self.has_read = true;
        self.lent = self.fetched.pop_front();
        let message = self.lent.as_ref()?;
        let offset = Offset(message.offset());
        self.next = Some(offset.next());
        let (key, payload) = match &self.opened {
            Some((key, payload)) => (Some(key.as_bytes()), Some(payload.as_slice())),
            None => (message.key(), message.payload()),
        };
        Some(Lent {
            feed: self.feed,
            partition: self.partition,
            offset,
            known_time: self.known_time,
            claimed_time: self.claimed,
            key,
            payload,
            author: self.author,
            sent: Sent::Ask(message),
        })
    }

    /// Who wrote the first fetched message of an internal topic. A record of ours is opened; a clock, which has no key, is in clear.
    fn open(&self) -> (Author, Option<(String, Vec<u8>)>) {
        let (Some(message), Some(pseudonyms)) = (self.fetched.front(), &self.pseudonyms) else {
            return (Author::Nobody, None);
        };
        let (key, payload) = (message.key(), message.payload());
        let timestamp = message.timestamp().to_millis();
        let topic = self.topic.to_str().unwrap_or_default();
        let signed = Signed { topic, partition: self.partition, timestamp, key, payload };
        let keys = match pseudonyms.signer(&signed, |name| message.header(name)) {
            Ok(keys) => keys,
            Err(author) => return (author, None),
        };
        match (key, payload) {
            (None, _) => (Author::Permitwatch, None),
            (Some(key), payload) => match payload.and_then(|payload| keys.open_link(key, payload)) {
                None => (Author::Nobody, None),
                opened => (Author::Permitwatch, opened),
            },
        }
    }

    /// Takes a batch out of the queue if it may hold something; returns whether it did.
    fn fetch(&mut self, fence: &Fence) -> bool {
        if !fence.take_news(self.feed) && !self.has_more {
            return false;
        }
        let taken = self.queue.take(&mut self.fetched);
        // The library signals when an emptied queue is filled again, but not when one that still holds messages gets more.
        self.has_more = taken == BATCH;
        taken > 0
    }

    /// The queue is empty: is this the end of the partition? Either the library has reported the end, or the partition's high
    /// watermark says so. The library notes the high watermark of a response before it hands out the response's messages, so the
    /// watermark is no older than they are. If it equals the next offset, nothing more had been written when they were fetched. The
    /// library would report that only after one more, empty fetch.
    ///
    /// The watermark does not help where the last offset is not a message (truncation, compaction, an open or aborted transaction):
    /// the two are never equal then, and the library's report comes. It is not used before the first message after a start or a
    /// seek, since it may be older than that.
    fn drained(&mut self, consumer: &BaseConsumer<GroupContext>) -> LaneHead {
        if !self.at_end && !self.sought && self.has_read {
            self.at_end = self.next.is_some() && self.next == self.high_watermark(consumer);
        }
        if self.at_end { LaneHead::AtEnd } else { LaneHead::Pending }
    }

    /// Messages up to the partition's end that have not been taken.
    pub fn backlog(&self, consumer: &BaseConsumer<GroupContext>) -> u64 {
        let (Some(next), Some(end)) = (self.next, self.high_watermark(consumer)) else { return 0 };
        end.0.saturating_sub(next.0).max(0).unsigned_abs()
    }

    /// The partition's end by the last response that carried it; does not ask the broker.
    #[expect(unsafe_code, reason = "the safe way asks the broker")]
    fn high_watermark(&self, consumer: &BaseConsumer<GroupContext>) -> Option<NextOffset> {
        let (mut low, mut high) = (-1, -1);
        // SAFETY: the client lives as long as the reference to its consumer, the name is terminated, the results are ours.
        let found = unsafe {
            bindings::rd_kafka_get_watermark_offsets(
                consumer.client().native_ptr(),
                self.topic.as_ptr(),
                self.partition,
                &mut low,
                &mut high,
            )
        };
        (found == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(NextOffset(high))
    }
}

/// A handle of the library's queue, counted by the library.
struct Queue(NonNull<RDKafkaQueue>);

// SAFETY: the library's queues and messages belong to no thread.
#[expect(unsafe_code, reason = "a pointer into the library")]
unsafe impl Send for Queue {}

#[expect(unsafe_code, reason = "the safe queue gives messages one at a time")]
impl Queue {
    fn of(consumer: &BaseConsumer<GroupContext>, topic: &CString, partition: i32) -> Option<Queue> {
        // SAFETY: the client lives, the name is terminated; the handle is ours until it is destroyed.
        let queue = unsafe {
            bindings::rd_kafka_queue_get_partition(consumer.client().native_ptr(), topic.as_ptr(), partition)
        };
        NonNull::new(queue).map(Queue)
    }

    /// Takes up to [`BATCH`] messages without waiting, and returns how many.
    fn take(&self, into: &mut VecDeque<Fetched>) -> usize {
        let mut batch = [std::ptr::null_mut(); BATCH];
        // SAFETY: the handle is ours, and the array has as many places as are asked for.
        let taken = unsafe { bindings::rd_kafka_consume_batch_queue(self.0.as_ptr(), 0, batch.as_mut_ptr(), BATCH) };
        let taken = usize::try_from(taken).unwrap_or(0).min(BATCH);
        into.extend(batch[..taken].iter().filter_map(|message| NonNull::new(*message)).map(Fetched));
        taken
    }
}

#[expect(unsafe_code, reason = "counted by the library")]
impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: the handle was ours, and is not used again.
        unsafe { bindings::rd_kafka_queue_destroy(self.0.as_ptr()) };
    }
}

/// A message that the library has handed over, or an error in its place.
struct Fetched(NonNull<RDKafkaMessage>);

// SAFETY: as for the queue.
#[expect(unsafe_code, reason = "a pointer into the library")]
unsafe impl Send for Fetched {}

#[expect(unsafe_code, reason = "the library's message, which nobody else has")]
impl Fetched {
    fn message(&self) -> &RDKafkaMessage {
        // SAFETY: handed over by `Queue::take` and destroyed only when this is dropped.
        unsafe { self.0.as_ref() }
    }

    fn error(&self) -> Option<RDKafkaRespErr> {
        Some(self.message().err).filter(|error| *error != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR)
    }

    fn offset(&self) -> i64 {
        self.message().offset
    }

    fn key(&self) -> Option<&[u8]> {
        let message = self.message();
        // SAFETY: key and length are the library's, and live as long as the message.
        (!message.key.is_null()).then(|| unsafe { std::slice::from_raw_parts(message.key.cast(), message.key_len) })
    }

    fn payload(&self) -> Option<&[u8]> {
        let message = self.message();
        // SAFETY: as for the key.
        (!message.payload.is_null()).then(|| unsafe { std::slice::from_raw_parts(message.payload.cast(), message.len) })
    }

    fn header(&self, name: &CStr) -> Option<&[u8]> {
        // SAFETY: the message is ours and outlives what is read out of it.
        unsafe { kafka::header_of(self.0.as_ptr(), name) }
    }

    fn timestamp(&self) -> Timestamp {
        let mut kind = TimestampKind::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is ours; the kind is written before it is read.
        let millis = unsafe { bindings::rd_kafka_message_timestamp(self.0.as_ptr(), &mut kind) };
        match kind {
            _ if millis == -1 => Timestamp::NotAvailable,
            TimestampKind::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE => Timestamp::NotAvailable,
            TimestampKind::RD_KAFKA_TIMESTAMP_CREATE_TIME => Timestamp::CreateTime(millis),
            TimestampKind::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME => Timestamp::LogAppendTime(millis),
        }
    }
}

impl SentAt for Fetched {
    fn sent_at(&self) -> Option<WallTime> {
        let value = self.header(c"sent_at")?;
        Some(WallTime(i64::from_be_bytes(value.try_into().ok()?)))
    }
}

#[expect(unsafe_code, reason = "handed over by the library")]
impl Drop for Fetched {
    fn drop(&mut self) {
        // SAFETY: it was ours, and is not used again.
        unsafe { bindings::rd_kafka_message_destroy(self.0.as_ptr()) };
    }
}
