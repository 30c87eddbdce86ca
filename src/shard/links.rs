//! The rows that this shard's units show to other units (`received`: the rows that others show to them).
//!
//! When records change, the links that read them are evaluated for the units concerned, and the rows are compared with those that
//! each unit showed before. The differences are published as records of the link's table, keyed by the receiver. A row's version is
//! the number of records known about the showing unit, and always greater than the row's previous version.
//!
//! In strict order the driver hands these records over at once (see `replay`), in live order the internal topics carry them. A
//! starting shard reads there what it has published before (`said`).

mod received;
mod said;
mod saved;

use std::collections::BTreeMap;
use std::hash::Hasher;

use rustc_hash::{FxHashMap, FxHashSet};
use sha2::{Digest, Sha256};
use siphasher::sip::SipHasher13;

use crate::encode::encode;
use crate::history::PersonNo;
use crate::model::record::{Op, Record, Value};
use crate::model::schema::{Feed, TableId};
use crate::model::sets::{FeedSet, TableSet};
use crate::model::time::{EventTime, KnownTime};
use crate::rules::linked::LinkedRow;
use crate::rules::{Evaluation, RuleSet};
use crate::shard::Shard;
use crate::shard::evaluate::{FoundAt, Job};
use crate::units::Unit;

pub use received::WriterClock;
pub use said::Said;
pub use saved::SavedRow;

/// A row that a unit shows, as last published.
#[derive(Debug)]
struct ShownRow {
    link: u8,
    to: Box<str>,
    record_key: Box<str>,
    content: u64,
    version: i64,
    /// Since when the unit shows this content: the known time of the row's record.
    since: KnownTime,
    /// The topic has lost the row's record: it is published again as it was.
    is_lost: bool,
    /// Kept only while the shard rebuilds and publishes nothing.
    values: Option<Box<[Value]>>,
}

/// The rows that the shard's units show to others, and the clocks of the shards that show rows to them.
pub(super) struct Links {
    /// By unit: the rows that it shows.
    shown: FxHashMap<PersonNo, Vec<ShownRow>>,
    /// Records to publish since the last call of [`Shard::take_shown`].
    outgoing: Vec<ShownRecord>,
    /// By feed, the records that the shard had published before it started; none once it has read as far again.
    sent_links: BTreeMap<Feed, Said>,
    /// A shard that goes on from a checkpoint compares only these units with `sent_links`; `None`: it compares all.
    compared: Option<FxHashSet<PersonNo>>,
    /// Versions of retracted rows, by unit and `name_of`; those of units that are not known lie under [`NOBODY`].
    retracted_versions: FxHashMap<PersonNo, FxHashMap<u64, i64>>,
    /// Fingerprint of the texts that decide what links show, and the id of the key; records with another one are not taken.
    source: Box<str>,
    /// The fingerprint of the shard's rules, and of those that other shards said last.
    rules: Box<str>,
    rules_of_others: BTreeMap<i32, Box<str>>,
    /// By link feed and writing shard: the known time up to which the writer has published everything.
    writers: BTreeMap<Feed, Vec<KnownTime>>,
}

impl Links {
    /// `key_id` names the key that the shard writes with: under another one everything is said anew.
    pub(super) fn new(rules: &RuleSet, key_id: &str) -> Links {
        Links {
            rules: rules_fingerprint(rules),
            rules_of_others: BTreeMap::new(),
            shown: FxHashMap::default(),
            outgoing: Vec::new(),
            sent_links: BTreeMap::new(),
            compared: None,
            retracted_versions: FxHashMap::default(),
            source: source_of(rules, key_id).into(),
            writers: BTreeMap::new(),
        }
    }
}

/// Names what decides the rows that links show, and the key under which they are written.
pub fn source_of(rules: &RuleSet, key_id: &str) -> String {
    format!("{LINK_SOURCE}:{}:{key_id}", rules.link_fingerprint())
}

/// Names rules as they run: two shards with the same find the same.
fn rules_fingerprint(rules: &RuleSet) -> Box<str> {
    let mut hash = Sha256::new();
    for rule in rules.rules() {
        hash.update(&rule.file.header.id);
        hash.update([0]);
        hash.update(&rule.fingerprint);
        hash.update(rule.outlet().name());
        hash.update([0]);
    }
    hex::encode(&hash.finalize()[..8]).into()
}

/// A link record, and the unit that shows it.
#[derive(Clone, Debug)]
pub struct ShownRecord {
    pub unit: Box<str>,
    pub record: Record,
}

/// Stands for units that are not known.
const NOBODY: PersonNo = PersonNo(u32::MAX);

/// Prefix of a link record's `source`; the fingerprint of the texts that made the record follows.
pub const LINK_SOURCE: &str = "permitwatch";

impl Shard {
    /// Evaluates the links of one feed for the units that have changed, except links that read what rules found.
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

    /// Jobs, by as_of, for the units that a change in `tables` concerns and that have rows in `needs`.
    fn showing(&self, tables: TableSet, needs: TableId) -> Vec<Job> {
        let changes = self.changes.iter().filter(|change| change.tables.meets(tables));
        let changes = changes.filter(|change| self.history.person(change.person).has(needs));
        let mut as_of: BTreeMap<(KnownTime, PersonNo), KnownTime> = BTreeMap::new();
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

    /// Whether some link that reads what rules found may show a row of this person that depends on `tables`.
    pub(super) fn shows_found(&self, person: PersonNo, tables: TableSet) -> bool {
        let has = |table| self.history.person(person).has(table);
        self.rules.links().iter().any(|link| link.is_late() && link.tables.meets(tables) && has(link.needs))
    }

    /// Evaluates links that read what rules found. A row may become visible only at a later instant: like the detector, each job
    /// walks through the instants before the person's next job, or up to `until`. For later instants the rule has a timer.
    pub(super) fn show_found(
        &mut self,
        jobs: &[Job],
        found: &mut [Evaluation],
        places: &[Option<FoundAt>],
        until: KnownTime,
    ) {
        let mut next: FxHashMap<PersonNo, KnownTime> = FxHashMap::default();
        let mut ends = vec![until; jobs.len()];
        // If a job's links failed, the person's previous job extends over it.
        let is_known = |place: &FoundAt| !found[place.0].unlinked.contains(&place.1);
        for (at, job) in jobs.iter().enumerate().rev() {
            if job.links && places[at].as_ref().is_some_and(is_known) {
                ends[at] = next.insert(job.unit.person, job.at).map_or(until, |next| next.minus(1));
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
        // The records of one person may lie between those of others in time.
        self.links.outgoing.sort_by_key(|shown| shown.record.known_time);
    }

    /// Shows a job's rows: at once those that are visible, the others each at its instant.
    fn walk(&mut self, link: usize, job: &Job, rows: &[LinkedRow], from: Option<usize>, end: KnownTime) {
        let Some(from) = from else { return self.show(link, job.unit, rows) };
        let mut instants: Vec<KnownTime> =
            rows.iter().filter_map(|row| row.instant(from)).filter(|at| *at > job.at && *at <= end).collect();
        instants.sort_unstable();
        instants.dedup();
        for at in std::iter::once(job.at).chain(instants) {
            let reached: Vec<LinkedRow> =
                rows.iter().filter(|row| row.instant(from).is_some_and(|from| from <= at)).cloned().collect();
            self.show(link, Unit { person: job.unit.person, as_of: at }, &reached);
        }
    }

    /// Takes a link's rows for units in the order of their as_of. Units in `except` keep the rows that they showed before.
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

    /// Publishes how the unit's rows differ from those that it showed before.
    pub(super) fn show(&mut self, link: usize, unit: Unit, rows: &[LinkedRow]) {
        if rows.is_empty() && !self.links.shown.contains_key(&unit.person) {
            return;
        }
        self.remember_said(unit.person);
        let mut knowledge = None;
        let shown = self.links.shown.remove(&unit.person).unwrap_or_default();
        let is_row = |old: &ShownRow, new: &LinkedRow| {
            old.link as usize == link && *old.to == *new.to && *old.record_key == *new.record_key
        };
        let (mut kept, gone): (Vec<ShownRow>, Vec<ShownRow>) =
            shown.into_iter().partition(|old| old.link as usize != link || rows.iter().any(|new| is_row(old, new)));
        for row in rows {
            let content = content(&row.values);
            let known = kept.iter().position(|old| is_row(old, row));
            if let Some(at) = known.filter(|at| kept[*at].content == content) {
                if std::mem::take(&mut kept[at].is_lost) {
                    let subject = self.history.person(unit.person).subject.clone();
                    self.publish_row(subject, &kept[at], kept[at].since, Some(&row.values));
                }
                continue;
            }
            let before = known.map(|at| kept.swap_remove(at).version);
            let mut new = ShownRow {
                link: link as u8,
                to: row.to.as_str().into(),
                record_key: row.record_key.as_str().into(),
                content,
                version: 0,
                since: unit.as_of,
                is_lost: false,
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
            self.links.shown.insert(unit.person, kept);
        }
    }

    /// Publishes a row of a unit, or without `values` its retraction. During a rebuild it only remembers the row.
    fn say(
        &mut self,
        unit: Unit,
        knowledge: &mut Option<i64>,
        row: &mut ShownRow,
        before: Option<i64>,
        values: Option<&[Value]>,
    ) {
        let feed = self.rules.links()[row.link as usize].table.def().feed;
        if self.links.sent_links.contains_key(&feed) {
            row.values = values.map(Into::into);
            return;
        }
        let known = *knowledge.get_or_insert_with(|| self.history.knowledge(unit.person, unit.as_of.0));
        let subject = self.history.person(unit.person).subject.clone();
        self.say_of(subject, (unit.as_of, known), row, before, values);
    }

    /// Publishes the row as of a time at which `knowledge` records were known of the unit. Its version is above `before`, the row's
    /// previous version.
    fn say_of(
        &mut self,
        unit: Box<str>,
        (as_of, knowledge): (KnownTime, i64),
        row: &mut ShownRow,
        before: Option<i64>,
        values: Option<&[Value]>,
    ) {
        let table = self.rules.links()[row.link as usize].table;
        let name = name_of(&unit, table, &row.to, &row.record_key);
        let before = before.or_else(|| self.retracted_version(&unit, name));
        row.version = before.map_or(knowledge, |before| knowledge.max(before.saturating_add(1)));
        match values {
            Some(_) => self.forget_retracted(&unit, name),
            None => self.note_retracted(&unit, name, row.version),
        }
        self.publish_row(unit, row, as_of, values);
    }

    /// Publishes the row in its version.
    fn publish_row(&mut self, unit: Box<str>, row: &ShownRow, as_of: KnownTime, values: Option<&[Value]>) {
        let link = &self.rules.links()[row.link as usize];
        // The row tells something of what its unit's records say.
        let person = self.history.person_no(&unit);
        let secrecy_class = person.map_or(0, |person| self.history.secrecy(person, link.tables, as_of.0));
        let record = Record {
            table: link.table,
            subject: row.to.clone(),
            record_key: row.record_key.clone(),
            version: row.version,
            op: if values.is_some() { Op::Upsert } else { Op::Retract },
            event_time: EventTime(as_of.0),
            registered_at: as_of.0,
            known_time: as_of,
            schema_ver: crate::decode::SCHEMA_VERSION,
            source: self.links.source.clone(),
            purpose: "permit_control".into(),
            secrecy_class,
            values: values.unwrap_or_default().to_vec(),
        };
        self.links.outgoing.push(ShownRecord { unit, record });
    }

    fn retracted_version(&self, unit: &str, name: u64) -> Option<i64> {
        let of = |unit: PersonNo| self.links.retracted_versions.get(&unit)?.get(&name).copied();
        self.history.person_no(unit).and_then(of).or_else(|| of(NOBODY))
    }

    fn note_retracted(&mut self, unit: &str, name: u64, version: i64) {
        let unit = self.history.person_no(unit).unwrap_or(NOBODY);
        self.touched.add(unit);
        self.links.retracted_versions.entry(unit).or_default().insert(name, version);
    }

    fn forget_retracted(&mut self, unit: &str, name: u64) {
        for unit in self.history.person_no(unit).into_iter().chain([NOBODY]) {
            if let Some(own) = self.links.retracted_versions.get_mut(&unit)
                && own.remove(&name).is_some()
            {
                self.touched.add(unit);
                if own.is_empty() {
                    self.links.retracted_versions.remove(&unit);
                }
            }
        }
    }

    pub(super) fn shows_something(&self, unit: PersonNo) -> bool {
        self.links.shown.contains_key(&unit)
    }

    /// A unit of which nothing is left. Should it be known again, its rows have greater versions than those that it retracted.
    pub(super) fn forget_unit(&mut self, unit: PersonNo) {
        let Some(own) = self.links.retracted_versions.remove(&unit) else { return };
        let kept = self.links.retracted_versions.entry(NOBODY).or_default();
        for (name, version) in own {
            let last = kept.entry(name).or_insert(version);
            *last = version.max(*last);
        }
    }

    /// Names the rules that the shard runs.
    pub fn rules_fingerprint(&self) -> &str {
        &self.links.rules
    }

    /// Other rules are in force.
    pub(super) fn rules_changed(&mut self) {
        self.links.rules = rules_fingerprint(&self.rules);
    }

    /// Shards that ran other rules when they last said so. Each retracts what the other has raised when it takes a shard over.
    pub fn shards_with_other_rules(&self) -> usize {
        self.links.rules_of_others.values().filter(|rules| **rules != self.links.rules).count()
    }

    /// The link records to publish since the last call.
    pub fn take_shown(&mut self) -> Vec<ShownRecord> {
        std::mem::take(&mut self.links.outgoing)
    }

    /// The same without the showing units.
    pub fn take_outgoing(&mut self) -> Vec<Record> {
        self.take_shown().into_iter().map(|shown| shown.record).collect()
    }

    /// Whether some rules read rows that other units show.
    pub fn has_links(&self) -> bool {
        !self.rules.links().is_empty()
    }

    /// The known time up to which this shard has published all records of links of `feed`.
    pub fn link_clock(&self, feed: Feed) -> KnownTime {
        let links = self.rules.links().iter().filter(|link| link.table.def().feed == feed);
        let feeds = links.fold(FeedSet::default(), |feeds, link| feeds.union(link.feeds));
        self.clocks.least(feeds)
    }
}

/// The payload of a link record on the internal topics; the message key is the receiver.
pub fn link_payload(record: &Record) -> Vec<u8> {
    encode(record)
}

/// Hash that identifies a row of a unit. Checkpoints hold it and the next, so they stay as they are.
fn name_of(unit: &str, table: TableId, to: &str, record_key: &str) -> u64 {
    let mut hasher = SipHasher13::new();
    for part in [unit, table.name(), to, record_key] {
        hasher.write_u64(part.len() as u64);
        hasher.write(part.as_bytes());
    }
    hasher.finish()
}

fn content(values: &[Value]) -> u64 {
    let mut hasher = SipHasher13::new();
    let text = |hasher: &mut SipHasher13, text: &str| {
        hasher.write_u64(text.len() as u64);
        hasher.write(text.as_bytes());
    };
    for value in values {
        let kind = |number: u8, value: i64, hasher: &mut SipHasher13| {
            hasher.write_u8(number);
            hasher.write_i64(value);
        };
        match value {
            Value::Null => hasher.write_u8(0),
            Value::Bool(flag) => kind(1, i64::from(*flag), &mut hasher),
            Value::Int(number) => kind(2, *number, &mut hasher),
            Value::Instant(number) => kind(3, *number, &mut hasher),
            Value::Day(day) => kind(4, i64::from(*day), &mut hasher),
            Value::Text(own) => {
                hasher.write_u8(5);
                text(&mut hasher, own);
            }
            Value::List(items) => {
                kind(6, items.len() as i64, &mut hasher);
                items.iter().for_each(|item| text(&mut hasher, item));
            }
        }
    }
    hasher.finish()
}
