//! Reads the link records that a shard has published on the internal topics.
//!
//! A record lies in its receiver's partition, so a shard's records may be in any. Headers of a record: `unit` names, by a token, the unit that
//! shows it, and so the shard that wrote it. The first record of a batch in a partition also has `shard_clock`, `offsets` and
//! `published_at`, as an alert has, which say how far that shard had read, and when.

use rdkafka::message::{BorrowedMessage, Message as _, OwnedHeaders};

use super::headers::{self, header};
use super::whole::{Place, read_from};
use crate::config::Config;
use crate::decode::decode;
use crate::kafka::Patience;
use crate::model::partition::partition_of;
use crate::model::record::{Author, Lent, NextOffset, Offset, Sent};
use crate::model::schema::Feed;
use crate::model::time::{KnownTime, WallTime, format_micros};
use crate::pseudonyms::{Kind, Pseudonyms};
use crate::shard::{Said, WriterClock};
use crate::sink::{Reached, ReadUpTo, SinkError};

pub(super) fn headers(unit: &str, read: Option<(&ReadUpTo, WallTime)>) -> OwnedHeaders {
    let headers = OwnedHeaders::new_with_capacity(5).insert(header("unit", unit));
    match read {
        Some((read, at)) => {
            headers::write_read(headers, read).insert(header(headers::PUBLISHED_AT, &format_micros(at.0)))
        }
        None => headers,
    }
}

/// What a shard has said on the internal topics.
#[derive(Default)]
pub(crate) struct Spoken {
    pub said: Said,
    /// How far it had read when it published the last record.
    pub reached: Reached,
    /// The offset that its next alert would have had.
    pub alerts: NextOffset,
}

/// Whose records are read, and from where.
pub(crate) struct Wanted<'a> {
    pub shard: i32,
    pub partitions: i32,
    /// The texts that made the records.
    pub source: &'a str,
    /// By topic and partition, an offset before which nothing is wanted; 0 where it is not given.
    pub from: &'a dyn Fn(&str, i32) -> i64,
}

/// Reads the internal topics for what a shard has published. Waits for brokers that are away as `patience` says.
pub(crate) fn read_said(
    config: &Config,
    pseudonyms: &Pseudonyms,
    wanted: &Wanted<'_>,
    patience: Patience<'_>,
) -> Result<Spoken, SinkError> {
    let Wanted { shard, partitions, source, from } = *wanted;
    let mut spoken = Spoken::default();
    for feed in Feed::ALL.into_iter().filter(|feed| feed.is_internal()) {
        let topic = config.kafka.topic(feed);
        let places: Vec<(i32, Place)> =
            (0..partitions).map(|partition| (partition, Place::At(from(&topic, partition)))).collect();
        read_from(&config.kafka, &topic, &places, patience, |message| {
            let Ok(keys) = headers::signer(pseudonyms, message, message.timestamp().to_millis()) else { return };
            let (Some(key), Some(payload)) = (message.key(), message.payload()) else {
                let clock = message.payload().and_then(WriterClock::read);
                if let Some(clock) = clock.filter(|clock| clock.writer == shard) {
                    spoken.alerts = spoken.alerts.max(NextOffset(clock.alerts));
                }
                return;
            };
            let unit = headers::text(message, c"unit").and_then(|unit| keys.open(Kind::Unit, unit));
            let Some(unit) = unit.filter(|unit| partition_of(unit.as_bytes(), partitions) == shard) else { return };
            let Some((receiver, payload)) = keys.open_link(key, payload) else { return };
            let lent = lent(feed, message, receiver.as_bytes(), &payload);
            let Ok(decoded) = decode(lent, config.limits.max_message_bytes) else { return };
            if *decoded.record.source == *source {
                spoken.said.take(&unit, &decoded.record);
                if let Some(then) = headers::read_up_to(message) {
                    spoken.reached = spoken.reached.max(then.as_published(headers::published_at(message), config));
                }
            }
        })?;
    }
    Ok(spoken)
}

fn lent<'a>(feed: Feed, message: &BorrowedMessage<'_>, key: &'a [u8], payload: &'a [u8]) -> Lent<'a> {
    Lent {
        feed,
        partition: message.partition(),
        offset: Offset(message.offset()),
        known_time: KnownTime(message.timestamp().to_millis().unwrap_or_default().saturating_mul(1_000)),
        claimed_time: None,
        key: Some(key),
        payload: Some(payload),
        author: Author::Permitwatch,
        sent: Sent::At(None),
    }
}
