//! The rows that other units show to this shard's units, and the clocks of the shards that write them.

use serde::{Deserialize, Serialize};

use crate::decode::decode;
use crate::history::Inserted;
use crate::model::record::{Author, Coordinates, Fate, Lent, Offset, Op, Reason, Record};
use crate::model::sets::{FeedSet, TableSet};
use crate::model::time::KnownTime;
use crate::shard::{Change, Shard};

impl Shard {
    /// Takes link records whose receivers belong to this shard.
    pub fn take_linked(&mut self, records: &[Record]) {
        for record in records {
            let coordinates =
                Coordinates { feed: record.table.def().feed, partition: self.settings.number, offset: Offset(-1) };
            self.insert_linked(record, coordinates);
        }
    }

    fn insert_linked(&mut self, record: &Record, coordinates: Coordinates) -> Inserted {
        let (person, inserted) = self.insert_known(record);
        if inserted == Inserted::New {
            self.changes.push(Change {
                person,
                as_of: record.known_time,
                tables: TableSet::of(record.table),
                corrected: record.op != Op::Upsert,
                late: FeedSet::default(),
                sent_at: None,
                coordinates,
            });
        }
        inserted
    }

    /// Takes a message of an internal topic.
    pub(in crate::shard) fn take_internal(&mut self, message: &Lent<'_>) -> Fate {
        match message.author {
            Author::Permitwatch => {}
            // Those who run under this key say it again under it.
            Author::OtherKey => return Fate::Filtered,
            Author::Nobody => return self.refuse(message, Reason::Unsigned, "not written by permitwatch"),
        }
        let payload = message.payload.unwrap_or_default();
        if message.key.is_none() {
            return match WriterClock::read(payload) {
                Some(said) => {
                    self.advance_writer(message, &said);
                    Fate::Clock
                }
                None => self.refuse(message, Reason::Malformed, "not a writer's clock"),
            };
        }
        self.clocks.note(message.known_time);
        let decoded = match decode(message, self.settings.limits.max_message_bytes) {
            Ok(decoded) => decoded,
            Err(bad) => {
                // Only shards write here. Without this record the receiver lacks a row, and the alerts that rest on it.
                tracing::error!(at = %message.coordinates(), detail = %bad.detail, "a record that a shard has written is refused");
                return self.refuse(message, bad.reason, &format!("not a link's record: {}", bad.detail));
            }
        };
        if decoded.record.source != self.links.source {
            // Other texts made this record: the shard that runs this instance's texts publishes its own.
            return Fate::Filtered;
        }
        // The writer says since when to the microsecond, the timestamp to the millisecond; it can claim no later time.
        let known_time = KnownTime(decoded.record.registered_at.min(message.known_time.0.saturating_add(999)));
        match self.insert_linked(&Record { known_time, ..decoded.record }, message.coordinates()) {
            Inserted::New => Fate::Evaluated,
            Inserted::Duplicate => Fate::Duplicate,
        }
    }

    fn refuse(&mut self, message: &Lent<'_>, reason: Reason, detail: &str) -> Fate {
        self.set_aside(message, reason, detail.to_owned());
        Fate::Quarantined(reason)
    }

    /// Advances the clock of a feed that all shards write: to the least of the writers' clocks. A writer with other texts says nothing
    /// of the records that this shard takes.
    fn advance_writer(&mut self, message: &Lent<'_>, said: &WriterClock) {
        if said.writer != self.settings.number {
            self.links.rules_of_others.insert(said.writer, said.rules.as_str().into());
        }
        if *said.source != *self.links.source {
            return;
        }
        let feed = message.feed;
        let count = self.settings.partitions.unwrap_or(1).max(1) as usize;
        let writers = self.links.writers.entry(feed).or_insert_with(|| vec![KnownTime::MIN; count]);
        let Some(own) = usize::try_from(said.writer).ok().and_then(|writer| writers.get_mut(writer)) else { return };
        // A writer stamps the message with its clock, in milliseconds; the payload can claim no later time.
        *own = (*own).max(KnownTime(said.clock.min(message.known_time.0.saturating_add(999))));
        let least = writers.iter().copied().min().unwrap_or(KnownTime::MIN);
        if least > self.clocks.feed(feed) {
            self.clocks.advance(feed, least);
        }
    }
}

/// A clock message of an internal topic: its writer has published everything up to `clock`. It has no key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WriterClock {
    /// Number of the shard.
    pub writer: i32,
    /// Microseconds since 1970.
    pub clock: i64,
    /// The texts that made its records, as these name them.
    #[serde(default)]
    pub source: String,
    /// The rules that it runs (`Shard::rules_fingerprint`).
    #[serde(default)]
    pub rules: String,
    /// The offset that its next alert will have.
    #[serde(default)]
    pub alerts: i64,
}

impl WriterClock {
    /// `None` for a payload that is something else.
    pub fn read(payload: &[u8]) -> Option<WriterClock> {
        serde_json::from_slice(payload).ok()
    }

    pub fn payload(&self) -> Vec<u8> {
        // Numbers and texts always serialize.
        serde_json::to_vec(self).unwrap_or_default()
    }
}
