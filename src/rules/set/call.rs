//! A call: the units of a batch, what each asks for, and what has been gathered of them so far.

use std::cell::{Cell, OnceCell, RefCell};
use std::time::Duration;

use crate::history::History;
use crate::rules::requests::Requests;
use crate::rules::set::RuleSet;
use crate::sql::cells::{Arena, Cells, Rows};
use crate::sql::column::Column;
use crate::units::{Sees, Unit, tagged_text};

/// A batch of units and what each asks for.
pub(super) struct Call<'a> {
    pub history: &'a History,
    pub units: &'a [Unit],
    pub requests: &'a Requests,
    /// Whose records the plans see.
    pub sees: Sees,
    pub persons: OnceCell<Column>,
    /// The unit's tables, if one unit is evaluated alone.
    pub single: Option<SingleTables<'a>>,
    /// Rows gathered so far; the time that filling slots has taken; and the part of that time spent on steps themselves.
    pub rows: Cell<usize>,
    pub filling: Cell<Duration>,
    steps: Cell<Duration>,
}

impl<'a> Call<'a> {
    pub fn new(history: &'a History, units: &'a [Unit], sees: Sees, requests: &'a Requests) -> Call<'a> {
        let (persons, single) = (OnceCell::new(), None);
        let (rows, filling, steps) = (Cell::default(), Cell::default(), Cell::default());
        Call { history, units, requests, sees, persons, single, rows, filling, steps }
    }

    /// A call for one unit.
    pub fn single(
        history: &'a History,
        unit: &'a Unit,
        sees: Sees,
        requests: &'a Requests,
        set: &RuleSet,
        arena: &'a Arena,
    ) -> Call<'a> {
        let units = std::slice::from_ref(unit);
        Call {
            single: Some(SingleTables::new(history, *unit, set, arena)),
            ..Call::new(history, units, sees, requests)
        }
    }

    /// Notes that a slot has been filled in `elapsed`, which includes other slots filled meanwhile; `before` is what filling had
    /// taken when it began.
    pub fn note_filled(&self, before: Duration, elapsed: Duration, is_step: bool) {
        if is_step {
            let within = self.filling.get().saturating_sub(before);
            self.steps.set(self.steps.get() + elapsed.saturating_sub(within));
        }
        self.filling.set(before + elapsed);
    }

    /// Time spent on filling tables and views that do not belong to one text.
    pub fn shared_filling(&self) -> Duration {
        self.filling.get().saturating_sub(self.steps.get())
    }
}

/// The tables and views of one unit that have been read so far.
pub(super) struct SingleTables<'a> {
    pub arena: &'a Arena,
    /// The unit's subject with its tag.
    pub person: Cells<'a>,
    pub tables: RefCell<Vec<Option<Rows<'a>>>>,
    pub views: RefCell<Vec<Option<Rows<'a>>>>,
}

impl<'a> SingleTables<'a> {
    pub fn new(history: &History, unit: Unit, set: &RuleSet, arena: &'a Arena) -> SingleTables<'a> {
        let subject = arena.text(&tagged_text(0, &history.person(unit.person).subject));
        SingleTables {
            arena,
            person: arena.texts(std::iter::once(Some(subject))),
            tables: RefCell::new(vec![None; set.bases.len()]),
            views: RefCell::new(vec![None; set.views.len()]),
        }
    }

    /// Forgets the chosen views, so that they are computed again.
    pub fn forget(&self, which: impl Iterator<Item = bool>) {
        self.views.borrow_mut().iter_mut().zip(which).filter(|(_, which)| *which).for_each(|(view, _)| *view = None);
    }
}
