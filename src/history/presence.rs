//! When a person is in the population by their own permits, and when they leave it.
//!
//! A person leaves at the first instant at which, by the permits known before it, all have ended and the last end and the aftercare have
//! passed: at 00:00 UTC of the day after. A version of a permit keeps its holder at least for the day on which it became known, so that it does not
//! matter in which order a register is read for the first time. From then on nothing counts that was known before. The next record of the
//! permits feed begins a new *stay*, with what becomes known from there on. `queries/tables.sql` has the same in SQL (section `who has left`).
//!
//! - It follows from the permits feed alone, in whatever order its records came, and from nothing that was known before the person last left: so
//!   that can be erased (`erase`).
//! - A person of whom no permit is known (an anchor, a status) stays.

use super::index::RowRef;
use super::span::PermitSpan;
use crate::model::schema::{Feed, TableId};
use crate::model::time::KnownTime;

/// What decides who leaves, and what is seen of those who come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeps {
    /// How long after the last permit's end its holder stays.
    pub aftercare_months: i32,
    /// How long a subject must have been in the permits feed before records of other feeds count, in microseconds.
    pub permit_lead: i64,
}

/// A person's stays, by time. Nearly all persons have one, so the others are kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// When the first stay ends, exclusive; `MAX`: nothing known ends it.
    until: KnownTime,
    later: Option<Box<Later>>,
}

/// The stays of somebody who has come back.
type Later = Vec<Stay>;

/// A person is in the population from an instant until another, exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay {
    pub from: KnownTime,
    pub until: KnownTime,
}

impl Default for Presence {
    fn default() -> Presence {
        Presence { until: KnownTime::MAX, later: None }
    }
}

impl Presence {
    /// `spans` in the order of the index; `rows` has the person's others; `keeps`: `None` if nobody leaves.
    pub(super) fn new(spans: &[PermitSpan], rows: &[RowRef], keeps: Option<Keeps>) -> Presence {
        let Some(keeps) = keeps else { return Presence::default() };
        let mut holds: Vec<Hold> = (0..spans.len()).filter_map(|at| Hold::new(&spans[at..], keeps)).collect();
        holds.sort_unstable_by_key(|hold| hold.from);
        let mut stays: Vec<Stay> = Vec::new();
        // Up to and including this instant the current stay goes on if another permit begins to keep the person.
        let mut joins_until = KnownTime::MIN;
        for hold in holds {
            match stays.last_mut().filter(|_| hold.from <= joins_until) {
                Some(stay) => stay.until = stay.until.max(hold.until),
                None => stays.push(Stay { from: hold.from, until: hold.until }),
            }
            joins_until = joins_until.max(hold.joins_until());
        }
        if stays.is_empty() {
            return Presence::default();
        }
        come_back_with_signs(&mut stays, rows);
        // What was known before the first permit belongs to the first stay.
        let until = stays.remove(0).until;
        stays.shrink_to_fit();
        Presence { until, later: (!stays.is_empty()).then(|| Box::new(stays)) }
    }

    /// From when on records count, as of an instant; `None`: the person has left.
    pub fn since(&self, as_of: KnownTime) -> Option<KnownTime> {
        if as_of < self.until {
            return Some(KnownTime::MIN);
        }
        let later = self.later.as_deref().map_or(&[][..], Vec::as_slice);
        let stay = later.iter().rfind(|stay| stay.from <= as_of)?;
        (as_of < stay.until).then_some(stay.from)
    }

    /// The instants at which the person leaves.
    pub fn leavings(&self) -> impl Iterator<Item = KnownTime> {
        let later = self.later.iter().flat_map(|stays| stays.iter().map(|stay| stay.until));
        std::iter::once(self.until).chain(later).filter(|until| *until < KnownTime::MAX)
    }

    /// When the person comes back who has left by `as_of`.
    pub fn returned(&self, as_of: KnownTime) -> Option<KnownTime> {
        let has_left = self.since(as_of).is_none();
        let later = self.later.as_deref().filter(|_| has_left)?;
        later.iter().map(|stay| stay.from).find(|from| *from > as_of)
    }

    /// The last instant before the person had left, of somebody who has.
    pub fn last_seen(&self, as_of: KnownTime) -> Option<KnownTime> {
        self.last_left(as_of).map(|until| until.minus(1))
    }

    /// What was known before this does not count any more as of an instant: since the person came back, or left.
    pub fn forgotten_before(&self, as_of: KnownTime) -> KnownTime {
        self.since(as_of).or_else(|| self.last_left(as_of)).unwrap_or(KnownTime::MIN)
    }

    fn last_left(&self, as_of: KnownTime) -> Option<KnownTime> {
        self.leavings().filter(|until| *until <= as_of).max()
    }

    /// Heap bytes.
    pub fn bytes(&self) -> usize {
        self.later.as_ref().map_or(0, |stays| size_of::<Later>() + stays.capacity() * size_of::<Stay>())
    }
}

/// Other records of the permits feed than permits bring a person back, too: until the next permit, or for as long as there is none.
fn come_back_with_signs(stays: &mut Vec<Stay>, rows: &[RowRef]) {
    let is_sign = |row: &&RowRef| {
        let table = TableId::ALL[row.table_index()];
        table.def().feed == Feed::Permits && !matches!(table, TableId::Permits | TableId::Anchors)
    };
    let signs = rows.iter().filter(is_sign).map(|row| KnownTime(row.known()));
    let mut last: Option<KnownTime> = None;
    for known in signs {
        let next = stays.partition_point(|stay| stay.until <= known);
        match stays.get_mut(next) {
            // Before the first stay everything counts.
            Some(stay) if next > 0 => stay.from = stay.from.min(known),
            Some(_) => {}
            None => last = Some(last.map_or(known, |last| last.min(known))),
        }
    }
    stays.extend(last.map(|from| Stay { from, until: KnownTime::MAX }));
}

/// The time in which a version of a permit keeps its holder.
#[derive(Clone, Copy, Debug)]
struct Hold {
    from: KnownTime,
    until: KnownTime,
    /// A greater version took its place then; otherwise the aftercare had passed.
    is_replaced: bool,
}

impl Hold {
    /// Of the first of these spans, which the greater versions of its permit follow. `None` if one of them became known at the same instant. What
    /// was known before it replaces nothing: it may have been forgotten since.
    fn new(spans: &[PermitSpan], keeps: Keeps) -> Option<Hold> {
        let (span, rest) = spans.split_first()?;
        let from = KnownTime(span.known);
        let greater = rest.iter().take_while(|other| other.key == span.key).map(|other| KnownTime(other.known));
        let replaced = greater.filter(|known| *known >= from).min().unwrap_or(KnownTime::MAX);
        let kept_until = span.end.and_then(|end| end.add_months(keeps.aftercare_months));
        let kept_until = kept_until.map_or(KnownTime::MAX, |last| KnownTime(last.max(from.day()).next().instant()));
        let until = replaced.min(kept_until);
        (until > from).then_some(Hold { from, until, is_replaced: replaced < kept_until })
    }

    /// A version that takes another's place at an instant goes on with it; one that becomes known when the aftercare has passed comes too late.
    fn joins_until(&self) -> KnownTime {
        if self.is_replaced || self.until == KnownTime::MAX { self.until } else { self.until.minus(1) }
    }
}

#[cfg(test)]
mod tests;
