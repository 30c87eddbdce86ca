//! What a shard's partition of the alerts topic says: the ground truth on which a start or a recovery rests.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::atomic::AtomicBool;

use rdkafka::message::{BorrowedMessage, Message as _};

use super::headers;
use super::whole::read_whole;
use crate::alert::{Alert, AlertId};
use crate::config::KafkaConfig;
use crate::record::NextOffset;
use crate::sink::{RunHeaders, SinkError};

/// The last word on every alert of a shard.
#[derive(Debug)]
pub struct Published {
    /// Of each alert the transition with the highest sequence; of equal ones the last. Ended alerts are among them, for
    /// sequences continue.
    pub alerts: BTreeMap<AlertId, Alert>,
    /// The run headers of the last message that has them.
    pub headers: Option<RunHeaders>,
    /// Where the partition began when it was read. Above 0 on a topic that is not compacted, transitions may have been lost.
    pub first: NextOffset,
    /// Where it ended: what is written later has not been read.
    pub next: NextOffset,
    pub messages: u64,
    /// Messages that are not alerts; skipped.
    pub unreadable: u64,
}

/// Reads partition `shard` of the alerts topic from its beginning to the end that it had at the start.
pub fn read_published(config: &KafkaConfig, shard: i32) -> Result<Published, SinkError> {
    read_published_until(config, shard, &AtomicBool::new(false))
}

/// The same, or an error once `stop` is set.
pub fn read_published_until(config: &KafkaConfig, shard: i32, stop: &AtomicBool) -> Result<Published, SinkError> {
    let mut published = Published {
        alerts: BTreeMap::new(),
        headers: None,
        first: NextOffset::default(),
        next: NextOffset::default(),
        messages: 0,
        unreadable: 0,
    };
    let (low, high) = read_whole(config, &config.alerts_topic(), shard, stop, |message| published.take(message))?;
    (published.first, published.next) = (NextOffset(low), NextOffset(high));
    Ok(published)
}

impl Published {
    fn take(&mut self, message: &BorrowedMessage<'_>) {
        self.messages += 1;
        if let Some(headers) = headers::read(message) {
            self.headers = Some(headers);
        }
        let Some(payload) = message.payload() else {
            // A tombstone: the alert is gone from the topic.
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
