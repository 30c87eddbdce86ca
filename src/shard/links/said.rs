//! What the internal topics say that a shard's units show, when the shard starts.
//!
//! As with alerts (see `recovery`), a shard that has said something before rebuilds silently: it works out what its units show and
//! says nothing, for records that it had not read together before it may read together now, and what was shown in between would
//! never be taken back. Once it has read as far as when it last said something (the headers of its records tell), it says the
//! *difference*, and from there everything as it comes.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::{Shown, content};
use crate::history::PersonNo;
use crate::record::{Op, Record};
use crate::schema::TableId;
use crate::shard::Shard;
use crate::shard::evaluate::Job;
use crate::units::Unit;

/// In the place of a row's content: it was said, and is gone from the topic. No row has it, so the row is said again.
const GONE: u64 = 0;

/// The last word on each row, by the unit that shows it.
#[derive(Debug, Default)]
pub struct Said {
    rows: BTreeMap<Box<str>, FxHashMap<Row, Word>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Row {
    table: TableId,
    to: Box<str>,
    record_key: Box<str>,
}

#[derive(Clone, Copy, Debug)]
struct Word {
    version: i64,
    /// `None`: it is gone.
    content: Option<u64>,
}

impl Said {
    /// Takes a record of one of the shard's units, in the order of its partition. Of equal versions the first counts, as it does with
    /// those that are shown it.
    pub fn take(&mut self, unit: &str, record: &Record) {
        let row = Row { table: record.table, to: record.subject.clone(), record_key: record.record_key.clone() };
        let content = (record.op != Op::Retract).then(|| content(&record.values));
        let word = Word { version: record.version, content };
        let known = self.rows.entry(unit.into()).or_default().entry(row).or_insert(word);
        if known.version < word.version {
            *known = word;
        }
    }

    /// It is not to be found there any more: each row that stands is to be said anew.
    fn lose(&mut self) {
        for word in self.rows.values_mut().flat_map(FxHashMap::values_mut) {
            word.content = word.content.map(|_| GONE);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Rows that stand.
    pub fn standing(&self) -> usize {
        self.rows.values().flat_map(FxHashMap::values).filter(|word| word.content.is_some()).count()
    }
}

impl Shard {
    /// Names the texts that make this shard's links; records of others are not taken.
    pub fn link_source(&self) -> &str {
        &self.link_source
    }

    /// Before the first record: what was said before. Nothing is said from here until [`Shard::say_difference`].
    pub fn recover_links(&mut self, said: Said) {
        self.said = (!said.is_empty()).then_some(said);
    }

    /// As much has been read as when something was last said: says what the topics do not say, and takes back what no longer stands. Gives how
    /// many records that takes.
    pub fn say_difference(&mut self) -> usize {
        let Some(mut said) = self.said.take() else { return 0 };
        let now = self.clocks.shard().0;
        let mut persons: Vec<_> = self.shown.keys().copied().collect();
        persons.sort_unstable_by_key(|person| self.history.person(*person).subject.as_ref());
        for person in persons {
            let unit: Box<str> = self.history.person(person).subject.clone();
            let mut words = said.rows.remove(&unit).unwrap_or_default();
            let knowledge = self.history.knowledge(person, now);
            let mut shown = self.shown.remove(&person).unwrap_or_default();
            for row in &mut shown {
                let table = self.rules.links()[row.link as usize].table;
                let word = words.remove(&Row { table, to: row.to.clone(), record_key: row.record_key.clone() });
                let values = row.values.take().unwrap_or_default();
                match word {
                    Some(word) if word.content == Some(row.content) => row.version = word.version,
                    word => {
                        let before = word.map(|word| word.version);
                        self.say_of(unit.clone(), (now, knowledge), row, before, Some(&values));
                    }
                }
            }
            self.shown.insert(person, shown);
            self.take_back(&unit, words, (now, knowledge));
        }
        for (unit, words) in said.rows {
            let person = self.history.person_no(&unit);
            let knowledge = person.map_or(0, |person| self.history.knowledge(person, now));
            self.take_back(&unit, words, (now, knowledge));
        }
        self.outgoing.len()
    }

    /// What was said is gone from the topics, and whoever starts from them would lack it: all that is shown is said again. Those who
    /// have it already see a new version of the same.
    pub fn say_again(&mut self) {
        if let Some(said) = &mut self.said {
            said.lose();
            return;
        }
        let mut persons: Vec<PersonNo> = self.shown.keys().copied().collect();
        persons.sort_unstable();
        for row in self.shown.values_mut().flatten() {
            row.content = GONE;
        }
        let as_of = self.clocks.shard().0;
        for at in 0..self.rules.links().len() {
            let link = &self.rules.links()[at];
            if link.is_late() {
                continue;
            }
            let needs = link.needs;
            let has = |person: &&PersonNo| self.history.person(**person).has(needs);
            let jobs: Vec<Job> =
                persons.iter().filter(has).map(|person| Job::new(Unit { person: *person, as_of })).collect();
            let all: Vec<usize> = (0..jobs.len()).collect();
            for chunk in self.chunks(&jobs, &all) {
                let units: Vec<Unit> = chunk.iter().map(|job| jobs[*job].unit).collect();
                self.evaluate_link(at, &units);
            }
        }
        // What links show of what rules found comes with the rules.
        self.work_out_again(persons);
    }

    /// Says of rows that they are gone, and remembers the versions of those that were.
    fn take_back(&mut self, unit: &str, words: FxHashMap<Row, Word>, at: (i64, i64)) {
        let mut words: Vec<(Row, Word)> = words.into_iter().collect();
        words.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        for (Row { table, to, record_key }, word) in words {
            let Some(link) = self.rules.links().iter().position(|link| link.table == table) else { continue };
            if word.content.is_none() {
                self.gone.insert(super::name_of(unit, link as u8, &to, &record_key), word.version);
                continue;
            }
            let mut row = Shown { link: link as u8, to, record_key, content: 0, version: 0, values: None };
            self.say_of(unit.into(), at, &mut row, Some(word.version), None);
        }
    }
}
