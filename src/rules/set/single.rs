//! Runs plans over one unit: gathers its tables as cells, and computes its views once for all plans of the call.

use std::time::Instant;

use arrow::compute::cast;
use datafusion::common::Result;

use crate::history::Version;
use crate::model::schema::ColumnType;
use crate::rules::planned::BaseTable;
use crate::rules::requests::Plans;
use crate::rules::set::RuleSet;
use crate::rules::set::call::{Call, SingleTables};
use crate::sql::cells::{Cells, Rows};
use crate::sql::executor::{Compiled, SingleRun};
use crate::sql::slots::{Origin, Slot};
use crate::units::{ColumnSource, push_tag, versions};

impl RuleSet {
    /// The rows of a plan; `name` is the name under which the profile counts it.
    pub(super) fn single<'a>(
        &'a self,
        name: &str,
        plan: &'a Compiled,
        call: &Call<'a>,
        single: &SingleTables<'a>,
        plans: &Plans,
    ) -> Result<Rows<'a>> {
        let slot = |slot: &'a Slot| self.single_slot(call, single, slot);
        self.run(name, call, plans, |run| plan.single(&SingleRun::new(run, single.arena, &slot)), |rows| rows.count)
    }

    fn single_slot<'a>(&'a self, call: &Call<'a>, single: &SingleTables<'a>, slot: &'a Slot) -> Result<Rows<'a>> {
        match slot.origin() {
            Some(Origin::Table(at)) => {
                if let Some(known) = single.tables.borrow()[at] {
                    return Ok(known);
                }
                let started = Instant::now();
                let rows = gathered(call, &self.bases[at], single);
                single.tables.borrow_mut()[at] = Some(rows);
                call.rows.set(call.rows.get() + rows.count);
                call.filling.set(call.filling.get() + started.elapsed());
                Ok(rows)
            }
            Some(Origin::View(at)) => self.single_view(call, single, at),
            // The rows of the used rules, which were put there before.
            None if std::ptr::eq(slot, &*self.rule_rows) => Rows::of_batch(&slot.whole(), single.arena),
            None => Ok(slot.fixed()?.rows(single.arena)),
        }
    }

    /// The rows of a view, in the columns of its slot.
    pub(super) fn single_view<'a>(&'a self, call: &Call<'a>, single: &SingleTables<'a>, at: usize) -> Result<Rows<'a>> {
        if let Some(known) = single.views.borrow()[at] {
            return Ok(known);
        }
        let (started, within) = (Instant::now(), call.filling.get());
        let (view, arena) = (&self.views[at], single.arena);
        let found = match &view.plan {
            Some(plan) => self.single(&view.slot.name, plan, call, single, &view.users)?,
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
        single.views.borrow_mut()[at] = Some(rows);
        call.note_filled(within, started.elapsed(), view.is_step);
        Ok(rows)
    }
}

/// The rows of a table.
fn gathered<'a>(call: &Call<'_>, base: &BaseTable, single: &SingleTables<'a>) -> Rows<'a> {
    let (history, demand, arena) = (call.history, base.demand(), single.arena);
    let mut found: Vec<Version> = Vec::new();
    versions(history, call.units[0], demand, call.sees, |version| found.push(version));
    if found.is_empty() {
        return Rows::NONE;
    }
    let store = history.store(base.table);
    let instants = |of: fn(&Version) -> Option<i64>| arena.numbers(found.iter().map(of));
    let mut text = String::new();
    let mut cells = |told: Option<ColumnSource>| match told {
        // No plan reads it.
        None => Cells::NONE,
        Some(ColumnSource::Person) => single.person.repeated(found.len(), arena),
        Some(ColumnSource::KnownFrom) => instants(|version| Some(version.known_from)),
        Some(ColumnSource::IsLatest) => instants(|version| Some(i64::from(version.is_latest))),
        Some(ColumnSource::FirstKnown) => instants(|version| Some(version.first_known)),
        Some(ColumnSource::Op) => arena.texts(found.iter().map(|version| Some(version.op.name()))),
        Some(ColumnSource::Record) => arena.texts(found.iter().map(|version| {
            text.clear();
            push_tag(&mut text, 0);
            store.write_reference(base.table, version.row, &mut text).then(|| arena.text(&text))
        })),
        Some(ColumnSource::Stored { column, is_tagged }) => match store.column_type(column) {
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
