//! What this shard's units show to others, and what they are shown.
//!
//! When records change, the links that read them are evaluated for the units concerned and compared with what those showed
//! before; the differences go out as records of the link's table, keyed by the receiver. A row's version is how much was
//! known about the showing unit, which rises with every record, and greater than that of what was said of the row before.
//!
//! In strict order the driver carries the records over at once (see `replay`), in live order the internal topics do. What these
//! say already a shard reads at its start (`said`).

mod said;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher};

use rustc_hash::{FxBuildHasher, FxHashMap};
use serde::{Deserialize, Serialize};

use crate::clock::FeedSet;
use crate::decode::decode;
use crate::encode::encode;
use crate::history::{Inserted, PersonNo};
use crate::record::{Coordinates, Fate, Lent, Offset, Op, Reason, Record, Value};
use crate::rules::links::LinkedRow;
use crate::rules::{Evaluation, TableSet};
use crate::schema::Feed;
use crate::shard::evaluate::{Job, Place};
use crate::shard::{Change, Shard};
use crate::time::{EventTime, KnownTime};
use crate::units::Unit;

pub use said::Said;

/// A row that a unit shows, as it was last said.
#[derive(Debug)]
pub(super) struct Shown {
    link: u8,
    to: Box<str>,
    record_key: Box<str>,
    content: u64,
    version: i64,
    /// Kept as long as nothing is said.
    values: Option<Box<[Value]>>,
}

/// A record of a link, and the unit that shows it.
#[derive(Clone, Debug)]
pub struct ShownRecord {
    pub unit: Box<str>,
    pub record: Record,
}

/// What a link's record says of its source, with the fingerprint of the texts that made it.
pub const LINK_SOURCE: &str = "permitwatch";

impl Shard {
    /// Evaluates the links of one feed for what changed, except those that read what rules found.
    pub fn link(&mut self, feed: Feed) {
        for at in 0..self.rules.links().len() {
            let link = &self.rules.links()[at];
            if link.is_late() || link.table.def().feed != feed {
                continue;
            }
            let jobs = self.showing(link.tables, link.needs);
            let all: Vec<usize> = (0..jobs.len()).collect();
            for chunk in self.chunks(&jobs, &all) {
                let units: Vec<Unit> = chunk.iter().map(|job| jobs[*job].unit).collect();
                self.evaluate_link(at, &units);
            }
        }
    }

    /// Units that a change in `tables` concerns and that have rows in `needs`, by as_of.
    fn showing(&self, tables: TableSet, needs: crate::schema::TableId) -> Vec<Job> {
        let changes = self.changes.iter().filter(|change| change.tables.meets(tables));
        let changes = changes.filter(|change| self.history.person(change.person).has(needs));
        let mut as_of: BTreeMap<(i64, PersonNo), i64> = BTreeMap::new();
        for change in changes {
            let latest = as_of.entry((self.together(change, &[]), change.person)).or_insert(self.settled);
            *latest = change.as_of.max(*latest);
        }
        let mut units: Vec<Unit> = as_of.into_iter().map(|((_, person), as_of)| Unit { person, as_of }).collect();
        units.sort_unstable_by_key(|unit| (unit.as_of, unit.person));
        units.into_iter().map(Job::new).collect()
    }

    fn evaluate_link(&mut self, at: usize, units: &[Unit]) {
        match self.rules.evaluate_link(&self.history, units, at) {
            Ok(rows) => self.show_all(at, units, &rows, &[]),
            Err(message) if units.len() == 1 => {
                let name = self.rules.links()[at].table.name();
                self.note_failure(&Job::new(units[0]), name, &message);
            }
            Err(_) => {
                for unit in units {
                    self.evaluate_link(at, &[*unit]);
                }
            }
        }
    }

    /// A link shows somebody what rules found about a person, of which `tables` may bear on it.
    pub(super) fn shows_found(&self, person: PersonNo, tables: TableSet) -> bool {
        let has = |table| self.history.person(person).has(table);
        self.rules.links().iter().any(|link| link.is_late() && link.tables.meets(tables) && has(link.needs))
    }

    /// Says what links show of what rules found. Rows may wait for the instant from which they are shown: like the detector, each job
    /// walks through what lies between it and the person's next one, or `until`; what lies beyond has a timer of its rule.
    pub(super) fn show_found(&mut self, jobs: &[Job], found: &mut [Evaluation], places: &[Option<Place>], until: i64) {
        let mut next: FxHashMap<PersonNo, i64> = FxHashMap::default();
        let mut ends = vec![until; jobs.len()];
        // Where nothing could be worked out, what was known before goes on.
        let is_known = |place: &Place| !found[place.0].unlinked.contains(&place.1);
        for (at, job) in jobs.iter().enumerate().rev() {
            if job.links && places[at].as_ref().is_some_and(is_known) {
                ends[at] = next.insert(job.unit.person, job.at).map_or(until, |next| next - 1);
            }
        }
        for link in 0..self.rules.links().len() {
            let from = self.rules.links()[link].from;
            if !self.rules.links()[link].is_late() {
                continue;
            }
            for ((job, place), end) in jobs.iter().zip(places).zip(&ends) {
                let Some((evaluation, unit)) = place.filter(|_| job.links) else { continue };
                let evaluation = &found[evaluation];
                let rows = evaluation.linked.iter().find(|(at, _)| *at == link);
                let Some((_, rows)) = rows.filter(|_| !evaluation.unlinked.contains(&unit)) else { continue };
                let first = rows.partition_point(|row| row.unit < unit);
                let last = rows.partition_point(|row| row.unit <= unit);
                self.walk(link, job, &rows[first..last], from, *end);
            }
        }
        for evaluation in found {
            evaluation.linked.clear();
        }
        // A person's instants lie between the records of others.
        self.outgoing.sort_by_key(|shown| shown.record.known_time);
    }

    /// Shows a job's rows, and each that waits when its instant has come.
    fn walk(&mut self, link: usize, job: &Job, rows: &[LinkedRow], from: Option<usize>, end: i64) {
        let Some(from) = from else { return self.show(link, job.unit, rows) };
        let mut instants: Vec<i64> =
            rows.iter().filter_map(|row| row.instant(from)).filter(|at| *at > job.at && *at <= end).collect();
        instants.sort_unstable();
        instants.dedup();
        for at in std::iter::once(job.at).chain(instants) {
            let reached: Vec<LinkedRow> =
                rows.iter().filter(|row| row.instant(from).is_some_and(|from| from <= at)).cloned().collect();
            self.show(link, Unit { person: job.unit.person, as_of: at }, &reached);
        }
    }

    /// Takes a link's rows for units that stand in the order of their as_of. What a unit in `except` showed stays.
    pub(super) fn show_all(&mut self, link: usize, units: &[Unit], rows: &[LinkedRow], except: &[u32]) {
        for (number, unit) in units.iter().enumerate() {
            let number = number as u32;
            if except.contains(&number) {
                continue;
            }
            let from = rows.partition_point(|row| row.unit < number);
            let to = rows.partition_point(|row| row.unit <= number);
            self.show(link, *unit, &rows[from..to]);
        }
    }

    /// Says what differs from what the unit showed before.
    pub(super) fn show(&mut self, link: usize, unit: Unit, rows: &[LinkedRow]) {
        if rows.is_empty() && !self.shown.contains_key(&unit.person) {
            return;
        }
        let mut knowledge = None;
        let shown = self.shown.remove(&unit.person).unwrap_or_default();
        let is_row = |old: &Shown, new: &LinkedRow| {
            old.link as usize == link && *old.to == *new.to && *old.record_key == *new.record_key
        };
        let (mut kept, gone): (Vec<Shown>, Vec<Shown>) =
            shown.into_iter().partition(|old| old.link as usize != link || rows.iter().any(|new| is_row(old, new)));
        for row in rows {
            let content = content(&row.values);
            let known = kept.iter().position(|old| is_row(old, row));
            if known.is_some_and(|at| kept[at].content == content) {
                continue;
            }
            let before = known.map(|at| kept.swap_remove(at).version);
            let mut new = Shown {
                link: link as u8,
                to: row.to.as_str().into(),
                record_key: row.record_key.as_str().into(),
                content,
                version: 0,
                values: None,
            };
            self.say(unit, &mut knowledge, &mut new, before, Some(&row.values));
            kept.push(new);
        }
        for mut row in gone {
            let before = Some(row.version);
            self.say(unit, &mut knowledge, &mut row, before, None);
        }
        if !kept.is_empty() {
            self.shown.insert(unit.person, kept);
        }
    }

    /// Says a row of a unit, or without `values` that it is gone.
    fn say(
        &mut self,
        unit: Unit,
        knowledge: &mut Option<i64>,
        row: &mut Shown,
        before: Option<i64>,
        values: Option<&[Value]>,
    ) {
        if self.said.is_some() {
            row.values = values.map(Into::into);
            return;
        }
        let known = *knowledge.get_or_insert_with(|| self.history.knowledge(unit.person, unit.as_of));
        let subject = self.history.person(unit.person).subject.clone();
        self.say_of(subject, (unit.as_of, known), row, before, values);
    }

    /// Says it as of a time at which so much was known of the unit, with a version above `before`, that of what was said of the row
    /// before.
    fn say_of(
        &mut self,
        unit: Box<str>,
        (as_of, knowledge): (i64, i64),
        row: &mut Shown,
        before: Option<i64>,
        values: Option<&[Value]>,
    ) {
        let name = name_of(&unit, row.link, &row.to, &row.record_key);
        let before = before.or_else(|| self.gone.get(&name).copied());
        row.version = before.map_or(knowledge, |before| knowledge.max(before.saturating_add(1)));
        match values {
            Some(_) => self.gone.remove(&name),
            None => self.gone.insert(name, row.version),
        };
        let record = Record {
            table: self.rules.links()[row.link as usize].table,
            subject: row.to.clone(),
            record_key: row.record_key.clone(),
            version: row.version,
            op: if values.is_some() { Op::Upsert } else { Op::Retract },
            event_time: EventTime(as_of),
            registered_at: as_of,
            known_time: KnownTime(as_of),
            schema_ver: crate::decode::SCHEMA_VERSION,
            source: self.link_source.clone(),
            purpose: "permit_control".into(),
            secrecy_class: 0,
            values: values.unwrap_or_default().to_vec(),
        };
        self.outgoing.push(ShownRecord { unit, record });
    }

    /// What the units of this shard have to say to others since this was last asked.
    pub fn take_shown(&mut self) -> Vec<ShownRecord> {
        std::mem::take(&mut self.outgoing)
    }

    /// The same without who says it.
    pub fn take_outgoing(&mut self) -> Vec<Record> {
        self.take_shown().into_iter().map(|shown| shown.record).collect()
    }

    /// Takes records of links whose receivers belong to this shard.
    pub fn take_linked(&mut self, records: &[Record]) {
        for record in records {
            let coordinates =
                Coordinates { feed: record.table.def().feed, partition: self.settings.number, offset: Offset(-1) };
            self.insert_linked(record, coordinates);
        }
    }

    pub(super) fn insert_linked(&mut self, record: &Record, coordinates: Coordinates) -> Inserted {
        let (person, inserted) = self.history.insert(record);
        if inserted == Inserted::New {
            self.changes.push(Change {
                person,
                as_of: record.known_time.0,
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
    pub(super) fn take_internal(&mut self, message: &Lent<'_>) -> Fate {
        let payload = message.payload.unwrap_or_default();
        if message.key.is_none() {
            return match serde_json::from_slice::<WriterClock>(payload) {
                Ok(said) => {
                    self.advance_writer(message, &said);
                    Fate::Clock
                }
                Err(_) => self.refuse(message, Reason::Malformed, "not a writer's clock"),
            };
        }
        self.clocks.note(message.known_time);
        let decoded = match decode(message, self.settings.limits.max_message_bytes) {
            Ok(decoded) => decoded,
            Err(bad) => {
                // Shards alone write here: whoever was to be shown it would lack it, and alerts that rest on it.
                tracing::error!(at = %message.coordinates(), detail = %bad.detail, "a record that a shard has written is refused");
                return self.refuse(message, bad.reason, &format!("not a link's record: {}", bad.detail));
            }
        };
        if decoded.record.source != self.link_source {
            // Made by other texts: whoever runs these will say it again.
            return Fate::Filtered;
        }
        match self.insert_linked(&decoded.record, message.coordinates()) {
            Inserted::New => Fate::Evaluated,
            Inserted::Duplicate => Fate::Duplicate,
        }
    }

    fn refuse(&mut self, message: &Lent<'_>, reason: Reason, detail: &str) -> Fate {
        self.set_aside(message, reason, detail.to_owned());
        Fate::Quarantined(reason)
    }

    /// A feed that all shards write has spoken up to where the least of them has.
    fn advance_writer(&mut self, message: &Lent<'_>, said: &WriterClock) {
        let feed = message.feed;
        let count = self.settings.partitions.unwrap_or(1).max(1) as usize;
        let writers = self.writers.entry(feed).or_insert_with(|| vec![KnownTime::MIN; count]);
        let Some(own) = usize::try_from(said.writer).ok().and_then(|writer| writers.get_mut(writer)) else { return };
        // A writer stamps the message with its clock, in milliseconds; it can say no more than that.
        *own = (*own).max(KnownTime(said.clock.min(message.known_time.0.saturating_add(999))));
        let least = writers.iter().copied().min().unwrap_or(KnownTime::MIN);
        if least > self.clocks.feed(feed) {
            self.clocks.advance(feed, least);
        }
    }

    /// Whether some of its rules read what other units show.
    pub fn has_links(&self) -> bool {
        !self.rules.links().is_empty()
    }

    /// The time up to which this shard has said all that links of `feed` show.
    pub fn link_clock(&self, feed: Feed) -> KnownTime {
        let links = self.rules.links().iter().filter(|link| link.table.def().feed == feed);
        let feeds = links.fold(FeedSet::default(), |feeds, link| feeds.union(link.feeds));
        self.clocks.least(feeds)
    }
}

/// What a clock message of an internal topic says: its writer has said everything up to then. It has no key.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WriterClock {
    writer: i32,
    /// Microseconds since 1970.
    clock: i64,
}

/// A link's record as the internal topics carry it; its key is the receiver.
pub fn link_payload(record: &Record) -> Vec<u8> {
    encode(record)
}

/// A writer's clock message as the internal topics carry it.
pub fn clock_payload(writer: i32, clock: KnownTime) -> Vec<u8> {
    // Two numbers have no reason not to become JSON.
    serde_json::to_vec(&WriterClock { writer, clock: clock.0 }).unwrap_or_default()
}

/// Stands for a row of a unit.
fn name_of(unit: &str, link: u8, to: &str, record_key: &str) -> u64 {
    FxBuildHasher.hash_one((unit, link, to, record_key))
}

fn content(values: &[Value]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for value in values {
        std::mem::discriminant(value).hash(&mut hasher);
        match value {
            Value::Null => {}
            Value::Bool(flag) => flag.hash(&mut hasher),
            Value::Int(number) | Value::Instant(number) => number.hash(&mut hasher),
            Value::Day(day) => day.hash(&mut hasher),
            Value::Text(text) => text.hash(&mut hasher),
            Value::List(items) => items.hash(&mut hasher),
        }
    }
    hasher.finish()
}
