//! Aim: a shard reads what was written, in order, to its end; a group moves whole shards.
//! Method: the embedded broker; each condition is awaited up to a deadline.

#![expect(clippy::disallowed_methods, reason = "polls a broker with a deadline; there is nothing to wait on")]

use std::collections::BTreeMap;
use std::sync::atomic::AtomicI64;
use std::time::{Duration, Instant};

use super::*;
use crate::model::partition::partition_of;
use crate::model::record::Message;
use crate::model::time::{KnownTime, WallTime};
use crate::source::{Polled, ShardSource};
use crate::tools::broker::{EmbeddedBroker, FeedWriter};

const DEADLINE: Duration = Duration::from_secs(60);

fn start(partitions: i32) -> (EmbeddedBroker, KafkaConfig) {
    let config = KafkaConfig { group_id: "test".into(), session_timeout_ms: 6_000, ..KafkaConfig::default() };
    let broker = EmbeddedBroker::start(&config, partitions).unwrap();
    let config = broker.config(&config);
    (broker, config)
}

/// Known times are whole milliseconds.
fn at(millis: i64) -> KnownTime {
    KnownTime(1_700_000_000_000_000 + millis * 1000)
}

/// Reads a lane until its end is reported.
fn read_to_end(shard: &mut KafkaShard, feed: Feed) -> Result<Vec<Message>, SourceError> {
    let deadline = Instant::now() + DEADLINE;
    let mut messages = Vec::new();
    loop {
        match shard.poll(feed)? {
            Polled::Message(message) => messages.push(message.keep()),
            Polled::AtEnd | Polled::Finished => return Ok(messages),
            Polled::Pending => {
                assert!(Instant::now() < deadline, "no end of {} after {} messages", feed.name(), messages.len());
                shard.wait(Duration::from_millis(500));
            }
        }
    }
}

fn offsets(messages: &[Message]) -> Vec<i64> {
    messages.iter().map(|message| message.offset.0).collect()
}

#[test]
fn a_shard_reads_what_was_written_in_order_to_its_end() {
    let (_broker, config) = start(2);
    let mut writer = FeedWriter::new(&config).unwrap();
    let mut expected: BTreeMap<i32, Vec<String>> = BTreeMap::new();
    for number in 0..500 {
        let key = format!("P{number}");
        writer.write(Feed::Payments, key.as_bytes(), Some(b"{}"), at(number), Some(WallTime(number))).unwrap();
        expected.entry(partition_of(key.as_bytes(), 2)).or_default().push(key);
    }
    writer.write(Feed::Reference, b"162021000555", Some(b"{}"), at(1), None).unwrap();
    writer.write_clock(Feed::Border, at(9), None).unwrap();
    writer.flush().unwrap();

    let (_consumer, shards) = KafkaConsumer::assign(&config, &[0, 1]).unwrap();
    for mut shard in shards {
        let payments = read_to_end(&mut shard, Feed::Payments).unwrap();
        let keys: Vec<String> =
            payments.iter().map(|message| String::from_utf8(message.key.clone().unwrap().into()).unwrap()).collect();
        assert_eq!(keys, expected[&shard.number()]);
        assert_eq!(offsets(&payments), (0..payments.len() as i64).collect::<Vec<_>>());
        for message in &payments {
            assert_eq!(message.sent_at.unwrap().0 * 1000 + 1_700_000_000_000_000, message.known_time.0);
        }
        assert_eq!(
            read_to_end(&mut shard, Feed::Reference).unwrap().len(),
            1,
            "reference records go to every partition"
        );
        let border = read_to_end(&mut shard, Feed::Border).unwrap();
        assert!(border.len() == 1 && border[0].is_clock() && border[0].sent_at.is_none());
        assert!(read_to_end(&mut shard, Feed::Notices).unwrap().is_empty());
        assert_eq!(shard.end_offset(Feed::Payments).unwrap(), NextOffset(payments.len() as i64));
        assert_eq!(shard.end_offset(Feed::Notices).unwrap(), NextOffset(0));
    }
}

#[test]
fn known_time_never_falls_within_a_partition() {
    let (_broker, config) = start(1);
    let mut writer = FeedWriter::new(&config).unwrap();
    for millis in [5, 3, 8, 1] {
        writer.write(Feed::Studies, b"P", Some(b"{}"), at(millis), None).unwrap();
    }
    writer.flush().unwrap();
    let (_consumer, mut shards) = KafkaConsumer::assign(&config, &[0]).unwrap();
    let times: Vec<KnownTime> =
        read_to_end(&mut shards[0], Feed::Studies).unwrap().iter().map(|message| message.known_time).collect();
    assert_eq!(times, [at(5), at(5), at(8), at(8)]);
}

#[test]
fn a_timestamp_that_cannot_be_true_is_told_and_raises_no_other() {
    let (_broker, config) = start(1);
    let mut writer = FeedWriter::new(&config).unwrap();
    let years_ahead = KnownTime(crate::model::clock::wall().0 + 73 * 365 * crate::model::time::MICROS_PER_DAY);
    let ahead = KnownTime(years_ahead.0.div_euclid(1_000) * 1_000);
    for time in [at(5), ahead, at(6)] {
        writer.write(Feed::Studies, b"P", Some(b"{}"), time, None).unwrap();
    }
    writer.flush().unwrap();
    let (_consumer, mut shards) = KafkaConsumer::assign(&config, &[0]).unwrap();
    let read = read_to_end(&mut shards[0], Feed::Studies).unwrap();
    let times: Vec<_> = read.iter().map(|message| (message.known_time, message.claimed_time)).collect();
    assert_eq!(times, [(at(5), None), (at(5), Some(ahead)), (at(6), None)]);
}

#[test]
fn a_seek_goes_on_where_the_checkpoint_stood() {
    let (_broker, config) = start(1);
    let mut writer = FeedWriter::new(&config).unwrap();
    for number in 0..20 {
        writer.write(Feed::Payments, b"P", Some(b"{}"), at(number), None).unwrap();
    }
    writer.flush().unwrap();
    let (_consumer, mut shards) = KafkaConsumer::assign(&config, &[0]).unwrap();
    let shard = &mut shards[0];
    let mut positions = [(NextOffset(0), KnownTime::MIN); Feed::COUNT];
    positions[Feed::Payments.index()] = (NextOffset(15), at(100));
    shard.seek(&positions).unwrap();
    let messages = read_to_end(shard, Feed::Payments).unwrap();
    assert_eq!(offsets(&messages), [15, 16, 17, 18, 19]);
    assert!(messages.iter().all(|message| message.known_time == at(100)), "the checkpoint's clock is a floor");
    assert!(read_to_end(shard, Feed::Border).unwrap().is_empty());
    // Seek back, which drops the messages fetched meanwhile.
    positions[Feed::Payments.index()] = (NextOffset(18), KnownTime::MIN);
    shard.seek(&positions).unwrap();
    assert_eq!(offsets(&read_to_end(shard, Feed::Payments).unwrap()), [18, 19]);
}

#[test]
fn an_offset_that_is_gone_is_a_halt() {
    let (_broker, config) = start(1);
    let (_consumer, mut shards) = KafkaConsumer::assign(&config, &[0]).unwrap();
    let mut positions = [(NextOffset(0), KnownTime::MIN); Feed::COUNT];
    positions[Feed::Permits.index()] = (NextOffset(1_000), at(0));
    shards[0].seek(&positions).unwrap();
    let error = read_to_end(&mut shards[0], Feed::Permits).unwrap_err();
    assert!(matches!(&error, SourceError::OffsetLost { partition: 0, offset: 1_000, .. }), "{error}");
}

#[test]
fn waiting_ends_when_something_is_written() {
    let (_broker, config) = start(1);
    let mut writer = FeedWriter::new(&config).unwrap();
    let (_consumer, mut shards) = KafkaConsumer::assign(&config, &[0]).unwrap();
    let shard = &mut shards[0];
    for feed in Feed::ALL {
        read_to_end(shard, feed).unwrap();
    }
    // Take the signals that the ends have sent.
    shard.wait(Duration::ZERO);
    let start = Instant::now();
    shard.wait(Duration::from_millis(200));
    assert!(start.elapsed() >= Duration::from_millis(200), "nothing was written, nothing wakes");
    writer.write(Feed::Notices, b"P", Some(b"{}"), at(1), None).unwrap();
    // This loop ends only if the reader is woken.
    loop {
        shard.wait(Duration::from_secs(3_600));
        if let Polled::Message(message) = shard.poll(Feed::Notices).unwrap() {
            assert_eq!(message.offset.0, 0);
            break;
        }
    }
}

/// The library itself reports the end only after an empty fetch, which takes seconds here.
#[test]
fn the_last_message_brings_the_end_with_it() {
    let (_broker, config) = start(1);
    let config = KafkaConfig { fetch_wait_max_ms: 5_000, ..config };
    let mut writer = FeedWriter::new(&config).unwrap();
    for number in 0..300 {
        writer.write(Feed::Notices, b"P", Some(b"{}"), at(number), None).unwrap();
    }
    writer.flush().unwrap();
    let (_consumer, mut shards) = KafkaConsumer::assign(&config, &[0]).unwrap();
    let deadline = Instant::now() + DEADLINE;
    loop {
        match shards[0].poll(Feed::Notices).unwrap() {
            Polled::Message(message) if message.offset.0 == 299 => break,
            Polled::Message(_) => {}
            other => {
                assert!(Instant::now() < deadline, "{other:?}");
                shards[0].wait(Duration::from_millis(10));
            }
        }
    }
    assert!(matches!(shards[0].poll(Feed::Notices).unwrap(), Polled::AtEnd));
    // After a seek the watermark from before it must not be believed. A seek fetches at once, and a message written after it may
    // miss that fetch: so write first what the test needs.
    writer.write(Feed::Notices, b"P", Some(b"{}"), at(300), None).unwrap();
    writer.flush().unwrap();
    let mut positions = [(NextOffset(0), KnownTime::MIN); Feed::COUNT];
    positions[Feed::Notices.index()] = (NextOffset(299), at(0));
    shards[0].seek(&positions).unwrap();
    assert_eq!(offsets(&read_to_end(&mut shards[0], Feed::Notices).unwrap()), [299, 300]);
    // If the seek goes to the end that was known, the broker is asked for the end.
    positions[Feed::Notices.index()] = (NextOffset(301), at(0));
    shards[0].seek(&positions).unwrap();
    writer.write(Feed::Notices, b"P", Some(b"{}"), at(301), None).unwrap();
    writer.flush().unwrap();
    assert_eq!(offsets(&read_to_end(&mut shards[0], Feed::Notices).unwrap()), [301]);
}

#[test]
fn unequal_or_missing_topics_are_refused() {
    let (_broker, config) = start(2);
    let other = KafkaConfig { topic_prefix: "nowhere.".into(), ..config.clone() };
    assert!(matches!(KafkaConsumer::assign(&other, &[0]), Err(ClusterError::MissingTopic { .. })));
    assert!(matches!(KafkaConsumer::assign(&config, &[2]), Err(ClusterError::Client(_))));
}

/// Takes assigned shards until `count` are held.
fn take(assignments: &Assignments, held: &mut BTreeMap<i32, KafkaShard>, count: usize) {
    let deadline = Instant::now() + DEADLINE;
    while held.len() < count {
        let left = deadline.saturating_duration_since(Instant::now());
        let assignment = assignments.recv_timeout(left).expect("the group assigns in time").unwrap();
        held.insert(assignment.shard, assignment.source);
    }
}

/// Drops the shards that were revoked and takes those assigned since.
fn keys() -> Arc<Pseudonyms> {
    Arc::new(Pseudonyms::new("a key of the tests, thirty-two bytes", "1"))
}

fn follow(assignments: &Assignments, held: &mut BTreeMap<i32, KafkaShard>) {
    held.retain(|_, shard| shard.fence().stands());
    while let Ok(assignment) = assignments.recv_timeout(Duration::from_millis(20)) {
        let assignment = assignment.unwrap();
        held.insert(assignment.shard, assignment.source);
    }
}

#[test]
fn a_group_shares_whole_shards_and_a_rebalance_moves_them() {
    let (_broker, config) = start(4);
    let mut writer = FeedWriter::new(&config).unwrap();
    writer.write(Feed::Reference, b"162021000555", Some(b"{}"), at(1), None).unwrap();
    writer.flush().unwrap();

    let (first, first_assignments) = KafkaConsumer::join(&config, &keys()).unwrap();
    let mut held_by_first = BTreeMap::new();
    take(&first_assignments, &mut held_by_first, 4);
    for shard in held_by_first.values_mut() {
        assert_eq!(read_to_end(shard, Feed::Reference).unwrap().len(), 1);
    }
    first.commit(0, &[NextOffset(1); Feed::COUNT]).unwrap();

    // A second member joins: every shard of the first is fenced, and is given up only when its owner has dropped it.
    let joined = std::thread::spawn({
        let config = config.clone();
        move || KafkaConsumer::join(&config, &keys()).unwrap()
    });
    let deadline = Instant::now() + DEADLINE;
    while held_by_first.values().any(|shard| shard.fence().stands()) {
        assert!(Instant::now() < deadline, "the first member was not told");
        std::thread::sleep(Duration::from_millis(20));
    }
    let error = held_by_first.values_mut().next().unwrap().poll(Feed::Permits).unwrap_err();
    assert!(matches!(error, SourceError::Revoked { .. }), "{error}");
    held_by_first.clear();
    let (second, second_assignments) = joined.join().unwrap();
    // The group may rebalance more than once before both are members.
    let mut held_by_second = BTreeMap::new();
    loop {
        follow(&first_assignments, &mut held_by_first);
        follow(&second_assignments, &mut held_by_second);
        let mut shards: Vec<i32> = held_by_first.keys().chain(held_by_second.keys()).copied().collect();
        shards.sort_unstable();
        if shards == [0, 1, 2, 3] && held_by_first.len() == 2 {
            break;
        }
        assert!(Instant::now() < deadline, "the group does not come to rest: {shards:?}");
    }
    // Every shard starts at the beginning, whoever has it and whatever was committed.
    for shard in held_by_first.values_mut().chain(held_by_second.values_mut()) {
        assert_eq!(read_to_end(shard, Feed::Reference).unwrap().len(), 1);
        assert!(read_to_end(shard, Feed::Permits).unwrap().is_empty());
    }

    // The second member leaves: the first gets every shard.
    held_by_second.clear();
    drop(second);
    let deadline = Instant::now() + DEADLINE;
    while held_by_first.values().any(|shard| shard.fence().stands()) {
        assert!(Instant::now() < deadline, "the first member was not told");
        std::thread::sleep(Duration::from_millis(20));
    }
    held_by_first.clear();
    take(&first_assignments, &mut held_by_first, 4);
    drop(held_by_first);
    drop(first);
}

/// Messages that follow the end of a partition in the queue wake nobody: the reader must not have been told to wait then.
#[test]
fn a_reader_that_waits_whenever_nothing_is_at_hand_is_never_left_waiting() {
    const MESSAGES: i64 = 60_000;
    let (_broker, config) = start(1);
    let mut writer = FeedWriter::new(&config).unwrap();
    let (consumer, mut shards) = KafkaConsumer::assign(&config, &[0]).unwrap();
    let shard = &mut shards[0];
    let read = Arc::new(AtomicI64::new(0));
    let adapter = std::thread::spawn({
        let read = Arc::clone(&read);
        move || {
            for number in 0..MESSAGES {
                writer.write(Feed::Payments, b"P", Some(b"{}"), at(number), None).unwrap();
                if number % 64 == 0 {
                    let position = |_, _| NextOffset(read.load(Ordering::Relaxed));
                    writer.pace(position, DEADLINE).unwrap();
                }
            }
            writer.flush().unwrap();
        }
    });
    let mut expected = 0;
    while expected < MESSAGES {
        match shard.poll(Feed::Payments).unwrap() {
            Polled::Message(message) => {
                assert_eq!(message.offset.0, expected);
                expected += 1;
            }
            Polled::AtEnd | Polled::Finished | Polled::Pending => {
                read.store(expected, Ordering::Relaxed);
                let start = Instant::now();
                shard.wait(DEADLINE);
                assert!(start.elapsed() < DEADLINE / 2, "left waiting at {expected}");
            }
        }
    }
    adapter.join().unwrap();
    let deadline = Instant::now() + DEADLINE;
    while consumer.lag(Feed::Payments, 0, NextOffset(0)) != Some(MESSAGES as u64) {
        assert!(Instant::now() < deadline, "statistics come each second");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(shard.lag(Feed::Payments), Some(0));
}
