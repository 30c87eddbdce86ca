//! One shard of the consumer: the queues of its partitions, one per feed.

use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::Offset as KafkaOffset;
use rdkafka::{Timestamp, TopicPartitionList};

use super::group::GroupContext;
use super::lane::Lane;
use crate::kafka::{self, ANSWER_TIMEOUT, Patience, Unanswered};
use crate::model::record::{Lent, Message, NextOffset, Offset};
use crate::model::schema::Feed;
use crate::model::sets::FeedSet;
use crate::model::time::{Day, KnownTime, MICROS_PER_DAY, WallTime};
use crate::source::{LaneHead, ShardSource, SourceError, Waker};

/// How long to wait for a message or the end of a recreated partition before seeking again.
const SEEK_AGAIN: Duration = Duration::from_secs(5);
/// How often to seek before giving up.
const SEEKS: u32 = 3;

/// Partition n of every feed.
pub struct KafkaShard {
    number: i32,
    consumer: Arc<BaseConsumer<GroupContext>>,
    fence: Arc<Fence>,
    /// By [`Feed::index`]; emptied when the shard is dropped, before the drop is acknowledged.
    lanes: Vec<Lane>,
}

impl KafkaShard {
    /// Splits the queues off. The partitions must be assigned afterwards.
    pub(super) fn new(consumer: &Arc<BaseConsumer<GroupContext>>, number: i32) -> Result<KafkaShard, SourceError> {
        let fence = Arc::new(Fence::default());
        let mut lanes = Vec::with_capacity(Feed::COUNT);
        for feed in Feed::ALL {
            let lane = Lane::new(consumer, feed, number, &fence).ok_or_else(|| SourceError::Kafka {
                topic: consumer.context().topics[feed.index()].clone(),
                partition: number,
                message: "the client has no queue for it".into(),
            })?;
            lanes.push(lane);
        }
        Ok(KafkaShard { number, consumer: Arc::clone(consumer), fence, lanes })
    }

    pub fn number(&self) -> i32 {
        self.number
    }

    /// Tells from any thread whether this process still owns the shard; to be checked before publishing.
    pub fn fence(&self) -> Arc<Fence> {
        Arc::clone(&self.fence)
    }

    /// Goes on from a checkpoint: every feed's next offset, and the known time of the message before it, below which later messages
    /// do not fall. To be called before the first `poll`.
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
            lane.seek(*next, *known_time);
        }
        Ok(())
    }

    /// The end of a feed's partition, asked of the broker: a shard that has read this far has read everything written before the
    /// call.
    pub fn end_offset(&self, feed: Feed) -> Result<NextOffset, SourceError> {
        self.bounds(feed).map(|(_, end)| end)
    }

    fn bounds(&self, feed: Feed) -> Result<(NextOffset, NextOffset), SourceError> {
        bounds(&self.consumer, feed, self.number, Patience::While(&|| self.fence.stands()))
    }

    /// Messages of a feed that are written and not yet read, by the library's last statistics (each second).
    pub fn lag(&self, feed: Feed) -> Option<u64> {
        let next = self.lanes.get(feed.index())?.next?;
        self.consumer.context().lag(feed, self.number, next)
    }

    /// The end that was reported may be from before the seek: asks the broker for it.
    fn end_after_seek(&mut self, feed: Feed) -> Result<LaneHead, SourceError> {
        let end = KafkaShard::end_offset(self, feed)?;
        let lane = &mut self.lanes[feed.index()];
        let next = lane.next.unwrap_or_default();
        if end < next {
            let offset = next.0;
            return Err(SourceError::OffsetLost { topic: self.topic(feed).to_owned(), partition: self.number, offset });
        }
        if end > next {
            lane.at_end = false;
            return Ok(LaneHead::Pending);
        }
        lane.sought = false;
        Ok(LaneHead::AtEnd)
    }

    /// Reads an internal topic from its beginning, because it was recreated while it was being read. An error if the library does
    /// not get there after [`SEEKS`] attempts; a restart reads the topic.
    fn begin_again(&mut self, feed: Feed) -> Result<LaneHead, SourceError> {
        if self.lanes[feed.index()].times_begun_again() >= SEEKS {
            let topic = self.topic(feed).to_owned();
            let offset = self.lanes[feed.index()].next.unwrap_or_default().0;
            return Err(SourceError::OffsetLost { topic, partition: self.number, offset });
        }
        let (first, end) = self.bounds(feed)?;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(self.topic(feed), self.number, KafkaOffset::Offset(first.0))
            .map_err(|error| self.failed(feed, &error))?;
        let list = self.consumer.seek_partitions(list, ANSWER_TIMEOUT).map_err(|error| self.failed(feed, &error))?;
        // The library may not know the new topic yet: then nothing comes, and the lane seeks again.
        let outcome = list.elements().first().and_then(|element| element.error().err());
        tracing::error!(
            topic = self.topic(feed),
            partition = self.number,
            first = first.0,
            end = end.0,
            refused = outcome.as_ref().map(kafka::describe),
            "an internal topic no longer has what comes next; it is read from its beginning"
        );
        self.lanes[feed.index()].begin_again(first);
        Ok(LaneHead::Pending)
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
        match error {
            error if is_lost(error) => SourceError::OffsetLost {
                topic,
                partition: self.number,
                offset: self.lanes[feed.index()].next.unwrap_or_default().0,
            },
            error => SourceError::Kafka { topic, partition: self.number, message: kafka::describe(error) },
        }
    }
}

impl ShardSource for KafkaShard {
    fn ahead(&mut self, feed: Feed) -> Result<LaneHead, SourceError> {
        self.check_fence()?;
        let lane = &mut self.lanes[feed.index()];
        match lane.ahead(&self.consumer, &self.fence) {
            Ok(LaneHead::AtEnd) if lane.sought => self.end_after_seek(feed),
            Ok(LaneHead::Pending) if lane.begins_again(SEEK_AGAIN) => self.begin_again(feed),
            Ok(ahead) => Ok(ahead),
            // The shards that write the topic fill it again (see `service`): records read from its beginning are known already or
            // were missing.
            Err(error) if feed.is_internal() && is_lost(&error) => self.begin_again(feed),
            Err(error) => Err(self.failed(feed, &error)),
        }
    }

    fn take(&mut self, feed: Feed) -> Option<Lent<'_>> {
        self.lanes[feed.index()].take()
    }

    fn news(&self) -> FeedSet {
        self.fence.news()
    }

    fn wait(&mut self, timeout: Duration) {
        self.fence.wait(timeout);
    }

    fn waker(&self) -> Option<Waker> {
        let fence = Arc::clone(&self.fence);
        Some(Arc::new(move || fence.wake_owner()))
    }

    fn end_offset(&mut self, feed: Feed) -> Result<Option<NextOffset>, SourceError> {
        KafkaShard::end_offset(self, feed).map(Some)
    }

    fn is_owned(&self) -> bool {
        self.fence.stands()
    }

    fn backlog(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.backlog(&self.consumer)).sum()
    }

    fn lag(&self, feed: Feed) -> Option<u64> {
        KafkaShard::lag(self, feed)
    }
}

/// Whether the broker has no message at the next offset.
fn is_lost(error: &KafkaError) -> bool {
    matches!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange))
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
        claimed_time: None,
        key: message.key().map(Into::into),
        payload: message.payload().map(Into::into),
        sent_at: kafka::header(message, c"sent_at")
            .and_then(|value| value.try_into().ok())
            .map(|value| WallTime(i64::from_be_bytes(value))),
    }
}

/// The broker's milliseconds as microseconds, within 1900-2199 (the bounds of a record's own dates). A message without a timestamp
/// gets the known time of the one before it.
pub(super) fn known_time(timestamp: Timestamp, last: KnownTime) -> KnownTime {
    let bounds = (Day::FIRST.instant(), Day::LAST.instant() + MICROS_PER_DAY - 1);
    match timestamp {
        Timestamp::NotAvailable => KnownTime(last.0.max(bounds.0)),
        Timestamp::CreateTime(millis) | Timestamp::LogAppendTime(millis) => {
            KnownTime(millis.saturating_mul(1000).clamp(bounds.0, bounds.1))
        }
    }
}

/// Beginning and end of a partition.
pub(super) fn bounds(
    consumer: &BaseConsumer<GroupContext>,
    feed: Feed,
    shard: i32,
    patience: Patience<'_>,
) -> Result<(NextOffset, NextOffset), SourceError> {
    let topic = &consumer.context().topics[feed.index()];
    match kafka::watermarks(consumer, topic, shard, patience) {
        Ok((first, end)) => Ok((NextOffset(first), NextOffset(end))),
        Err(Unanswered::CalledOff) => Err(SourceError::Revoked { shard }),
        Err(Unanswered::Failed(error)) => {
            Err(SourceError::Kafka { topic: topic.clone(), partition: shard, message: kafka::describe(&error) })
        }
    }
}

/// Shared by a shard's owner and the thread that serves the group: the owner is told to stop here, and answers here that it has.
#[derive(Debug, Default)]
pub struct Fence {
    is_down: AtomicBool,
    /// Lanes whose queues have received something since they were last drained.
    lanes: AtomicU16,
    state: Mutex<FenceState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct FenceState {
    /// A queue has received something since the last wait, or another event has come that the owner waits for.
    has_news: bool,
    /// Why the consumer cannot go on, if that is why the shard was fenced.
    failure: Option<String>,
    /// The owner has dropped the shard.
    is_released: bool,
}

impl Fence {
    /// Whether this process owns the shard, and so may read and publish.
    pub fn stands(&self) -> bool {
        !self.is_down.load(Ordering::Acquire)
    }

    pub(super) fn revoke(&self) {
        self.is_down.store(true, Ordering::Release);
        self.wake_owner();
    }

    pub(super) fn fail(&self, message: &str) {
        self.state().failure.get_or_insert_with(|| message.to_owned());
        self.revoke();
    }

    fn failure(&self) -> Option<String> {
        self.state().failure.clone()
    }

    /// Notes that a lane's queue is no longer empty.
    pub(super) fn wake(&self, feed: Feed) {
        self.lanes.fetch_or(FeedSet::of([feed]).0, Ordering::Release);
        self.wake_owner();
    }

    fn news(&self) -> FeedSet {
        FeedSet(self.lanes.load(Ordering::Acquire))
    }

    /// Whether the lane's queue has received something since the last call. To be called before draining, so that a message that
    /// comes in between counts for the next call.
    pub(super) fn take_news(&self, feed: Feed) -> bool {
        let bit = FeedSet::of([feed]);
        self.news().contains(feed) && FeedSet(self.lanes.fetch_and(!bit.0, Ordering::AcqRel)).contains(feed)
    }

    fn wake_owner(&self) {
        self.state().has_news = true;
        self.changed.notify_all();
    }

    fn wait(&self, timeout: Duration) {
        let state = self.state();
        let mut state = self
            .changed
            .wait_timeout_while(state, timeout, |state| !state.has_news && self.stands())
            .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        if !state.has_news {
            // Not to depend on the library's signals alone, ask every lane after a timeout.
            self.lanes.store(u16::MAX, Ordering::Release);
        }
        state.has_news = false;
    }

    fn release(&self) {
        self.state().is_released = true;
        self.changed.notify_all();
    }

    /// Waits for the owner to drop the shard; false if the deadline passes first.
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
        fence.wake(Feed::Border);
        assert!(fence.news().contains(Feed::Border) && !fence.news().contains(Feed::Permits));
        assert!(fence.take_news(Feed::Border) && !fence.take_news(Feed::Border));
        let start = Instant::now();
        fence.wait(Duration::from_secs(60));
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}
