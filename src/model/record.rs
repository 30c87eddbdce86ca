//! The data that flows: a message as it was read, and the record that it decodes to.

pub mod reference;
pub mod rows;

use std::cmp::Ordering;
use std::fmt;

use crate::model::schema::{ENVELOPE, Feed, TableId};
use crate::model::time::{EventTime, KnownTime, WallTime};

/// Position of the last message read in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offset(pub i64);

/// Position to seek to: one past the last message read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct NextOffset(pub i64);

impl Offset {
    pub fn next(self) -> NextOffset {
        NextOffset(self.0 + 1)
    }
}

/// One message of a feed, not yet parsed, that owns its bytes (see [`Lent`]).
#[derive(Clone, Debug)]
pub struct Message {
    pub feed: Feed,
    pub partition: i32,
    pub offset: Offset,
    pub known_time: KnownTime,
    /// See [`Lent::claimed_time`].
    pub claimed_time: Option<KnownTime>,
    pub key: Option<Box<[u8]>>,
    pub payload: Option<Box<[u8]>>,
    pub sent_at: Option<WallTime>,
}

/// A message as its source lends it: key and payload stay in the source's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Lent<'a> {
    pub feed: Feed,
    pub partition: i32,
    pub offset: Offset,
    /// The broker's timestamp, made non-decreasing within the partition by the source.
    pub known_time: KnownTime,
    /// The message's timestamp, if it cannot be true (see [`crate::source::known`]). `known_time` is then that of the message
    /// before it; the message is quarantined and moves no clock.
    pub claimed_time: Option<KnownTime>,
    pub key: Option<&'a [u8]>,
    pub payload: Option<&'a [u8]>,
    /// Who wrote it, if it comes from a topic of permitwatch's own.
    pub author: Author,
    /// When the sender produced it, if the sender says so; measures latency, decides nothing.
    pub sent: Sent<'a>,
}

/// Who wrote a message of one of permitwatch's own topics, by its signature. A register's feed has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    Permitwatch,
    /// Whoever has a key of an id that is not configured: permitwatch under a former key, perhaps.
    OtherKey,
    Nobody,
}

/// When a message was sent, or where to ask for that. Asking costs more than filtering a message by its key, so it is done only for
/// messages that are not filtered.
#[derive(Clone, Copy)]
pub enum Sent<'a> {
    At(Option<WallTime>),
    Ask(&'a dyn SentAt),
}

/// A message that can tell when it was sent.
pub trait SentAt {
    fn sent_at(&self) -> Option<WallTime>;
}

impl fmt::Debug for Sent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sent::At(at) => write!(f, "{at:?}"),
            Sent::Ask(_) => f.write_str("not asked"),
        }
    }
}

impl Lent<'_> {
    /// Whether it has neither key nor value: its adapter has written everything known up to `known_time`.
    pub fn is_clock(&self) -> bool {
        self.key.is_none() && self.payload.is_none()
    }

    pub fn coordinates(&self) -> Coordinates {
        Coordinates { feed: self.feed, partition: self.partition, offset: self.offset }
    }

    /// A copy that owns its bytes.
    pub fn keep(&self) -> Message {
        Message {
            feed: self.feed,
            partition: self.partition,
            offset: self.offset,
            known_time: self.known_time,
            claimed_time: self.claimed_time,
            key: self.key.map(Into::into),
            payload: self.payload.map(Into::into),
            sent_at: self.sent_at(),
        }
    }

    pub fn sent_at(&self) -> Option<WallTime> {
        match self.sent {
            Sent::At(at) => at,
            Sent::Ask(message) => message.sent_at(),
        }
    }
}

impl<'a> From<&'a Message> for Lent<'a> {
    fn from(message: &'a Message) -> Lent<'a> {
        Lent {
            feed: message.feed,
            partition: message.partition,
            offset: message.offset,
            known_time: message.known_time,
            claimed_time: message.claimed_time,
            key: message.key.as_deref(),
            payload: message.payload.as_deref(),
            author: Author::Permitwatch,
            sent: Sent::At(message.sent_at),
        }
    }
}

impl<'a> From<&Lent<'a>> for Lent<'a> {
    fn from(message: &Lent<'a>) -> Lent<'a> {
        *message
    }
}

impl Message {
    /// Whether it has neither key nor value: its adapter has written everything known up to `known_time`.
    pub fn is_clock(&self) -> bool {
        self.key.is_none() && self.payload.is_none()
    }

    pub fn coordinates(&self) -> Coordinates {
        Coordinates { feed: self.feed, partition: self.partition, offset: self.offset }
    }
}

/// Where a message is, for logs and quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coordinates {
    pub feed: Feed,
    pub partition: i32,
    pub offset: Offset,
}

impl fmt::Display for Coordinates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.feed.name(), self.partition, self.offset.0)
    }
}

/// What a record does to the earlier versions of its `record_key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Upsert,
    /// The source corrects its own error.
    Correct,
    /// The fact was never true.
    Retract,
}

impl Op {
    /// Every operation, in the order of its number.
    pub const ALL: [Op; 3] = [Op::Upsert, Op::Correct, Op::Retract];

    pub const fn name(self) -> &'static str {
        match self {
            Op::Upsert => "upsert",
            Op::Correct => "correct",
            Op::Retract => "retract",
        }
    }

    pub fn from_name(name: &str) -> Option<Op> {
        [Op::Upsert, Op::Correct, Op::Retract].into_iter().find(|op| op.name() == name)
    }
}

/// A typed value of a column; its kind follows from the column's type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    Null,
    Bool(bool),
    /// Int, Sek
    Int(i64),
    /// Date, Month: days since 1970-01-01
    Day(i32),
    /// Timestamp: microseconds UTC
    Instant(i64),
    Text(Box<str>),
    List(Box<[Box<str>]>),
}

/// One decoded record: the envelope and one value per column of its table, in the table's order.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub table: TableId,
    /// Subject id; for a reference record the key of the message.
    pub subject: Box<str>,
    pub record_key: Box<str>,
    pub version: i64,
    pub op: Op,
    pub event_time: EventTime,
    pub registered_at: i64,
    pub known_time: KnownTime,
    pub schema_ver: i64,
    pub source: Box<str>,
    pub purpose: Box<str>,
    pub secrecy_class: i64,
    /// Empty if the record retracts without values.
    pub values: Vec<Value>,
}

impl Record {
    /// Compares the contents of two records of one version, without their known times. Of such copies the greatest counts,
    /// whichever came first: the one registered last and, if that is equal, by envelope and columns in the order below.
    /// `queries/tables.sql` has the same order. Null is least; a retraction without values has nulls.
    pub fn cmp_content(&self, other: &Record) -> Ordering {
        let registered = |record: &Record| (record.registered_at, record.event_time, record.op.name());
        let value = |record: &Record, at: usize| record.values.get(at).cloned().unwrap_or(Value::Null);
        registered(self)
            .cmp(&registered(other))
            .then_with(|| self.source.cmp(&other.source))
            .then_with(|| self.purpose.cmp(&other.purpose))
            .then_with(|| (self.secrecy_class, self.schema_ver).cmp(&(other.secrecy_class, other.schema_ver)))
            .then_with(|| {
                let columns = 0..self.table.def().columns.len();
                columns.clone().map(|at| value(self, at)).cmp(columns.map(|at| value(other, at)))
            })
    }
}

/// Why a message was quarantined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// Not JSON, or not an object.
    Malformed,
    /// A member has the wrong JSON type, or a required one is missing.
    WrongType,
    /// A key without a value, or a value without a key.
    Empty,
    /// Larger than the configured limit.
    Oversized,
    /// `op` is none of upsert, correct, retract.
    UnknownOp,
    /// `table` is none of the feed's.
    UnknownTable,
    /// `schema_ver` is one that this version cannot read.
    UnknownSchema,
    /// A date that does not exist or is outside 1900-2199.
    ImpossibleDate,
    /// A personal, coordination or organisation number with a wrong checksum.
    BadNumber,
    /// `event_time` or `registered_at` too far beyond the known time.
    Future,
    /// Its timestamp is further ahead of the wall clock than clocks differ.
    FutureKnownTime,
    /// Older than the kept history.
    TooLate,
    /// In a partition that its key does not belong to.
    Misrouted,
    /// On a topic of permitwatch's own, without its signature, or with that of a key that is not configured.
    Unsigned,
    /// A rule failed on this person; the message itself is good.
    RuleError,
}

impl Reason {
    pub const ALL: [Reason; 15] = [
        Reason::Malformed,
        Reason::WrongType,
        Reason::Empty,
        Reason::Oversized,
        Reason::UnknownOp,
        Reason::UnknownTable,
        Reason::UnknownSchema,
        Reason::ImpossibleDate,
        Reason::BadNumber,
        Reason::Future,
        Reason::FutureKnownTime,
        Reason::TooLate,
        Reason::Misrouted,
        Reason::Unsigned,
        Reason::RuleError,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Reason::Malformed => "malformed",
            Reason::WrongType => "wrong_type",
            Reason::Empty => "empty",
            Reason::Oversized => "oversized",
            Reason::UnknownOp => "unknown_op",
            Reason::UnknownTable => "unknown_table",
            Reason::UnknownSchema => "unknown_schema",
            Reason::ImpossibleDate => "impossible_date",
            Reason::BadNumber => "bad_number",
            Reason::Future => "future",
            Reason::FutureKnownTime => "future_known_time",
            Reason::TooLate => "too_late",
            Reason::Unsigned => "unsigned",
            Reason::Misrouted => "misrouted",
            Reason::RuleError => "rule_error",
        }
    }

    pub fn from_name(name: &str) -> Option<Reason> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// How a message ended. Every message has exactly one fate, and the counters add up to the messages read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// In the population and evaluated (or a reference record that was taken in).
    Evaluated,
    /// About somebody whom no permit concerns; never parsed.
    Filtered,
    /// This version of this record, with the same content, is known already.
    Duplicate,
    Quarantined(Reason),
    /// A clock message.
    Clock,
}

/// Counts of fates per feed, added up per batch and passed to telemetry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fates {
    pub evaluated: [u64; Feed::COUNT],
    pub filtered: [u64; Feed::COUNT],
    pub duplicate: [u64; Feed::COUNT],
    pub clock: [u64; Feed::COUNT],
    pub quarantined: [[u64; Reason::ALL.len()]; Feed::COUNT],
    /// JSON members that match no column of the table.
    pub unknown_fields: [u64; Feed::COUNT],
}

impl Fates {
    pub fn count(&mut self, feed: Feed, fate: Fate) {
        let feed = feed.index();
        match fate {
            Fate::Evaluated => self.evaluated[feed] += 1,
            Fate::Filtered => self.filtered[feed] += 1,
            Fate::Duplicate => self.duplicate[feed] += 1,
            Fate::Clock => self.clock[feed] += 1,
            Fate::Quarantined(reason) => self.quarantined[feed][reason as usize] += 1,
        }
    }

    pub fn add(&mut self, other: &Fates) {
        for feed in 0..Feed::COUNT {
            self.evaluated[feed] += other.evaluated[feed];
            self.filtered[feed] += other.filtered[feed];
            self.duplicate[feed] += other.duplicate[feed];
            self.clock[feed] += other.clock[feed];
            self.unknown_fields[feed] += other.unknown_fields[feed];
            for reason in 0..Reason::ALL.len() {
                self.quarantined[feed][reason] += other.quarantined[feed][reason];
            }
        }
    }

    /// Number of messages that have a fate.
    pub fn total(&self) -> u64 {
        (0..Feed::COUNT).map(|feed| self.total_of(feed)).sum()
    }

    /// Number of register messages that have a fate; without permitwatch's own.
    pub fn sources_total(&self) -> u64 {
        Feed::SOURCES.into_iter().map(|feed| self.total_of(feed.index())).sum()
    }

    pub fn total_of(&self, feed: usize) -> u64 {
        self.evaluated[feed]
            + self.filtered[feed]
            + self.duplicate[feed]
            + self.clock[feed]
            + self.quarantined[feed].iter().sum::<u64>()
    }

    pub fn quarantined_total(&self) -> u64 {
        self.quarantined.iter().flatten().sum()
    }
}

/// A quarantined message: where it is and why, never its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    pub coordinates: Coordinates,
    pub reason: Reason,
    /// Names the member, rule or limit; no values of the payload.
    pub detail: String,
    pub known_time: KnownTime,
}

impl Quarantined {
    /// The member that the message was quarantined for, if the detail names one; a failed rule is not a member.
    pub fn member(&self) -> Option<&'static str> {
        if self.reason == Reason::RuleError {
            return None;
        }
        if self.detail.starts_with("the message key") {
            return Some("key");
        }
        let word = self.detail.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
        let columns = TableId::ALL.into_iter().flat_map(|table| table.def().columns);
        let mut names = ENVELOPE.iter().chain(columns).map(|column| column.name).chain(["table"]);
        names.find(|name| *name == word)
    }
}

#[cfg(test)]
impl Record {
    /// The first version of a record without content, for tests to fill in.
    pub fn blank(table: TableId, subject: &str, record_key: &str) -> Record {
        Record {
            table,
            subject: subject.into(),
            record_key: record_key.into(),
            version: 1,
            op: Op::Upsert,
            event_time: EventTime(0),
            registered_at: 0,
            known_time: KnownTime(1),
            schema_ver: 1,
            source: "mv".into(),
            purpose: "permit_control".into(),
            secrecy_class: 0,
            values: vec![Value::Null; table.def().columns.len()],
        }
    }
}
