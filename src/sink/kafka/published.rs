//! What a shard's partition of the alerts topic, or of that of rules on trial, says: the ground truth for a start or a recovery.
//!
//! Only messages that are signed by permitwatch, in that place, count. Somebody else's word under an alert's id is what the topic's
//! readers see until the shard says its own again (`again`); an id that is none of the shard's is removed (`foreign`).

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use rdkafka::message::{BorrowedMessage, Message as _};

use super::headers;
use super::whole::{read_last, read_whole};
use crate::config::KafkaConfig;
use crate::kafka::{self, Patience};
use crate::model::alert::{Alert, AlertId};
use crate::model::record::{Author, NextOffset};
use crate::model::stage::Outlet;
use crate::model::time::WallTime;
use crate::pseudonyms::{MAX_SEQUENCE, Pseudonyms, PublishedAlert, WithheldAlert};
use crate::sink::{ReadUpTo, RunHeaders, SinkError};

/// The last transition of every alert of a shard.
#[derive(Debug)]
pub struct Published {
    /// Of each alert the transition with the highest sequence; of equal ones the last. Ended alerts are included, since their
    /// sequences continue.
    pub alerts: BTreeMap<AlertId, Alert>,
    /// Alerts whose last word on the topic is not the shard's, or was said under an older key.
    pub again: BTreeSet<AlertId>,
    /// Alerts that stand under an older key, and its id.
    pub older: BTreeMap<AlertId, String>,
    /// By published id: the sequence at which an alert was withdrawn without a word, of which the topic says nothing else any more.
    pub floors: BTreeMap<AlertId, u64>,
    /// Published ids under which somebody else has written, and the shard has not.
    pub foreign: Vec<AlertId>,
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
    /// Messages that permitwatch has not signed, with a key that is known here.
    pub unsigned: u64,
    /// Messages that it has signed and that are no alerts.
    pub unreadable: u64,
    /// By published id: the last message's author.
    last: BTreeMap<AlertId, Last>,
}

#[derive(Debug)]
enum Last {
    /// The shard.
    Own { stands: bool },
    /// Somebody else, with this sequence. It may be left if it says that an alert under a former key has ended.
    Other { sequence: u64, may_stay: bool },
    /// A tombstone.
    Removed,
}

/// Reads partition `shard` of the alerts topic from its beginning to the end that it has when reading starts.
pub fn read_published(config: &KafkaConfig, pseudonyms: &Pseudonyms, shard: i32) -> Result<Published, SinkError> {
    read_published_of(Outlet::Officers, config, pseudonyms, shard)
}

/// The same of the topic of an outlet.
pub fn read_published_of(
    outlet: Outlet,
    config: &KafkaConfig,
    pseudonyms: &Pseudonyms,
    shard: i32,
) -> Result<Published, SinkError> {
    read_published_with(outlet, config, pseudonyms, shard, Patience::Brief)
}

/// The same for who is as patient with brokers that are away as `patience` says. A topic of rules on trial that is not there has nothing.
pub(crate) fn read_published_with(
    outlet: Outlet,
    config: &KafkaConfig,
    pseudonyms: &Pseudonyms,
    shard: i32,
    patience: Patience<'_>,
) -> Result<Published, SinkError> {
    let mut published = Published {
        alerts: BTreeMap::new(),
        again: BTreeSet::new(),
        older: BTreeMap::new(),
        floors: BTreeMap::new(),
        foreign: Vec::new(),
        headers: None,
        read: None,
        read_at: WallTime(i64::MIN),
        first: NextOffset::default(),
        next: NextOffset::default(),
        messages: 0,
        unsigned: 0,
        unreadable: 0,
        last: BTreeMap::new(),
    };
    if outlet == Outlet::Shadow && kafka::has_no_trial_topic(config) {
        return Ok(published);
    }
    let each = |message: &BorrowedMessage<'_>| published.take(message, pseudonyms);
    let (low, high) = read_whole(config, &config.topic_of(outlet), shard, patience, each)?;
    (published.first, published.next) = (NextOffset(low), NextOffset(high));
    published.tell_last(pseudonyms);
    Ok(published)
}

/// How far the shard had read when it last published, and when that was, by the last messages of its partition of the alerts topic;
/// `None` if none of these says so. Without a key whoever wrote them is believed.
pub fn last_read(
    config: &KafkaConfig,
    pseudonyms: Option<&Pseudonyms>,
    shard: i32,
) -> Result<Option<(ReadUpTo, WallTime)>, SinkError> {
    let mut read = None;
    let each = |message: &BorrowedMessage<'_>| {
        if pseudonyms.is_none_or(|pseudonyms| headers::signer(pseudonyms, message, None).is_ok()) {
            read = read_at(message).or(read);
        }
    };
    read_last(config, &config.alerts_topic(), shard, LAST_OFFSETS, Patience::Brief, each)?;
    Ok(read)
}

/// Every alert says how far its writer had read; others may have written a few messages behind it.
const LAST_OFFSETS: i64 = 400;

fn read_at(message: &BorrowedMessage<'_>) -> Option<(ReadUpTo, WallTime)> {
    Some((headers::read_up_to(message)?, headers::published_at(message)))
}

impl Published {
    fn take(&mut self, message: &BorrowedMessage<'_>, pseudonyms: &Pseudonyms) {
        self.messages += 1;
        let key = message.key().and_then(|key| AlertId::from_hex(std::str::from_utf8(key).ok()?));
        let published = || serde_json::from_slice::<PublishedAlert>(message.payload()?).ok();
        if let Err(author) = headers::signer(pseudonyms, message, None) {
            let last = match message.payload() {
                None => Last::Removed,
                Some(_) => {
                    let alert = published();
                    let has_ended = alert.as_ref().is_some_and(|alert| !alert.status().stands());
                    let may_stay = author == Author::OtherKey && has_ended;
                    Last::Other { sequence: alert.map_or(0, |alert| alert.sequence()), may_stay }
                }
            };
            self.unsigned += u64::from(author == Author::Nobody && !matches!(last, Last::Removed));
            self.last.extend(key.map(|id| (id, last)));
            return;
        }
        // A message of ours that somebody has written once more is older than what was read.
        if let Some((read, at)) = read_at(message).filter(|(_, at)| *at >= self.read_at) {
            (self.read, self.read_at) = (Some(read), at);
            self.headers = headers::read(message).or(self.headers.take());
        }
        if message.payload().is_none() {
            self.last.extend(key.map(|id| (id, Last::Removed)));
            return;
        }
        let alert = published().and_then(|alert| {
            let alert = pseudonyms.reidentify(alert)?;
            Some((key?, AlertId::from_hex(&alert.alert_id)?, alert))
        });
        let Some((id, own, alert)) = alert else {
            // The end of an alert under a key that has been taken away since.
            match published().filter(|alert| !alert.status().stands()) {
                Some(_) => self.last.extend(key.map(|id| (id, Last::Own { stands: false }))),
                None => self.take_withheld(key, message.payload().unwrap_or_default()),
            }
            return;
        };
        let stands = alert.status.stands();
        let last = match self.alerts.entry(own) {
            Entry::Vacant(entry) => {
                entry.insert(alert);
                Last::Own { stands }
            }
            Entry::Occupied(mut entry) if alert.sequence >= entry.get().sequence => {
                entry.insert(alert);
                Last::Own { stands }
            }
            Entry::Occupied(entry) => Last::Other { sequence: entry.get().sequence, may_stay: false },
        };
        self.last.insert(id, last);
    }

    /// A message that says of an alert only that it is withdrawn, or one that cannot be read.
    fn take_withheld(&mut self, id: Option<AlertId>, payload: &[u8]) {
        let withheld = serde_json::from_slice::<WithheldAlert>(payload).ok();
        let of = |withheld: &WithheldAlert| AlertId::from_hex(&withheld.alert_id).filter(|own| Some(*own) == id);
        let Some((id, withheld)) = withheld.and_then(|withheld| Some((of(&withheld)?, withheld))) else {
            self.unreadable += 1;
            return;
        };
        let floor = self.floors.entry(id).or_insert(0);
        *floor = withheld.sequence.min(MAX_SEQUENCE).max(*floor);
        self.last.insert(id, Last::Own { stands: false });
    }

    /// Finds out what is to be said again.
    fn tell_last(&mut self, pseudonyms: &Pseudonyms) {
        for (own, alert) in &mut self.alerts {
            for (key_id, id) in pseudonyms.alert_ids(*own) {
                if let Some(sequence) = self.floors.remove(&id).filter(|sequence| *sequence >= alert.sequence) {
                    *alert = Alert { sequence, ..alert.clone().withheld() };
                }
                let is_older = key_id != pseudonyms.key_id();
                match self.last.remove(&id) {
                    Some(Last::Own { stands: true }) if is_older => {
                        self.older.insert(*own, key_id.to_owned());
                        self.again.insert(*own);
                    }
                    Some(Last::Other { sequence, .. }) => {
                        // The next word is to count for whoever has read theirs.
                        alert.sequence = alert.sequence.max(sequence.min(MAX_SEQUENCE / 2));
                        self.again.insert(*own);
                    }
                    Some(Last::Removed) if alert.status.stands() => {
                        self.again.insert(*own);
                    }
                    _ => {}
                }
            }
        }
        let others = std::mem::take(&mut self.last).into_iter();
        self.foreign
            .extend(others.filter(|(_, last)| matches!(last, Last::Other { may_stay: false, .. })).map(|(id, _)| id));
    }
}
