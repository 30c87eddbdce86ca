//! Runs the same plans over the rows of one unit.
//!
//! A record that arrives alone is evaluated alone: a hundred operators over a handful of rows each. There an Arrow array costs more
//! than the values in it (a buffer, its owner, its nulls, each allocated and counted), so columns are plain slices here, in an
//! arena that is freed as a whole at the end of the call (`cells`). The operators are those of the executor, node by node, with the
//! same meaning; they share the code that does not look at values (such as which rows of a join belong together). Where an operator
//! needs arrays (DataFusion's aggregates, keys of unusual types), its rows become arrays for that one step.

mod group;
mod join;
mod sort;
mod window;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::Array;
use arrow::compute::concat;
use arrow::datatypes::SchemaRef;
use datafusion::common::Result;

pub use window::SingleWindow;

use crate::sql::cells::{Arena, Cells, Fixed, Rows, Values};
use crate::sql::column::Batch;
use crate::sql::executor::prune::Pruned;
use crate::sql::executor::{Compiled, Input, Node, Operator, Part, Run, Selection};
use crate::sql::slots::Slot;
use crate::sql::values::{hash_bytes, hash_number};

/// What a run over one unit reads and reports to.
pub(crate) struct SingleRun<'r, 'a> {
    pub run: &'r Run<'r>,
    pub arena: &'a Arena,
    /// The rows of a slot, in its columns; columns that no plan reads are empty.
    pub slot: &'r dyn Fn(&'a Slot) -> Result<Rows<'a>>,
    /// Inputs that were read before the plan ran.
    looked_at: RefCell<Vec<(*const Input, Rows<'a>)>>,
}

impl<'r, 'a> SingleRun<'r, 'a> {
    pub fn new(
        run: &'r Run<'r>,
        arena: &'a Arena,
        slot: &'r dyn Fn(&'a Slot) -> Result<Rows<'a>>,
    ) -> SingleRun<'r, 'a> {
        SingleRun { run, arena, slot, looked_at: RefCell::default() }
    }

    /// The rows of an input, computed once per run of its part.
    fn rows_in(&self, input: &'a Arc<Input>) -> Result<Rows<'a>> {
        let known =
            self.looked_at.borrow().iter().find(|(known, _)| *known == Arc::as_ptr(input)).map(|(_, rows)| *rows);
        if let Some(rows) = known {
            return Ok(rows);
        }
        let rows = self.rows_of(&input.slot)?;
        if rows.count == 0 {
            return Ok(Rows::NONE);
        }
        let rows = rows.project(&input.projection, self.arena);
        match &input.condition {
            Some(selection) => selection.single(&rows, self.arena),
            None => Ok(rows),
        }
    }

    /// The rows of a slot; computing them does not count as the operator's time.
    fn rows_of(&self, slot: &'a Slot) -> Result<Rows<'a>> {
        let Some(costs) = self.run.costs else { return (self.slot)(slot) };
        let started = Instant::now();
        let rows = (self.slot)(slot);
        costs.borrow_mut().inputs += started.elapsed();
        rows
    }

    /// Whether a part of a plan can have rows: whether each of its required inputs has some.
    fn is_possible(&self, part: &'a Part) -> Result<bool> {
        for input in &part.required {
            let rows = self.rows_in(input)?;
            if rows.count == 0 {
                return Ok(false);
            }
            self.looked_at.borrow_mut().push((Arc::as_ptr(input), rows));
        }
        Ok(true)
    }
}

impl Compiled {
    /// The plan's rows for one unit.
    pub(crate) fn single<'a>(&'a self, run: &SingleRun<'_, 'a>) -> Result<Rows<'a>> {
        if run.is_possible(&self.root)? { self.root.node.single(run) } else { Ok(Rows::NONE) }
    }

    pub fn schema(&self) -> &SchemaRef {
        &self.root.node.schema
    }
}

impl Node {
    fn single<'a>(&'a self, run: &SingleRun<'_, 'a>) -> Result<Rows<'a>> {
        let Some(costs) = run.run.costs else { return self.operate_single(run) };
        let above = costs.borrow_mut().enter();
        let started = Instant::now();
        let rows = self.operate_single(run);
        let count = rows.as_ref().map_or(0, |rows| rows.count);
        costs.borrow_mut().leave(&self.name, above, count as u64, started.elapsed());
        rows
    }

    fn operate_single<'a>(&'a self, run: &SingleRun<'_, 'a>) -> Result<Rows<'a>> {
        let arena = run.arena;
        match &self.operator {
            Operator::Input(input) => run.rows_in(input),
            Operator::Constant { rows, .. } => match rows.single.get() {
                Some(fixed) => Ok(fixed.rows(arena)),
                None => {
                    let fixed = Fixed::of(&self.operate(run.run, &Pruned::default())?)?;
                    Ok(rows.single.get_or_init(|| fixed).rows(arena))
                }
            },
            Operator::Filter { input, selection } => {
                let input = input.single(run)?;
                if input.count == 0 { Ok(Rows::NONE) } else { selection.single(&input, arena) }
            }
            Operator::Project { input, columns } => {
                let input = input.single(run)?;
                if input.count == 0 {
                    return Ok(Rows::NONE);
                }
                let columns = arena.try_slice(columns.iter().map(|column| column.cells(&input, arena)))?;
                Ok(Rows { count: input.count, columns })
            }
            Operator::Join(join) => join.single(run),
            Operator::Group(group) => group.single(run, &self.schema),
            Operator::Sort(sort) => sort.single(run),
            Operator::Union { inputs } => {
                let mut found = Vec::with_capacity(inputs.len());
                for part in inputs {
                    let rows = if run.is_possible(part)? { part.node.single(run)? } else { Rows::NONE };
                    if rows.count > 0 {
                        found.push(rows);
                    }
                }
                union(&found, &self.schema, arena)
            }
            Operator::Window(window) => window.single(run),
            Operator::Foreign { plan, inputs } => {
                let of = |input: &'a Node| input.single(run)?.batch(&input.schema);
                let inputs = inputs.iter().map(of).collect::<Result<Vec<Batch>>>()?;
                Rows::of_batch(&plan.run(run.run, inputs)?, arena)
            }
        }
    }
}

impl Selection {
    fn single<'a>(&'a self, rows: &Rows<'a>, arena: &'a Arena) -> Result<Rows<'a>> {
        let holding = self.predicate.holding_single(rows, arena)?;
        if holding.as_ref().is_some_and(Vec::is_empty) {
            return Ok(Rows::NONE);
        }
        let rows = self.projection.as_ref().map_or(*rows, |projection| rows.project(projection, arena));
        Ok(holding.map_or(rows, |holding| rows.keep(&holding, arena)))
    }
}

fn union<'a>(inputs: &[Rows<'a>], schema: &SchemaRef, arena: &'a Arena) -> Result<Rows<'a>> {
    let [first, ..] = inputs else { return Ok(Rows::NONE) };
    if inputs.len() == 1 {
        return Ok(*first);
    }
    let count = inputs.iter().map(|input| input.count).sum();
    let column = |at: usize| -> Result<Cells<'a>> {
        let all = || inputs.iter().flat_map(|input| (0..input.count).map(|row| (input.columns[at], row)));
        let is_array = inputs.iter().any(|input| input.columns[at].is_array());
        Ok(match first.columns[at].values {
            Values::Numbers(_) if !is_array => {
                arena.numbers(all().map(|(cells, row)| cells.number(row)).collect::<Vec<_>>().into_iter())
            }
            Values::Texts(_) if !is_array => {
                arena.texts(all().map(|(cells, row)| cells.text(row)).collect::<Vec<_>>().into_iter())
            }
            _ => {
                let ty = schema.field(at).data_type();
                let arrays = inputs.iter().map(|input| input.columns[at].to_array(input.count, ty));
                let arrays = arrays.collect::<Result<Vec<_>>>()?;
                let arrays: Vec<&dyn Array> = arrays.iter().map(|array| array.as_ref()).collect();
                arena.cells_of(concat(&arrays)?)
            }
        })
    };
    Ok(Rows { count, columns: arena.try_slice((0..first.columns.len()).map(column))? })
}

/// Whether two rows have the same value; nulls are equal.
fn same(a: Cells<'_>, row: usize, b: Cells<'_>, at: usize) -> bool {
    match a.values {
        Values::Numbers(_) => a.number(row) == b.number(at),
        Values::Texts(_) => match (a.text(row), b.text(at)) {
            // Identifiers in different tables often share one text.
            (Some(a), Some(b)) => std::ptr::eq(a, b) || a == b,
            (None, None) => true,
            _ => false,
        },
        Values::Array(_) => false,
    }
}

/// The hash of a row's key.
fn hash_of(keys: &[Cells<'_>], row: usize) -> u64 {
    keys.iter().fold(0, |all: u64, cells| {
        let own = match cells.values {
            Values::Numbers(_) => cells.number(row).map_or(0, |number| hash_number(number as u64)),
            Values::Texts(_) => cells.text(row).map_or(0, |text| hash_bytes(text.as_bytes())),
            Values::Array(_) => 0,
        };
        all.rotate_left(23).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ own
    })
}
