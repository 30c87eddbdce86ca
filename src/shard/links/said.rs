//! What the internal topics say that a shard's units show, when the shard starts.
//!
//! As with alerts (see `recovery`), a shard that has said something before rebuilds silently: it works out what its units show and
//! says nothing, for records that it had not read together before it may read together now, and what was shown in between would
//! never be taken back. Once it has read as far as when it last said something (the headers of its records tell), it says the
//! *difference*, and from there everything as it comes.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::{Shown, content};
use crate::record::{Op, Record};
use crate::schema::TableId;
use crate::shard::Shard;

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
