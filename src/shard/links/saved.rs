//! The rows that units show, as a checkpoint has them, and how a shard goes on from there.
//!
//! A checkpoint is written once the broker has all that the shard had said by then. What it said after that lies in the topics behind
//! the places that the checkpoint names (`sink::kafka::said`), and is compared with what it finds again (`said`). Only units that one of the two
//! knows something new of need comparing.

use serde::{Deserialize, Serialize};

use super::said::{Row, Word};
use super::{NOBODY, Said, ShownRow};
use crate::history::PersonNo;
use crate::model::schema::{Feed, TableId};
use crate::model::time::KnownTime;
use crate::shard::Shard;

/// A row that a unit shows.
#[derive(Debug, Deserialize, Serialize)]
pub struct SavedRow {
    table: String,
    to: String,
    record_key: String,
    content: u64,
    version: i64,
    since: i64,
}

/// By the link feed's name: the clocks of the shards that write it.
type Writers = Vec<(String, Vec<i64>)>;

impl Shard {
    /// What a unit shows, and the versions of rows that it has retracted.
    pub(in crate::shard) fn saved_links(&self, unit: PersonNo) -> (Vec<SavedRow>, Vec<(u64, i64)>) {
        let saved = |row: &ShownRow| SavedRow {
            table: self.rules.links()[row.link as usize].table.name().to_owned(),
            to: row.to.to_string(),
            record_key: row.record_key.to_string(),
            content: row.content,
            version: row.version,
            since: row.since.0,
        };
        let shown = self.links.shown.get(&unit).into_iter().flatten();
        (shown.map(saved).collect(), self.saved_retracted(unit))
    }

    fn saved_retracted(&self, unit: PersonNo) -> Vec<(u64, i64)> {
        let own = self.links.retracted_versions.get(&unit).into_iter().flatten();
        own.map(|(name, version)| (*name, *version)).collect()
    }

    /// The clocks of writers, and the retracted rows of units that are not known.
    pub(in crate::shard) fn saved_writers(&self) -> (Writers, Vec<(u64, i64)>) {
        let clocks = |clocks: &[KnownTime]| clocks.iter().map(|clock| clock.0).collect();
        let writers = self.links.writers.iter();
        (writers.map(|(feed, own)| (feed.name().to_owned(), clocks(own))).collect(), self.saved_retracted(NOBODY))
    }

    /// Takes what a unit showed; rows of links that are gone are left out.
    pub(in crate::shard) fn restore_links(&mut self, unit: PersonNo, rows: Vec<SavedRow>, retracted: Vec<(u64, i64)>) {
        let links = self.rules.links();
        let row = |row: SavedRow| {
            let link = links.iter().position(|link| link.table.name() == row.table)?;
            Some(ShownRow {
                link: link as u8,
                to: row.to.into(),
                record_key: row.record_key.into(),
                content: row.content,
                version: row.version,
                since: KnownTime(row.since),
                is_lost: false,
                values: None,
            })
        };
        let shown: Vec<ShownRow> = rows.into_iter().filter_map(row).collect();
        if !shown.is_empty() {
            self.links.shown.insert(unit, shown);
        }
        if !retracted.is_empty() {
            self.links.retracted_versions.insert(unit, retracted.into_iter().collect());
        }
        self.links.compared.get_or_insert_default();
    }

    pub(in crate::shard) fn restore_writers(&mut self, writers: &Writers, retracted: Vec<(u64, i64)>) {
        for (name, clocks) in writers {
            if let Some(feed) = Feed::from_name(name).filter(|feed| feed.is_internal()) {
                self.links.writers.insert(feed, clocks.iter().copied().map(KnownTime).collect());
            }
        }
        self.restore_links(NOBODY, Vec::new(), retracted);
    }

    /// A restored shard whose units have said something since the checkpoint: remembers for each what it showed then, and looks at
    /// each row anew that may be said differently now.
    pub(super) fn compare_restored(&mut self, said: &mut Said) {
        if self.links.compared.is_none() {
            return;
        }
        let units: Vec<PersonNo> = said.units().filter_map(|unit| self.history.person_no(unit)).collect();
        for unit in units {
            let subject = self.history.person(unit).subject.clone();
            self.say_as_then(unit, |_, row, word| said.add(&subject, row, word));
            let links = self.rules.links();
            for row in self.links.shown.get_mut(&unit).into_iter().flatten() {
                let table = links[row.link as usize].table;
                if said.version_of(&subject, &row_of(table, row)).is_some_and(|version| version != row.version) {
                    // What it says is no longer what the topic says, so that its values are needed.
                    row.content = !row.content;
                }
            }
        }
    }

    /// Before a unit of a restored shard shows something else while nothing is published: remembers what it had said.
    pub(super) fn remember_said(&mut self, unit: PersonNo) {
        let is_new = self.links.compared.as_ref().is_some_and(|compared| !compared.contains(&unit));
        if !is_new || self.links.sent_links.is_empty() {
            return;
        }
        let mut sent = std::mem::take(&mut self.links.sent_links);
        let subject = self.history.person(unit).subject.clone();
        self.say_as_then(unit, |feed, row, word| {
            if let Some(said) = sent.get_mut(&feed) {
                said.add(&subject, row, word);
            }
        });
        self.links.sent_links = sent;
    }

    /// Gives the words of the rows that a unit showed when the checkpoint was taken; from now on the unit is compared.
    fn say_as_then(&mut self, unit: PersonNo, mut each: impl FnMut(Feed, Row, Word)) {
        let links = self.rules.links();
        for row in self.links.shown.get(&unit).into_iter().flatten() {
            let table = links[row.link as usize].table;
            each(table.def().feed, row_of(table, row), Word::of(row.version, row.content));
        }
        self.links.compared.get_or_insert_default().insert(unit);
    }
}

fn row_of(table: TableId, row: &ShownRow) -> Row {
    Row { table, to: row.to.clone(), record_key: row.record_key.clone() }
}
