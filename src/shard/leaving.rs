//! When persons leave the population. At that instant nothing counts any more of what was known of a person (`history::presence`): so everything that
//! rests on it is evaluated again, which retracts the alerts, drops the deadlines and takes back what the unit shows.
//!
//! - It is decided by the permits feed alone, so in live order it waits for that feed's clock.
//! - A record of a permit that comes late may move the instant, or take back that the person left. So what does not count any more is erased some
//!   days later: first from the index, for many persons, then from the columns, a segment at a time; the next checkpoint is then a whole one.

use std::collections::BTreeSet;

use crate::history::{Inserted, PersonNo};
use crate::model::record::{Coordinates, Offset, Record};
use crate::model::schema::{Feed, TableId};
use crate::model::sets::{FeedSet, TableSet};
use crate::model::time::{KnownTime, MICROS_PER_DAY};
use crate::shard::{Change, Order, Shard};

/// Instants at which persons have to be evaluated because they leave.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    waiting: BTreeSet<(KnownTime, PersonNo)>,
    /// Who has been evaluated as somebody who left then, and of whom something may be left.
    gone: BTreeSet<(KnownTime, PersonNo)>,
    /// From when on erased rows are blanked; `None`: there are none.
    blanks_from: Option<KnownTime>,
    work: ErasureWork,
}

/// What has been erased since it was last asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErasureWork {
    /// Persons of whom nothing is left.
    pub persons: u64,
    pub rows: u64,
    pub segments: u64,
}

impl Leaving {
    pub fn len(&self) -> usize {
        self.waiting.len()
    }
}

impl Shard {
    /// Adds a record about a person to the history, and notes when the person leaves by what is known now.
    pub(super) fn insert_known(&mut self, record: &Record) -> (PersonNo, Inserted) {
        if record.table != TableId::Permits {
            return self.history.insert(record);
        }
        let leavings = |shard: &Shard, person| shard.history.person(person).leavings().collect::<Vec<_>>();
        let before = self.history.person_no(&record.subject).map_or_else(Vec::new, |person| leavings(self, person));
        let (person, inserted) = self.history.insert(record);
        let after = leavings(self, person);
        for at in before.iter().filter(|at| !after.contains(at)) {
            if !self.leaving.waiting.remove(&(*at, person)) {
                // The person has been evaluated as somebody who had left.
                self.leaving.waiting.insert((record.known_time, person));
            }
        }
        self.leaving.waiting.extend(after.into_iter().filter(|at| !before.contains(at)).map(|at| (at, person)));
        (person, inserted)
    }

    /// Notes for everybody when they leave, after `since`.
    pub(super) fn note_leavings(&mut self, since: KnownTime) {
        let all = self.history.persons().flat_map(|(no, person)| person.leavings().map(move |at| (at, no)));
        (self.leaving.waiting, self.leaving.gone) = all.partition(|(at, _)| *at > since);
    }

    /// Live order: how far it has been settled who has left.
    pub(super) fn left_until(&self) -> KnownTime {
        self.settled.min(self.clocks.feed(Feed::Permits))
    }

    /// Notes a change of everything about those who leave up to `until`; to be called before the links are evaluated. In strict order everything
    /// known up to then has been taken.
    pub fn let_leave(&mut self, until: KnownTime) {
        let until = match self.settings.order {
            Order::Strict => until,
            Order::Live => until.min(self.clocks.feed(Feed::Permits)),
        };
        while let Some((at, person)) = self.leaving.waiting.first().copied().filter(|(at, _)| *at <= until) {
            self.leaving.waiting.pop_first();
            self.leaving.gone.insert((at, person));
            self.changes.push(Change {
                person,
                as_of: at,
                tables: TableSet::ALL,
                corrected: false,
                late: FeedSet::default(),
                sent_at: None,
                coordinates: Coordinates { feed: Feed::Permits, partition: self.settings.number, offset: Offset(-1) },
            });
        }
    }

    /// Rows that are erased, and still have their values.
    pub fn struck(&self) -> usize {
        self.history.struck()
    }

    /// Live order: [`Shard::erase`] as far as the permits feed has been settled.
    pub fn erase_live(&mut self, after: i64) {
        self.erase(self.left_until(), after);
    }

    /// Erases what does not count any more of those who left at least `after` microseconds before `until`, and blanks a segment if its time has come.
    /// To be called when everything has been settled.
    pub fn erase(&mut self, until: KnownTime, after: i64) {
        let limit = until.minus(after);
        let mut put_off = Vec::new();
        while let Some((left_at, person)) = self.leaving.gone.first().copied().filter(|(at, _)| *at <= limit) {
            self.leaving.gone.remove(&(left_at, person));
            if self.is_about(person, limit) || !self.erase_person(person, limit) {
                put_off.push((KnownTime(limit.0.saturating_add(MICROS_PER_DAY)), person));
            }
        }
        self.leaving.gone.extend(put_off);
        let has_struck = self.leaving.blanks_from.is_some();
        if has_struck && self.leaving.blanks_from.is_some_and(|from| from <= until) {
            if self.history.blank_next() {
                self.leaving.work.segments += 1;
            } else {
                self.leaving.blanks_from = None;
                // What is on disk still has the rows.
                self.capture_whole();
            }
        } else if !has_struck && self.history.struck() > 0 {
            self.leaving.blanks_from = Some(KnownTime(until.0.saturating_add(after)));
        }
    }

    /// Whether something still stands about somebody who is not there any more: what a rule has found that has failed since, or a link.
    fn is_about(&self, person: PersonNo, as_of: KnownTime) -> bool {
        let has_left = self.history.person(person).has_left(as_of);
        has_left && (!self.detector.rules_of(person).is_empty() || self.shows_something(person))
    }

    /// Returns whether that is all.
    fn erase_person(&mut self, person: PersonNo, as_of: KnownTime) -> bool {
        let erased = self.history.erase(person, as_of);
        self.leaving.work.rows += erased.rows as u64;
        if erased.rows > 0 {
            self.touch(person);
        }
        if erased.is_gone {
            self.leaving.work.persons += 1;
            self.detector.forget(person);
            self.forget_unit(person);
        }
        !erased.is_shown
    }

    /// What has been erased since the last call.
    pub fn take_erasure(&mut self) -> ErasureWork {
        std::mem::take(&mut self.leaving.work)
    }
}
