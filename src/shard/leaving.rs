//! When persons leave the population. At that instant nothing counts any more of what was known of a person (`history::presence`): so everything that
//! rests on it is evaluated again, which retracts the alerts, drops the deadlines and takes back what the unit shows.
//!
//! - It is decided by the permits feed alone, so in live order it waits for that feed's clock.
//! - A record of a permit that comes late may move the instant, or take back that the person left. So what does not count any more is erased some
//!   days later: first from the index, for many persons, then from the columns, a segment at a time; the next checkpoint is then a whole one.

use std::collections::BTreeSet;

use crate::history::{Inserted, PersonNo};
use crate::model::record::{Coordinates, Offset, Op, Record};
use crate::model::schema::{Feed, TableId};
use crate::model::sets::{FeedSet, TableSet};
use crate::model::time::{KnownTime, MICROS_PER_DAY};
use crate::shard::{Change, Order, Shard};

/// Instants at which persons have to be evaluated because they leave.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    waiting: BTreeSet<(KnownTime, PersonNo)>,
    /// Of whom something may be there that does not count from an instant on: who has been evaluated as somebody who left then, and who was shown
    /// what was taken back then.
    gone: BTreeSet<(KnownTime, PersonNo)>,
    /// Of which nothing is left but the name.
    empty: Vec<PersonNo>,
    /// From when on erased rows are blanked; `None`: there are none.
    blanks_from: Option<KnownTime>,
    work: ErasureWork,
}

/// Units that are erased at one settling, so that none of them takes long: some milliseconds at most.
const ERASED_AT_ONCE: usize = 500;

/// What has been erased since it was last asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErasureWork {
    /// Persons and other units of whom nothing is left.
    pub units: u64,
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
            let (unit, inserted) = self.history.insert(record);
            if record.table.is_link() && record.op == Op::Retract {
                self.leaving.gone.insert((record.known_time, unit));
            }
            return (unit, inserted);
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
        let taken_back = self.history.persons().flat_map(|(no, unit)| unit.taken_back().map(move |at| (at, no)));
        self.leaving.gone.extend(taken_back);
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
        let mut due: BTreeSet<PersonNo> = BTreeSet::new();
        while due.len() < ERASED_AT_ONCE
            && let Some((left_at, unit)) = self.leaving.gone.first().copied().filter(|(at, _)| *at <= limit)
        {
            self.leaving.gone.remove(&(left_at, unit));
            due.insert(unit);
        }
        for unit in due {
            if self.history.person(unit).has_left(limit) && self.is_about(unit) {
                self.leaving.gone.insert((KnownTime(limit.0.saturating_add(MICROS_PER_DAY)), unit));
            } else {
                self.erase_unit(unit, limit);
            }
        }
        match self.leaving.blanks_from {
            Some(from) if from <= until => self.blank_some(),
            None if self.history.struck() > 0 => {
                self.leaving.blanks_from = Some(KnownTime(until.0.saturating_add(after)));
            }
            _ => {}
        }
    }

    /// Blanks the erased rows of a segment; after the last, what no checkpoint has, and the names.
    fn blank_some(&mut self) {
        let captured = self.captured.clone().unwrap_or_else(|| self.history.mark());
        if self.history.blank_next(&captured) {
            self.leaving.work.segments += 1;
            return;
        }
        self.leaving.blanks_from = None;
        self.history.blank_rest();
        self.forget_names();
        // What is on disk still has the rows and the names.
        self.capture_whole();
    }

    /// Whether something stands about a unit of which nothing counts: what a rule has found that has failed since, or a link.
    fn is_about(&self, unit: PersonNo) -> bool {
        !self.detector.rules_of(unit).is_empty() || self.shows_something(unit)
    }

    fn erase_unit(&mut self, unit: PersonNo, as_of: KnownTime) {
        let erased = self.history.erase(unit, as_of);
        self.leaving.work.rows += erased.rows as u64;
        if erased.rows > 0 {
            self.touch(unit);
        }
        if erased.is_empty {
            self.leaving.empty.push(unit);
        }
    }

    /// Forgets the names of units of which nothing is left and about which nothing stands.
    fn forget_names(&mut self) {
        for unit in std::mem::take(&mut self.leaving.empty) {
            if self.is_about(unit) {
                // The next time.
                self.leaving.empty.push(unit);
            } else if self.history.forget(unit) {
                self.leaving.work.units += 1;
                self.detector.forget(unit);
                self.forget_unit(unit);
            }
        }
    }

    /// What has been erased since the last call.
    pub fn take_erasure(&mut self) -> ErasureWork {
        std::mem::take(&mut self.leaving.work)
    }
}
