//! Aim: the embedded broker drops unread messages only if the writer is not paced.
//! Method: write more than a partition keeps, with and without a reader's position.

use std::time::Duration;

use super::*;
use crate::model::record::NextOffset;
use crate::model::schema::Feed;
use crate::model::time::KnownTime;
use crate::source::kafka::KafkaConsumer;
use crate::source::{Polled, ShardSource};

/// Text that does not compress: the broker counts bytes as sent.
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(1024);
    while bytes.len() < 1024 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}

#[test]
fn a_paced_writer_loses_nothing() {
    let config = KafkaConfig::default();
    let broker = EmbeddedBroker::start(&config, 1).unwrap();
    let config = broker.config(&config);
    let mut writer = FeedWriter::new(&config).unwrap();
    let (_consumer, mut shards) = KafkaConsumer::assign(&config, &[0]).unwrap();
    let shard = &mut shards[0];
    let mut read = 0;
    const MESSAGES: u64 = 12_000;
    for number in 0..MESSAGES {
        writer.write(Feed::Payments, b"P", Some(&noise(number)), KnownTime(0), None).unwrap();
        let pace = |read: &mut i64, shard: &mut crate::source::kafka::KafkaShard| {
            while let Polled::Message(message) = shard.poll(Feed::Payments).unwrap() {
                assert_eq!(message.offset.0, *read, "no offset is skipped");
                *read += 1;
            }
            NextOffset(*read)
        };
        writer
            .pace(
                |feed, _| {
                    if feed == Feed::Payments { pace(&mut read, shard) } else { NextOffset(0) }
                },
                Duration::from_secs(30),
            )
            .unwrap();
    }
    assert_eq!(writer.next_offset(Feed::Payments, 0), NextOffset(MESSAGES as i64));
    assert!(writer.written_bytes(Feed::Payments, 0) > 2 * KEPT_BYTES);
    assert!(read > 6_000, "the writer waited for the reader: {read}");
}

#[test]
fn a_writer_does_not_overtake_a_reader_that_stands_still() {
    let config = KafkaConfig::default();
    let broker = EmbeddedBroker::start(&config, 1).unwrap();
    let mut writer = FeedWriter::new(&broker.config(&config)).unwrap();
    let mut outcome = Ok(());
    for number in 0..6_000 {
        writer.write(Feed::Border, b"P", Some(&noise(number)), KnownTime(0), None).unwrap();
        outcome = writer.pace(|_, _| NextOffset(3), Duration::from_millis(100));
        if outcome.is_err() {
            break;
        }
    }
    let error = outcome.unwrap_err();
    assert!(matches!(error, WriteError::ReaderStalled { partition: 0, position: 3, .. }), "{error}");
    assert!(writer.written_bytes(Feed::Border, 0) < KEPT_BYTES);
}
