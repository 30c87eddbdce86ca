//! One shard of the consumer: the queues of its partitions, one of each feed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::Offset as KafkaOffset;
use rdkafka::{Timestamp, TopicPartitionList};

use super::group::Group;
use crate::kafka::{self, ANSWER_TIMEOUT};
use crate::record::{Message, NextOffset, Offset};
use crate::schema::Feed;
use crate::source::{Polled, ShardSource, SourceError};
use crate::time::{Day, KnownTime, MICROS_PER_DAY, WallTime};

/// Partition n of every feed.
pub struct KafkaShard {
    number: i32,
    consumer: Arc<BaseConsumer<Group>>,
    fence: Arc<Fence>,
    /// By [`Feed::index`]; emptied when the shard is dropped, before that is acknowledged.
    lanes: Vec<Lane>,
}

struct Lane {
    queue: PartitionQueue<Group>,
    /// Where the next message is expected; not known before the first message or seek.
    next: Option<NextOffset>,
    /// Known time of the last message, below which none falls.
    known_time: KnownTime,
    /// The end has been seen, and no message since.
    at_end: bool,
    /// A seek was asked for, and nothing has been seen since that shows it done. What was fetched before may still stand in the
    /// queue.
    sought: bool,
}

impl KafkaShard {
    /// Splits the queues off. The partitions are assigned afterwards.
    pub(super) fn new(consumer: &Arc<BaseConsumer<Group>>, number: i32) -> Result<KafkaShard, SourceError> {
        let fence = Arc::new(Fence::default());
        let mut lanes = Vec::with_capacity(Feed::COUNT);
        for topic in &consumer.context().topics {
            let Some(mut queue) = consumer.split_partition_queue(topic, number) else {
                return Err(SourceError::Kafka {
                    topic: topic.clone(),
                    partition: number,
                    message: "the client has no queue for it".into(),
                });
            };
            let woken = Arc::clone(&fence);
            queue.set_nonempty_callback(move || woken.wake());
            lanes.push(Lane { queue, next: None, known_time: KnownTime::MIN, at_end: false, sought: false });
        }
        Ok(KafkaShard { number, consumer: Arc::clone(consumer), fence, lanes })
    }

    pub fn number(&self) -> i32 {
        self.number
    }

    /// Tells from any thread whether the shard is still this process's; ask it before publishing.
    pub fn fence(&self) -> Arc<Fence> {
        Arc::clone(&self.fence)
    }

    /// Goes on where a checkpoint stood: every feed's next offset, and the known time below which its messages do not fall
    /// (that of the last message before the offset). To be called before the first `poll`.
    pub fn seek(&mut self, positions: &[(NextOffset, KnownTime); Feed::COUNT]) -> Result<(), SourceError> {
        self.check_fence()?;
        let mut list = TopicPartitionList::with_capacity(Feed::COUNT);
        for feed in Feed::ALL {
            let (next, _) = positions[feed.index()];
            list.add_partition_offset(self.topic(feed), self.number, KafkaOffset::Offset(next.0))
                .map_err(|error| self.failed(feed, &error))?;
        }
        let list =
            self.consumer.seek_partitions(list, ANSWER_TIMEOUT).map_err(|error| self.failed(Feed::Permits, &error))?;
        for element in list.elements() {
            element.error().map_err(|error| SourceError::Kafka {
                topic: element.topic().to_owned(),
                partition: self.number,
                message: format!("seek: {}", kafka::describe(&error)),
            })?;
        }
        for (lane, (next, known_time)) in self.lanes.iter_mut().zip(positions) {
            (lane.next, lane.known_time, lane.at_end) = (Some(*next), *known_time, false);
            lane.sought = true;
        }
        Ok(())
    }

    /// Where the next message of a feed will be written, asked of the broker: once these have been read, everything written
    /// before the question has been.
    pub fn end_offset(&self, feed: Feed) -> Result<NextOffset, SourceError> {
        end_offset(&self.consumer, feed, self.number)
    }

    /// Messages of a feed that are written and not yet read, as of the library's last statistics (each second).
    pub fn lag(&self, feed: Feed) -> Option<u64> {
        let next = self.lanes.get(feed.index())?.next?;
        self.consumer.context().lag(feed, self.number, next)
    }

    /// The end that was seen may be one from before the seek: the broker says where it is.
    fn end_after_seek(&mut self, feed: Feed) -> Result<Polled, SourceError> {
        let end = end_offset(&self.consumer, feed, self.number)?;
        let lane = &mut self.lanes[feed.index()];
        let next = lane.next.unwrap_or_default();
        if end < next {
            let offset = next.0;
            return Err(SourceError::OffsetLost { topic: self.topic(feed).to_owned(), partition: self.number, offset });
        }
        if end > next {
            lane.at_end = false;
            return Ok(Polled::Pending);
        }
        lane.sought = false;
        Ok(Polled::AtEnd)
    }

    fn topic(&self, feed: Feed) -> &str {
        &self.consumer.context().topics[feed.index()]
    }

    fn check_fence(&self) -> Result<(), SourceError> {
        if self.fence.stands() {
            return Ok(());
        }
        match self.fence.failure() {
            Some(message) => Err(SourceError::Assignment { message }),
            None => Err(SourceError::Revoked { shard: self.number }),
        }
    }

    fn failed(&self, feed: Feed, error: &KafkaError) -> SourceError {
        let topic = self.topic(feed).to_owned();
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => SourceError::OffsetLost {
                topic,
                partition: self.number,
                offset: self.lanes[feed.index()].next.unwrap_or_default().0,
            },
            _ => SourceError::Kafka { topic, partition: self.number, message: kafka::describe(error) },
        }
    }
}

impl ShardSource for KafkaShard {
    fn poll(&mut self, feed: Feed) -> Result<Polled, SourceError> {
        self.check_fence()?;
        let number = self.number;
        let lane = &mut self.lanes[feed.index()];
        let error = loop {
            match lane.queue.poll(Duration::ZERO) {
                None if lane.at_end && lane.sought => return self.end_after_seek(feed),
                None if lane.at_end => return Ok(Polled::AtEnd),
                None => return Ok(Polled::Pending),
                // Fetched before the seek, or a second time after it.
                Some(Ok(message)) if lane.next.is_some_and(|next| message.offset() < next.0) => {}
                Some(Ok(message)) => {
                    lane.known_time = lane.known_time.max(known_time(message.timestamp(), lane.known_time));
                    let message = owned(feed, number, lane.known_time, &message);
                    lane.next = Some(message.offset.next());
                    (lane.at_end, lane.sought) = (false, false);
                    return Ok(Polled::Message(message));
                }
                // Messages may stand behind the end already. They woke nobody, for the queue was not empty when they came:
                // the lane is at its end only when its queue is drained.
                Some(Err(KafkaError::PartitionEOF(_))) => lane.at_end = true,
                Some(Err(error)) => break error,
            }
        };
        Err(self.failed(feed, &error))
    }

    fn wait(&mut self, timeout: Duration) {
        self.fence.wait(timeout);
    }

    fn end_offset(&mut self, feed: Feed) -> Result<Option<NextOffset>, SourceError> {
        KafkaShard::end_offset(self, feed).map(Some)
    }

    fn is_owned(&self) -> bool {
        self.fence.stands()
    }

    fn lag(&self, feed: Feed) -> Option<u64> {
        KafkaShard::lag(self, feed)
    }
}

impl Drop for KafkaShard {
    fn drop(&mut self) {
        self.lanes.clear();
        self.fence.release();
    }
}

pub(super) fn owned(feed: Feed, partition: i32, known_time: KnownTime, message: &BorrowedMessage<'_>) -> Message {
    Message {
        feed,
        partition,
        offset: Offset(message.offset()),
        known_time,
        key: message.key().map(Into::into),
        payload: message.payload().map(Into::into),
        sent_at: kafka::header(message, c"sent_at")
            .and_then(|value| value.try_into().ok())
            .map(|value| WallTime(i64::from_be_bytes(value))),
    }
}

/// The broker's milliseconds as microseconds, within 1900-2199 (a record's own dates are bounded likewise). A message without a
/// timestamp is known when the one before it was.
pub(super) fn known_time(timestamp: Timestamp, last: KnownTime) -> KnownTime {
    let bounds = (Day::FIRST.instant(), Day::LAST.instant() + MICROS_PER_DAY - 1);
    match timestamp {
        Timestamp::NotAvailable => KnownTime(last.0.max(bounds.0)),
        Timestamp::CreateTime(millis) | Timestamp::LogAppendTime(millis) => {
            KnownTime(millis.saturating_mul(1000).clamp(bounds.0, bounds.1))
        }
    }
}

pub(super) fn end_offset(consumer: &BaseConsumer<Group>, feed: Feed, shard: i32) -> Result<NextOffset, SourceError> {
    let topic = &consumer.context().topics[feed.index()];
    match consumer.fetch_watermarks(topic, shard, ANSWER_TIMEOUT) {
        Ok((_, end)) => Ok(NextOffset(end)),
        Err(error) => {
            Err(SourceError::Kafka { topic: topic.clone(), partition: shard, message: kafka::describe(&error) })
        }
    }
}

/// Between the owner of a shard and the thread that serves the group: the one is told to stop, the other that it has.
#[derive(Debug, Default)]
pub struct Fence {
    is_down: AtomicBool,
    state: Mutex<FenceState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct FenceState {
    /// A queue has become non-empty since the last wait.
    has_news: bool,
    /// Why the consumer cannot go on, where that is the reason.
    failure: Option<String>,
    /// The owner has dropped the shard.
    is_released: bool,
}

impl Fence {
    /// The shard is this process's: it may read and publish.
    pub fn stands(&self) -> bool {
        !self.is_down.load(Ordering::Acquire)
    }

    pub(super) fn revoke(&self) {
        self.is_down.store(true, Ordering::Release);
        self.wake();
    }

    pub(super) fn fail(&self, message: &str) {
        self.state().failure.get_or_insert_with(|| message.to_owned());
        self.revoke();
    }

    fn failure(&self) -> Option<String> {
        self.state().failure.clone()
    }

    fn wake(&self) {
        self.state().has_news = true;
        self.changed.notify_all();
    }

    fn wait(&self, timeout: Duration) {
        let state = self.state();
        let mut state = self
            .changed
            .wait_timeout_while(state, timeout, |state| !state.has_news && self.stands())
            .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        state.has_news = false;
    }

    fn release(&self) {
        self.state().is_released = true;
        self.changed.notify_all();
    }

    /// Whether the owner dropped the shard before the deadline.
    pub(super) fn wait_released(&self, deadline: Instant) -> bool {
        let timeout = deadline.saturating_duration_since(Instant::now());
        let state = self
            .changed
            .wait_timeout_while(self.state(), timeout, |state| !state.is_released)
            .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        state.is_released
    }

    fn state(&self) -> MutexGuard<'_, FenceState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times_are_bounded_and_never_missing() {
        let at = |millis| known_time(Timestamp::CreateTime(millis), KnownTime::MIN).0;
        assert_eq!(at(1_714_521_600_123), 1_714_521_600_123_000);
        assert_eq!(at(i64::MAX), Day::LAST.instant() + MICROS_PER_DAY - 1);
        assert_eq!(at(i64::MIN), Day::FIRST.instant());
        assert_eq!(known_time(Timestamp::NotAvailable, KnownTime(7)), KnownTime(7));
        assert_eq!(known_time(Timestamp::NotAvailable, KnownTime::MIN), KnownTime(Day::FIRST.instant()));
    }

    #[test]
    fn a_revoked_owner_is_woken_and_waited_for() {
        let fence = Arc::new(Fence::default());
        let owner = std::thread::spawn({
            let fence = Arc::clone(&fence);
            move || {
                while fence.stands() {
                    fence.wait(Duration::from_secs(60));
                }
                fence.release();
            }
        });
        fence.revoke();
        assert!(fence.wait_released(Instant::now() + Duration::from_secs(60)));
        owner.join().unwrap();
    }

    #[test]
    fn news_before_the_wait_is_not_lost() {
        let fence = Fence::default();
        fence.wake();
        let start = Instant::now();
        fence.wait(Duration::from_secs(60));
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}
