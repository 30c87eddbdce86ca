//! The link records that a shard had published before it started, as the internal topics hold them.
//!
//! As with alerts (see `recovery`), a shard that has published before rebuilds silently: it works out the rows that its units show,
//! but publishes none. Otherwise, since it may now read records together that it read one after the other before, a row that was
//! published in between would never be retracted. Once the shard has read as far as when it last published a link record (the
//! headers of its records tell), it publishes the *difference*, and from then on every record as it comes. Rows of the feed `derived` rest
//! on those of `links`, so their difference waits until these are here.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::{ShownRow, content};
use crate::history::PersonNo;
use crate::model::record::{Op, Record};
use crate::model::schema::{Feed, TableId};
use crate::model::time::KnownTime;
use crate::rules::planned::PlannedLink;
use crate::shard::Shard;
use crate::shard::evaluate::Job;
use crate::units::Unit;

/// The last record of each row, by the unit that shows it.
#[derive(Debug, Default)]
pub struct Said {
    rows: BTreeMap<Box<str>, FxHashMap<Row, Word>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Row {
    pub table: TableId,
    pub to: Box<str>,
    pub record_key: Box<str>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    version: i64,
    /// `None`: the row has been retracted.
    content: Option<u64>,
    /// The topic has lost the record.
    is_lost: bool,
}

impl Word {
    /// A row that stands.
    pub fn of(version: i64, content: u64) -> Word {
        Word { version, content: Some(content), is_lost: false }
    }
}

impl Said {
    /// Takes a record that one of the shard's units shows, in the order of its partition. Of records with the same version the
    /// first counts, as it does for the receivers.
    pub fn take(&mut self, unit: &str, record: &Record) {
        let row = Row { table: record.table, to: record.subject.clone(), record_key: record.record_key.clone() };
        let content = (record.op != Op::Retract).then(|| content(&record.values));
        self.add(unit, row, Word { version: record.version, content, is_lost: false });
    }

    /// Takes a word; of one row the one with the greatest version counts.
    pub(super) fn add(&mut self, unit: &str, row: Row, word: Word) {
        let known = self.rows.entry(unit.into()).or_default().entry(row).or_insert(word);
        if known.version < word.version {
            *known = word;
        }
    }

    /// The units of which it has words.
    pub(super) fn units(&self) -> impl Iterator<Item = &str> {
        self.rows.keys().map(AsRef::as_ref)
    }

    /// The version of the last word about a row.
    pub(super) fn version_of(&self, unit: &str, row: &Row) -> Option<i64> {
        self.rows.get(unit)?.get(row).map(|word| word.version)
    }

    /// The topics have lost records: every row that stands is to be published again.
    fn lose(&mut self) {
        for word in self.rows.values_mut().flat_map(FxHashMap::values_mut) {
            word.is_lost = true;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows of the feed `links`, and those of `derived`.
    fn by_feed(self) -> (Said, Said) {
        let (mut links, mut derived) = (Said::default(), Said::default());
        for (unit, words) in self.rows {
            for (row, word) in words {
                let part = if row.table.def().feed == Feed::Links { &mut links } else { &mut derived };
                part.rows.entry(unit.clone()).or_default().insert(row, word);
            }
        }
        (links, derived)
    }

    /// Rows that stand.
    pub fn standing(&self) -> usize {
        self.rows.values().flat_map(FxHashMap::values).filter(|word| word.content.is_some()).count()
    }
}

impl Shard {
    /// Names the texts that make this shard's links; the shard does not take records of other texts.
    pub fn link_source(&self) -> &str {
        &self.links.source
    }

    /// Sets what the shard had published before; to be called before the first record. No record of a link feed is published until
    /// [`Shard::say_difference`] of that feed.
    pub fn recover_links(&mut self, said: Said) {
        if said.is_empty() {
            return;
        }
        let mut said = said;
        self.compare_restored(&mut said);
        let (links, derived) = said.by_feed();
        self.links.sent_links = [(Feed::Links, links), (Feed::Derived, derived)].into();
    }

    /// To be called once the shard has read as far as when it last published a link record: publishes the rows of the feed that the
    /// topics lack, and retracts those that no longer stand. Returns the number of records.
    pub fn say_difference(&mut self, feed: Feed) -> usize {
        let Some(mut said) = self.links.sent_links.remove(&feed) else { return 0 };
        let before = self.links.outgoing.len();
        let now = self.clocks.shard();
        let compared = self.links.compared.as_ref();
        let is_asked = |person: &PersonNo| compared.is_none_or(|compared| compared.contains(person));
        let mut persons: Vec<_> = self.links.shown.keys().copied().filter(is_asked).collect();
        persons.sort_unstable_by_key(|person| self.history.person(*person).subject.as_ref());
        for person in persons {
            let unit: Box<str> = self.history.person(person).subject.clone();
            let mut words = said.rows.remove(&unit).unwrap_or_default();
            let mut shown = self.links.shown.remove(&person).unwrap_or_default();
            for row in &mut shown {
                let table = self.rules.links()[row.link as usize].table;
                if table.def().feed != feed {
                    continue;
                }
                let word = words.remove(&Row { table, to: row.to.clone(), record_key: row.record_key.clone() });
                self.touched.add(person);
                let Some(values) = row.values.take() else {
                    // It was shown when the checkpoint was taken, and nothing has looked at it since.
                    row.version = word.map_or(row.version, |word| word.version);
                    continue;
                };
                match word {
                    Some(word) if word.content == Some(row.content) => {
                        row.version = word.version;
                        if word.is_lost {
                            self.publish_row(unit.clone(), row, row.since, Some(&values));
                        }
                    }
                    word => {
                        let known = self.history.knowledge(person, row.since.0);
                        let before = word.map(|word| word.version);
                        self.say_of(unit.clone(), (row.since, known), row, before, Some(&values));
                    }
                }
            }
            self.links.shown.insert(person, shown);
            self.take_back(&unit, words, (now, self.history.knowledge(person, now.0)));
        }
        for (unit, words) in said.rows {
            let person = self.history.person_no(&unit);
            let knowledge = person.map_or(0, |person| self.history.knowledge(person, now.0));
            self.take_back(&unit, words, (now, knowledge));
        }
        self.links.outgoing.len() - before
    }

    /// Shows what every unit has to show, because other texts of links, or another key, are in force than when the shard was written down.
    pub fn say_anew(&mut self) {
        let persons: Vec<PersonNo> = self.history.persons().map(|(person, _)| person).collect();
        let as_of = self.clocks.shard();
        for at in 0..self.rules.links().len() {
            let link = &self.rules.links()[at];
            if !link.is_late() {
                self.look_at_link(at, link.needs, &persons, as_of);
            }
        }
        self.work_out_again(persons);
    }

    /// Evaluates a link for those of the units that can have rows of it.
    fn look_at_link(&mut self, at: usize, needs: TableId, units: &[PersonNo], as_of: KnownTime) {
        let has = |person: &&PersonNo| self.history.person(**person).has(needs);
        let jobs: Vec<Job> = units.iter().filter(has).map(|person| Job::new(Unit { person: *person, as_of })).collect();
        let all: Vec<usize> = (0..jobs.len()).collect();
        for chunk in self.chunks(&jobs, &all) {
            let units: Vec<Unit> = chunk.iter().map(|job| jobs[*job].unit).collect();
            self.evaluate_link(at, &units);
        }
    }

    /// Publishes every row again as it was, because the topics have lost records and a shard that starts from them would lack these. For
    /// receivers that have the record it is a duplicate. Rows that a rebuild keeps back are published at its end.
    pub fn say_again(&mut self) {
        self.links.sent_links.values_mut().for_each(Said::lose);
        let keeps = |link: &PlannedLink| self.links.sent_links.contains_key(&link.table.def().feed);
        let is_kept: Vec<bool> = self.rules.links().iter().map(keeps).collect();
        for row in self.links.shown.values_mut().flatten() {
            row.is_lost = !is_kept[row.link as usize];
        }
        let mut persons: Vec<PersonNo> = self.links.shown.keys().copied().collect();
        persons.sort_unstable();
        let as_of = self.clocks.shard();
        for (at, is_kept) in is_kept.into_iter().enumerate() {
            let link = &self.rules.links()[at];
            if !link.is_late() && !is_kept {
                self.look_at_link(at, link.needs, &persons, as_of);
            }
        }
        if !self.links.sent_links.contains_key(&Feed::Derived) {
            // Links that read what rules found are published when those rules have run again.
            self.work_out_again(persons);
        }
    }

    /// Retracts the rows that stand, and remembers the versions of those that were retracted before.
    fn take_back(&mut self, unit: &str, words: FxHashMap<Row, Word>, at: (KnownTime, i64)) {
        let mut words: Vec<(Row, Word)> = words.into_iter().collect();
        words.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        for (Row { table, to, record_key }, word) in words {
            let Some(link) = self.rules.links().iter().position(|link| link.table == table) else { continue };
            if word.content.is_none() {
                self.note_retracted(unit, super::name_of(unit, table, &to, &record_key), word.version);
                continue;
            }
            let (since, _) = at;
            let mut row = ShownRow {
                link: link as u8,
                to,
                record_key,
                content: 0,
                version: 0,
                since,
                is_lost: false,
                values: None,
            };
            self.say_of(unit.into(), at, &mut row, Some(word.version), None);
        }
    }
}
