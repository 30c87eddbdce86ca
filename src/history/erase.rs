//! Erases what does not count any more of people who have left the population (`presence`): at once from the index, later from the columns.
//!
//! A row's number stays as it is: its values become null, and a column of nulls takes next to no place. A segment is packed anew for it, so many
//! persons are erased before that is done ([`History::blank_next`]).
//!
//! - What one unit has shown another goes once it has been taken back, whoever they are: so nothing of a person stays with an employer or a
//!   family. Who is somebody's anchor keeps `anchors`, and `population` since.
//! - Of whom nothing is left, the name goes with the next checkpoint that is a whole one, and the number is not given to anybody else.

use super::facts::PermitColumns;
use super::index::RowRef;
use super::saved::Mark;
use super::store::SEGMENT_ROWS;
use super::{History, PersonNo, hash_subject};
use crate::model::purpose::Purpose;
use crate::model::record::Op;
use crate::model::schema::TableId;
use crate::model::time::KnownTime;

/// What has been erased of a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    pub rows: usize,
    /// Nothing is left but the name ([`History::forget`]).
    pub is_empty: bool,
}

impl History {
    /// Erases of a person or another unit what does not count any more as of `as_of`, and will not count later. What is
    /// known of the permits feed must be settled up to then.
    pub fn erase(&mut self, person: PersonNo, as_of: KnownTime) -> Erased {
        let known = &self.persons[person.0 as usize];
        // What came with a return since is there to stay.
        let seen_at = known.returned(as_of).unwrap_or(as_of);
        let since = |table: TableId| self.since(person, table, seen_at.0);
        let counts_from: Vec<i64> = TableId::ALL.into_iter().map(since).collect();
        let is_over = |row: &RowRef| row.known() <= seen_at.0 && row.known() < counts_from[row.table_index()];
        let record = |row: &RowRef| (row.table_index(), row.key());
        let mut over = Vec::with_capacity(known.rows.len());
        for versions in known.rows.chunk_by(|one, other| record(one) == record(other)) {
            match TableId::ALL[versions[0].table_index()].is_link() {
                true => over.extend(vec![is_taken_back(versions, as_of); versions.len()]),
                false => over.extend(versions.iter().map(is_over)),
            }
        }
        let erased = erasable(&known.rows, over);
        let gone: Vec<RowRef> =
            known.rows.iter().zip(&erased).filter(|(_, erased)| **erased).map(|(row, _)| *row).collect();
        if gone.is_empty() {
            return Erased::default();
        }
        let left = marked_anew(&known.rows, &erased);
        for row in &gone {
            self.stores[row.table_index()].strike(row.row());
        }
        let erased = Erased { rows: gone.len(), is_empty: left.is_empty() };
        self.keep_only(person, left);
        erased
    }

    fn keep_only(&mut self, person: PersonNo, rows: Vec<RowRef>) {
        let is_bound = rows.iter().any(|row| {
            let table = TableId::ALL[row.table_index()];
            let purpose = || self.stores[row.table_index()].purpose(row.row());
            table.is_for_a_purpose() && purpose().is_some_and(Purpose::is_bound)
        });
        if !is_bound {
            self.bound.remove(&person);
        }
        let known = &mut self.persons[person.0 as usize];
        known.rows = rows;
        if let Some(columns) = PermitColumns::of(&self.stores[TableId::Permits.index()]) {
            known.follow_rows(&columns, self.keeps);
        }
    }

    /// Drops the name of a unit of which nothing is left; `false` if something is. A later record of the same subject makes another unit, so that a
    /// checkpoint that goes on from an older one would name it twice: the next must be a whole one.
    pub fn forget(&mut self, person: PersonNo) -> bool {
        let known = &mut self.persons[person.0 as usize];
        if !known.rows.is_empty() || known.subject.is_empty() {
            return false;
        }
        let subject = std::mem::take(&mut known.subject);
        let own = known.own.take();
        if let Ok(entry) = self.by_subject.find_entry(hash_subject(&subject), |no| *no == person.0) {
            entry.remove();
        }
        for entity in own.iter().flat_map(|own| &own.entities) {
            self.entities[entity.0 as usize].persons.retain(|named| *named != person);
        }
        true
    }

    /// Packs a segment anew that has erased rows and lies before a mark; `false` if there is none.
    pub fn blank_next(&mut self, before: &Mark) -> bool {
        let segments = TableId::ALL.map(|table| before.rows_of(table) / SEGMENT_ROWS as u32);
        self.stores.iter_mut().zip(segments).any(|(store, segments)| store.blank_next(segments))
    }

    /// Blanks whatever is left to be.
    pub fn blank_rest(&mut self) {
        for store in &mut self.stores {
            while store.blank_next(u32::MAX) {}
        }
    }

    /// Rows that have been erased and whose values are still there.
    pub fn struck(&self) -> usize {
        self.stores.iter().map(super::Store::struck).sum()
    }
}

/// Whether a unit had taken back by `as_of` what these are the versions of, the latest last.
fn is_taken_back(versions: &[RowRef], as_of: KnownTime) -> bool {
    versions.last().is_some_and(|latest| latest.op() == Op::Retract && latest.known() <= as_of.0)
}

/// Which of these rows can be erased. A record whose number another has taken finds the next one (`index::place`): so what lies before one that
/// stays, stays.
fn erasable(rows: &[RowRef], mut over: Vec<bool>) -> Vec<bool> {
    let record = |row: &RowRef| (row.table_index(), row.key());
    let mut after: Option<(usize, u32)> = None;
    for at in (0..rows.len()).rev() {
        let (table, key) = record(&rows[at]);
        over[at] &= after != Some((table, key.wrapping_add(1)));
        let begins = at == 0 || record(&rows[at - 1]) != (table, key);
        let own = || (at..rows.len()).take_while(|other| record(&rows[*other]) == (table, key));
        if begins && own().any(|other| !over[other]) {
            after = Some((table, key));
        }
    }
    over
}

/// The rows that are left. One is a copy of the one before it if both are of the same version.
fn marked_anew(rows: &[RowRef], erased: &[bool]) -> Vec<RowRef> {
    let (mut left, mut version, mut last) = (Vec::new(), 0, None);
    for (row, erased) in rows.iter().zip(erased) {
        version += usize::from(!row.is_copy());
        if !erased {
            left.push(row.as_copy(last == Some(version)));
            last = Some(version);
        }
    }
    left
}

#[cfg(test)]
mod tests;
