//! What the internal topics say that a shard's units show.
//!
//! The records stand with those who are shown them, in any partition; the header `unit` names who shows them, and so whose shard
//! wrote them.

use rdkafka::message::{BorrowedMessage, Header, Message as _, OwnedHeaders};

use super::whole::read_whole;
use crate::config::Config;
use crate::decode::decode;
use crate::kafka;
use crate::partition::partition_of;
use crate::record::{Lent, Offset};
use crate::schema::Feed;
use crate::shard::Said;
use crate::sink::SinkError;
use crate::time::KnownTime;

pub(super) fn header(unit: &str) -> OwnedHeaders {
    OwnedHeaders::new_with_capacity(1).insert(Header { key: "unit", value: Some(unit) })
}

/// Reads all partitions of the internal topics, for what `shard` has said with the texts that `source` names.
pub fn read_said(config: &Config, shard: i32, partitions: i32, source: &str) -> Result<Said, SinkError> {
    let mut said = Said::default();
    for feed in Feed::ALL.into_iter().filter(|feed| feed.is_internal()) {
        for partition in 0..partitions {
            let topic = config.kafka.topic(feed);
            read_whole(&config.kafka, &topic, partition, |message| {
                let unit = kafka::header(message, c"unit").and_then(|unit| std::str::from_utf8(unit).ok());
                let Some(unit) = unit.filter(|unit| partition_of(unit.as_bytes(), partitions) == shard) else { return };
                let Ok(decoded) = decode(lent(feed, message), config.limits.max_message_bytes) else { return };
                if *decoded.record.source == *source {
                    said.take(unit, &decoded.record);
                }
            })?;
        }
    }
    Ok(said)
}

fn lent<'a>(feed: Feed, message: &'a BorrowedMessage<'_>) -> Lent<'a> {
    Lent {
        feed,
        partition: message.partition(),
        offset: Offset(message.offset()),
        known_time: KnownTime(message.timestamp().to_millis().unwrap_or_default().saturating_mul(1_000)),
        key: message.key(),
        payload: message.payload(),
        sent_at: None,
    }
}
