//! What a shard's partition of the alerts topic says: the ground truth for a start or a recovery.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use rdkafka::message::{BorrowedMessage, Message as _};

use super::headers;
use super::whole::{read_last, read_whole};
use crate::config::KafkaConfig;
use crate::kafka::Patience;
use crate::model::alert::{Alert, AlertId};
use crate::model::record::NextOffset;
use crate::model::time::WallTime;
use crate::sink::{ReadUpTo, RunHeaders, SinkError};

/// The last transition of every alert of a shard.
#[derive(Debug)]
pub struct Published {
    /// Of each alert the transition with the highest sequence; of equal ones the last. Ended alerts are included, since their
    /// sequences continue.
    pub alerts: BTreeMap<AlertId, Alert>,
    /// The run headers of the last message that has them all.
    pub headers: Option<RunHeaders>,
    /// How far the writer had read of the last message that says so, whatever other headers it lacks: another version may have written it.
    pub read: Option<ReadUpTo>,
    /// When that message was published.
    pub read_at: WallTime,
    /// Beginning of the partition when it was read. Above 0 on a topic that is not compacted, transitions may have been lost.
    pub first: NextOffset,
    /// End of the partition: later messages have not been read.
    pub next: NextOffset,
    pub messages: u64,
    /// Messages that are not alerts and were skipped.
    pub unreadable: u64,
}

/// Reads partition `shard` of the alerts topic from its beginning to the end that it has when reading starts.
pub fn read_published(config: &KafkaConfig, shard: i32) -> Result<Published, SinkError> {
    read_published_with(config, shard, Patience::Brief)
}

/// The same for who is as patient with brokers that are away as `patience` says.
pub(crate) fn read_published_with(
    config: &KafkaConfig,
    shard: i32,
    patience: Patience<'_>,
) -> Result<Published, SinkError> {
    let mut published = Published {
        alerts: BTreeMap::new(),
        headers: None,
        read: None,
        read_at: WallTime(i64::MIN),
        first: NextOffset::default(),
        next: NextOffset::default(),
        messages: 0,
        unreadable: 0,
    };
    let (low, high) = read_whole(config, &config.alerts_topic(), shard, patience, |message| published.take(message))?;
    (published.first, published.next) = (NextOffset(low), NextOffset(high));
    Ok(published)
}

/// How far the shard had read when it last published, and when that was, by the last messages of its partition of the alerts topic;
/// `None` if none of these says so.
pub fn last_read(config: &KafkaConfig, shard: i32) -> Result<Option<(ReadUpTo, WallTime)>, SinkError> {
    let mut read = None;
    let each = |message: &BorrowedMessage<'_>| read = read_at(message).or(read);
    read_last(config, &config.alerts_topic(), shard, LAST_OFFSETS, Patience::Brief, each)?;
    Ok(read)
}

/// Every alert says how far its writer had read; others may have written a few messages behind it.
const LAST_OFFSETS: i64 = 400;

fn read_at(message: &BorrowedMessage<'_>) -> Option<(ReadUpTo, WallTime)> {
    Some((headers::read_up_to(message)?, headers::published_at(message)))
}

impl Published {
    fn take(&mut self, message: &BorrowedMessage<'_>) {
        self.messages += 1;
        if let Some((read, at)) = read_at(message) {
            (self.read, self.read_at) = (Some(read), at);
        }
        if let Some(headers) = headers::read(message) {
            self.headers = Some(headers);
        }
        let Some(payload) = message.payload() else {
            // A tombstone: the alert has been removed from the topic.
            if let Some(id) = message.key().and_then(|key| AlertId::from_hex(std::str::from_utf8(key).ok()?)) {
                self.alerts.remove(&id);
            }
            return;
        };
        let alert = serde_json::from_slice::<Alert>(payload).ok();
        let Some((id, alert)) = alert.and_then(|alert| Some((AlertId::from_hex(&alert.alert_id)?, alert))) else {
            self.unreadable += 1;
            return;
        };
        match self.alerts.entry(id) {
            Entry::Vacant(entry) => {
                entry.insert(alert);
            }
            Entry::Occupied(mut entry) => {
                if alert.sequence >= entry.get().sequence {
                    entry.insert(alert);
                }
            }
        }
    }
}
