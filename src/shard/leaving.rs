//! When persons leave the population. At that instant nothing counts any more of what was known of a person (`history::presence`): so everything that
//! rests on it is evaluated again, which retracts the alerts, drops the deadlines and takes back what the unit shows.
//!
//! - It is decided by the permits feed alone, so in live order it waits for that feed's clock.
//! - A record of a permit that comes late may move the instant, or take back that the person left.

use std::collections::BTreeSet;

use crate::history::{Inserted, PersonNo};
use crate::model::record::{Coordinates, Offset, Record};
use crate::model::schema::{Feed, TableId};
use crate::model::sets::{FeedSet, TableSet};
use crate::model::time::KnownTime;
use crate::shard::{Change, Order, Shard};

/// Instants at which persons have to be evaluated because they leave.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    waiting: BTreeSet<(KnownTime, PersonNo)>,
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
        self.leaving.waiting = all.filter(|(at, _)| *at > since).collect();
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
}
