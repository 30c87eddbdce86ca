//! Plans over one unit: its tables gathered as cells, its views worked out once for all plans of the call.

use std::cell::RefCell;
use std::time::Instant;

use arrow::compute::cast;
use datafusion::common::Result;

use crate::history::{History, Version};
use crate::rules::asking::PlanMask;
use crate::rules::executor::{Arena, Cells, Compiled, FewRun, Rows};
use crate::rules::set::evaluate::Call;
use crate::rules::set::{BaseTable, RuleSet};
use crate::rules::table::{Origin, Slot};
use crate::schema::ColumnType;
use crate::units::{Told, Unit, push_tag, tagged_text, versions};

/// The tables and views of a unit, as far as somebody has asked for them.
pub(super) struct FewTables<'a> {
    arena: &'a Arena,
    /// The unit's subject with its tag.
    person: Cells<'a>,
    tables: RefCell<Vec<Option<Rows<'a>>>>,
    views: RefCell<Vec<Option<Rows<'a>>>>,
}

impl<'a> FewTables<'a> {
    pub fn new(history: &History, unit: Unit, set: &RuleSet, arena: &'a Arena) -> FewTables<'a> {
        let subject = arena.text(&tagged_text(0, &history.person(unit.person).subject));
        FewTables {
            arena,
            person: arena.texts(std::iter::once(Some(subject))),
            tables: RefCell::new(vec![None; set.bases.len()]),
            views: RefCell::new(vec![None; set.views.len()]),
        }
    }

    /// Views to be worked out anew.
    pub fn forget(&self, which: impl Iterator<Item = bool>) {
        self.views.borrow_mut().iter_mut().zip(which).filter(|(_, which)| *which).for_each(|(view, _)| *view = None);
    }
}

impl RuleSet {
    /// The rows of a plan; `name` says for the profile whose it is.
    pub(super) fn few<'a>(
        &'a self,
        name: &str,
        plan: &'a Compiled,
        call: &Call<'a>,
        few: &FewTables<'a>,
        plans: PlanMask,
    ) -> Result<Rows<'a>> {
        let slot = |slot: &'a Slot| self.few_slot(call, few, slot);
        self.run(name, call, plans, |run| plan.few(&FewRun::new(run, few.arena, &slot)), |rows| rows.count)
    }

    fn few_slot<'a>(&'a self, call: &Call<'a>, few: &FewTables<'a>, slot: &'a Slot) -> Result<Rows<'a>> {
        match slot.origin() {
            Some(Origin::Table(at)) => {
                if let Some(known) = few.tables.borrow()[at] {
                    return Ok(known);
                }
                let started = Instant::now();
                let rows = gathered(call.history, call.units[0], &self.bases[at], few);
                few.tables.borrow_mut()[at] = Some(rows);
                call.rows.set(call.rows.get() + rows.count);
                call.filling.set(call.filling.get() + started.elapsed());
                Ok(rows)
            }
            Some(Origin::View(at)) => self.few_view(call, few, at),
            // What rules found, which is put there for the plans that read it.
            None if std::ptr::eq(slot, &*self.rule_rows) => Rows::of_batch(&slot.whole(), few.arena),
            None => Ok(slot.fixed()?.rows(few.arena)),
        }
    }

    /// The rows of a view, in the columns of its slot.
    pub(super) fn few_view<'a>(&'a self, call: &Call<'a>, few: &FewTables<'a>, at: usize) -> Result<Rows<'a>> {
        if let Some(known) = few.views.borrow()[at] {
            return Ok(known);
        }
        let (started, within) = (Instant::now(), call.filling.get());
        let (view, arena) = (&self.views[at], few.arena);
        let found = match &view.plan {
            Some(plan) => self.few(&view.slot.name, plan, call, few, view.users)?,
            None => Rows::NONE,
        };
        let rows = match &view.plan {
            Some(plan) if found.count > 0 => {
                let mut columns = vec![Cells::NONE; view.slot.schema.fields().len()];
                for ((cells, field), &to) in found.columns.iter().zip(plan.schema().fields()).zip(&view.columns) {
                    let wanted = view.slot.schema.field(to).data_type();
                    let is_wanted = field.data_type() == wanted;
                    columns[to] = match is_wanted {
                        true => *cells,
                        false => arena.cells_of(cast(&cells.to_array(found.count, field.data_type())?, wanted)?),
                    };
                }
                Rows { count: found.count, columns: arena.slice(columns.into_iter()) }
            }
            _ => Rows::NONE,
        };
        few.views.borrow_mut()[at] = Some(rows);
        call.note_filled(within, started.elapsed(), view.is_step);
        Ok(rows)
    }
}

/// The rows of a table.
fn gathered<'a>(history: &History, unit: Unit, base: &BaseTable, few: &FewTables<'a>) -> Rows<'a> {
    let (demand, arena) = (base.demand(), few.arena);
    let mut found: Vec<Version> = Vec::new();
    versions(history, unit, demand, |version| found.push(version));
    if found.is_empty() {
        return Rows::NONE;
    }
    let store = history.store(base.table);
    let instants = |of: fn(&Version) -> Option<i64>| arena.numbers(found.iter().map(of));
    let mut text = String::new();
    let mut cells = |told: Option<Told>| match told {
        // Nobody reads it.
        None => Cells::NONE,
        Some(Told::Person) => few.person.repeated(found.len(), arena),
        Some(Told::KnownFrom) => instants(|version| Some(version.known_from)),
        Some(Told::IsLatest) => instants(|version| Some(i64::from(version.is_latest))),
        Some(Told::FirstKnown) => instants(|version| Some(version.first_known)),
        Some(Told::Op) => arena.texts(found.iter().map(|version| Some(version.op.name()))),
        Some(Told::Record) => arena.texts(found.iter().map(|version| {
            text.clear();
            push_tag(&mut text, 0);
            store.write_reference(base.table, version.row, &mut text).then(|| arena.text(&text))
        })),
        Some(Told::Stored { column, is_tagged }) => match store.column_type(column) {
            ColumnType::CodeList => arena.cells_of(store.gather(column, found.iter().map(|version| version.row))),
            ColumnType::Date
            | ColumnType::Month
            | ColumnType::Timestamp
            | ColumnType::Int
            | ColumnType::Sek
            | ColumnType::Bool => arena.numbers(found.iter().map(|version| store.number(column, version.row))),
            _ => arena.texts(found.iter().map(|version| {
                text.clear();
                if is_tagged {
                    push_tag(&mut text, 0);
                }
                store.write(column, version.row, &mut text).then(|| arena.text(&text))
            })),
        },
    };
    let columns: Vec<Cells<'a>> = demand.columns.iter().map(|told| cells(*told)).collect();
    Rows { count: found.len(), columns: arena.slice(columns.into_iter()) }
}
