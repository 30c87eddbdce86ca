//! Quarantined messages, and whether they would pass now.
//!
//! A quarantine entry has coordinates and a reason, never a payload: to judge it, the source message is read again from its topic
//! or file. Judging writes nothing; the command produces the messages that would pass now.
//!
//! A misrouted message is not parsed here: the right shard must decide whether its person is in the population.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use crate::config::{LimitsConfig, Visibility};
use crate::decode::decode;
use crate::model::partition::partition_of;
use crate::model::record::{Coordinates, Message, Offset, Quarantined, Reason};
use crate::model::schema::Feed;
use crate::model::sets::FeedSet;
use crate::model::time::{KnownTime, parse_instant};
use crate::source::files::{FileShard, Recorded, no_folder};
use crate::source::{Polled, ShardSource, SourceError};

/// An entry as `sink` writes it, to the topic or a file.
#[derive(Deserialize)]
struct Note {
    feed: String,
    partition: i32,
    offset: i64,
    reason: String,
    detail: String,
    known_time: String,
}

/// Parses one entry; `None` if this program did not write it.
pub fn parse(json: &[u8]) -> Option<Quarantined> {
    let note: Note = serde_json::from_slice(json).ok()?;
    Some(Quarantined {
        coordinates: Coordinates {
            feed: Feed::from_name(&note.feed)?,
            partition: note.partition,
            offset: Offset(note.offset),
        },
        reason: Reason::from_name(&note.reason)?,
        detail: note.detail,
        known_time: KnownTime(parse_instant(&note.known_time)?),
    })
}

/// The entries that the user asks for; an empty list selects all.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    pub feeds: Vec<Feed>,
    pub reasons: Vec<Reason>,
    pub places: Vec<Coordinates>,
}

impl Selection {
    pub fn takes(&self, entry: &Quarantined) -> bool {
        (self.feeds.is_empty() || self.feeds.contains(&entry.coordinates.feed))
            && (self.reasons.is_empty() || self.reasons.contains(&entry.reason))
            && (self.places.is_empty() || self.places.contains(&entry.coordinates))
    }
}

/// Keeps one entry per message, since a shard that rebuilds quarantines the same messages again: the last one, which reflects the
/// rules and limits in force then. Failures of rules on one person are kept apart.
pub fn distinct(entries: Vec<Quarantined>) -> Vec<Quarantined> {
    let mut seen = BTreeSet::new();
    let mut out: Vec<Quarantined> = entries
        .into_iter()
        .rev()
        .filter(|entry| {
            let Coordinates { feed, partition, offset } = entry.coordinates;
            let failure = (entry.reason == Reason::RuleError).then(|| (entry.known_time.0, entry.detail.clone()));
            seen.insert((feed.index(), partition, offset.0, failure))
        })
        .collect();
    out.reverse();
    out
}

/// How many entries there are of each feed and reason.
pub fn counts(entries: &[Quarantined]) -> BTreeMap<(Feed, Reason), usize> {
    let mut counts = BTreeMap::new();
    for entry in entries {
        *counts.entry((entry.coordinates.feed, entry.reason)).or_default() += 1;
    }
    counts
}

/// What would happen to a message if it were produced again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A clock message: the adapter's next one supersedes it.
    Clock,
    /// It passes, and goes to this partition.
    Good { partition: i32 },
    /// It would be quarantined again.
    StillBad(Reason, String),
    /// The message itself was good and was taken in; a rule failed on the person.
    Taken,
    /// It stays too late: that depends on the person's permits, and a new known time makes the record no earlier.
    StillTooLate,
    /// The source no longer has it.
    Gone,
}

/// The settings that decide whether a message would pass now.
#[derive(Clone, Debug)]
pub struct Judge {
    pub visibility: Visibility,
    pub limits: LimitsConfig,
    pub partitions: i32,
    /// The known time that it would get.
    pub now: KnownTime,
}

impl Judge {
    /// `message` is the message at the entry's coordinates.
    pub fn judge(&self, entry: &Quarantined, message: Option<&Message>) -> Outcome {
        match entry.reason {
            Reason::RuleError => return Outcome::Taken,
            Reason::TooLate => return Outcome::StillTooLate,
            _ => {}
        }
        let Some(message) = message else { return Outcome::Gone };
        if message.is_clock() {
            return Outcome::Clock;
        }
        let Some(key) = message.key.as_deref().filter(|key| !key.is_empty()) else {
            return Outcome::StillBad(Reason::Empty, "a value without a key".into());
        };
        // A reference record is in every partition, and was quarantined in each.
        let partition = match message.feed {
            Feed::Reference => message.partition,
            _ => partition_of(key, self.partitions),
        };
        if entry.reason == Reason::Misrouted {
            return Outcome::Good { partition };
        }
        let record = match decode(message, self.limits.max_message_bytes) {
            Ok(decoded) => decoded.record,
            Err(bad) => return Outcome::StillBad(bad.reason, bad.detail),
        };
        let latest = self.now.0.saturating_add(self.visibility.future_limit[record.table.index()]);
        for (name, time) in [("event_time", record.event_time.0), ("registered_at", record.registered_at)] {
            if time > latest {
                return Outcome::StillBad(Reason::Future, format!("{name} lies beyond the feed's limit"));
            }
        }
        Outcome::Good { partition }
    }
}

/// The messages of recorded feeds at these coordinates; in a file an offset is the line number less one.
pub fn recorded(dir: &Path, entries: &[Quarantined]) -> Result<BTreeMap<(Feed, i64), Message>, SourceError> {
    let mut wanted: BTreeMap<Feed, BTreeSet<i64>> = BTreeMap::new();
    for entry in entries {
        wanted.entry(entry.coordinates.feed).or_default().insert(entry.coordinates.offset.0);
    }
    // Without entries nothing is opened, and a directory that is not there would go unsaid.
    let ndjson = dir.join("ndjson");
    if let Some(message) = no_folder(&ndjson) {
        return Err(SourceError::File { file: ndjson.display().to_string(), message });
    }
    let mut feeds = FileShard::open(Recorded::from(dir).only(FeedSet::of(wanted.keys().copied())), 0, 1)?;
    let mut found = BTreeMap::new();
    for (feed, offsets) in wanted {
        while let Polled::Message(message) = feeds.poll(feed)? {
            if offsets.contains(&message.offset.0) {
                found.insert((feed, message.offset.0), message.keep());
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::schema::TableId;
    use crate::model::time::MICROS_PER_DAY;

    const PAYLOAD: &str = r#"{"table":"excused_months","schema_ver":1,"record_key":"m","version":1,"op":"upsert",
        "event_time":"2025-05-01","registered_at":"2025-05-01T00:00:00Z","source":"fk","purpose":"permit_control",
        "secrecy_class":1,"month":"2025-05"}"#;

    fn message(payload: &str) -> Message {
        Message {
            feed: Feed::Payments,
            partition: 0,
            offset: Offset(4),
            known_time: KnownTime(0),
            key: Some((*b"p1").into()),
            payload: Some(payload.as_bytes().into()),
            claimed_time: None,
            sent_at: None,
        }
    }

    fn entry(reason: Reason) -> Quarantined {
        let coordinates = message("").coordinates();
        Quarantined { coordinates, reason, detail: String::new(), known_time: KnownTime(0) }
    }

    fn judge(reason: Reason, payload: &str, now: &str) -> Outcome {
        let judge = Judge {
            visibility: Visibility::default(),
            limits: LimitsConfig::default(),
            partitions: 2,
            now: KnownTime(crate::model::time::parse_time(now).unwrap()),
        };
        judge.judge(&entry(reason), Some(&message(payload)))
    }

    #[test]
    fn a_note_is_read_as_it_is_written() {
        let json = br#"{"feed":"border","topic":"permitwatch.border","partition":3,"offset":17,"reason":"future","detail":"d","known_time":"2025-01-01T00:00:00.000000Z"}"#;
        let entry = parse(json).unwrap();
        assert_eq!(entry.coordinates.to_string(), "border/3/17");
        assert_eq!(entry.reason, Reason::Future);
        assert!(parse(b"{}").is_none() && parse(b"\xff").is_none());
    }

    #[test]
    fn a_message_that_was_set_aside_twice_counts_once() {
        let of = |reason, detail: &str| Quarantined { detail: detail.into(), ..entry(reason) };
        let entries = vec![
            of(Reason::Malformed, "then"),
            of(Reason::RuleError, "a: x"),
            of(Reason::RuleError, "b: x"),
            of(Reason::Future, "now"),
            of(Reason::RuleError, "a: x"),
        ];
        let details: Vec<String> = distinct(entries).into_iter().map(|entry| entry.detail).collect();
        assert_eq!(details, ["b: x", "now", "a: x"]);
    }

    #[test]
    fn the_future_has_come_or_has_not() {
        let good = Outcome::Good { partition: partition_of(b"p1", 2) };
        assert_eq!(judge(Reason::Future, PAYLOAD, "2025-05-02"), good);
        assert!(matches!(judge(Reason::Future, PAYLOAD, "2024-03-02"), Outcome::StillBad(Reason::Future, _)));
        let limit = Visibility::default().future_limit[TableId::ExcusedMonths.index()];
        assert_eq!(limit, 400 * MICROS_PER_DAY);
    }

    #[test]
    fn what_cannot_be_read_is_set_aside_again() {
        assert!(matches!(judge(Reason::Malformed, "{", "2025-05-02"), Outcome::StillBad(Reason::Malformed, _)));
    }

    #[test]
    fn a_misrouted_message_is_routed_and_not_parsed() {
        assert_eq!(judge(Reason::Misrouted, "{", "2025-05-02"), Outcome::Good { partition: partition_of(b"p1", 2) });
    }

    #[test]
    fn a_time_that_could_not_be_true_is_given_anew_and_a_clock_is_not_needed_again() {
        let good = Outcome::Good { partition: partition_of(b"p1", 2) };
        assert_eq!(judge(Reason::FutureKnownTime, PAYLOAD, "2025-05-02"), good);
        let judge = Judge {
            visibility: Visibility::default(),
            limits: LimitsConfig::default(),
            partitions: 2,
            now: KnownTime(0),
        };
        let clock = Message { key: None, payload: None, ..message("") };
        assert_eq!(judge.judge(&entry(Reason::FutureKnownTime), Some(&clock)), Outcome::Clock);
    }

    #[test]
    fn what_no_new_message_can_mend_is_left() {
        assert_eq!(judge(Reason::RuleError, PAYLOAD, "2025-05-02"), Outcome::Taken);
        assert_eq!(judge(Reason::TooLate, PAYLOAD, "2025-05-02"), Outcome::StillTooLate);
    }
}
