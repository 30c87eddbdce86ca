//! Executes DataFusion's physical plans in whole batches, without streams, computing each value as late as possible.
//!
//! A rule runs again and again over the rows of a few persons or of many thousands. DataFusion's operators are built for long
//! streams: each execution builds operators, streams and metrics anew, and joins, filters and sorts copy every column of every row
//! that passes. Here a plan is compiled once into nodes that call one another directly, and a batch's columns are *picked*, not
//! copied: an operator that only selects or reorders rows passes on the same arrays with other row numbers, and a new array is made
//! only when an expression computes with a column. Hashes of identifiers are stored with the array, so all joins of all rules over
//! a slot share them.
//!
//! Expressions and aggregate functions that this module does not compute are DataFusion's own; so is any operator that has no node
//! (`foreign`). The meaning of a plan is not changed; tests compare it with the `oracle`, which uses DataFusion's own operators.
//!
//! - `column`: picked columns and batches of them. `expr` and `rowwise`: expressions over the columns that they need.
//! - `keys`: hashes and equality of join and group keys. `join` (with `range` and `condition`), `group` (with `aggregate`), `sort`,
//!   `window`: the operators. `foreign`: DataFusion's operators.
//! - `needed`: in which tables a person must have rows. `prune`: for which units of a batch a plan can have rows. `compile`: from a
//!   physical plan to nodes.
//!
//! A call runs on one thread and does no I/O. Work is metered in rows (see `budget`).

mod aggregate;
mod compile;
mod condition;
mod expr;
mod foreign;
mod group;
mod join;
mod needed;
mod prune;
mod range;
mod rowwise;
mod single;
mod sort;
#[cfg(test)]
mod tests;
mod window;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arrow::array::{Array, RecordBatch};
use arrow::compute::concat;
use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;

pub use needed::Needed;
pub(crate) use single::SingleRun;

use crate::sql::budget::Budget;
use crate::sql::cells::Fixed;
use crate::sql::column::{Batch, Column, Picks, pick_all};
use crate::sql::executor::compile::Compiler;
use crate::sql::executor::expr::Expr;
use crate::sql::executor::foreign::Foreign;
use crate::sql::executor::group::Group;
use crate::sql::executor::join::Join;
use crate::sql::executor::prune::Pruned;
use crate::sql::executor::sort::Sort;
use crate::sql::executor::window::Window;
use crate::sql::profile::Costs;
use crate::sql::slots::{Origin, Slot};

/// A plan that is ready to run any number of times.
pub struct Compiled {
    root: Part,
    /// The plan that it was compiled from.
    source: Arc<dyn ExecutionPlan>,
}

/// A whole plan, or one branch of a union: each branch has required inputs of its own.
struct Part {
    node: Node,
    /// Inputs without which the part has no rows, in the order in which to check them; empty if checking would exclude nothing.
    required: Vec<Arc<Input>>,
}

/// What a run reads and reports to.
pub(crate) struct Run<'a> {
    pub budget: &'a Budget,
    pub task: &'a Arc<TaskContext>,
    pub runtime: &'a tokio::runtime::Runtime,
    /// Number of units in the slots.
    pub units: usize,
    /// By unit: whether its rows are wanted; `None`: those of all units are.
    pub asked: Option<Vec<bool>>,
    /// Fills a slot when it is first read.
    pub fill: &'a dyn Fn(Origin) -> Result<()>,
    /// Time by operator, while profiling is on.
    pub costs: Option<&'a RefCell<Costs>>,
}

impl Run<'_> {
    /// Makes sure that the slot holds the rows of the current units.
    fn ready(&self, slot: &Slot) -> Result<()> {
        let Some(origin) = slot.take_stale() else { return Ok(()) };
        let started = Instant::now();
        let filled = (self.fill)(origin);
        if filled.is_err() {
            slot.invalidate();
        }
        if let Some(costs) = self.costs {
            costs.borrow_mut().inputs += started.elapsed();
        }
        filled
    }
}

/// An operator and its inputs.
struct Node {
    name: String,
    schema: SchemaRef,
    operator: Operator,
    /// The output if there are no rows: most nodes have none in most executions for a few units.
    empty: Batch,
}

/// Columns of a slot: all its rows, or those that meet a condition.
struct Input {
    slot: Arc<Slot>,
    projection: Vec<usize>,
    condition: Option<Selection>,
}

/// A filter: the rows that meet a condition, and the columns to pass on.
struct Selection {
    predicate: Expr,
    projection: Option<Vec<usize>>,
}

enum Operator {
    /// Shared with the part that requires it.
    Input(Arc<Input>),
    /// Rows that are the same in every run; DataFusion computes them in the first.
    Constant {
        plan: Foreign,
        rows: Constant,
    },
    Filter {
        input: Box<Node>,
        selection: Selection,
    },
    Project {
        input: Box<Node>,
        columns: Vec<Expr>,
    },
    Join(Box<Join>),
    Group(Box<Group>),
    Sort(Box<Sort>),
    Union {
        inputs: Vec<Part>,
    },
    Window(Box<Window>),
    Foreign {
        plan: Foreign,
        inputs: Vec<Node>,
    },
}

/// Rows computed in an earlier run, in both forms.
#[derive(Default)]
struct Constant {
    batch: OnceLock<Batch>,
    single: OnceLock<Fixed>,
}

impl Compiled {
    /// Compiles a physical plan whose leaves are slots.
    pub fn new(plan: &Arc<dyn ExecutionPlan>, budget: &Arc<Budget>) -> Result<Compiled> {
        Compiled::of(plan, &BTreeMap::new(), budget)
    }

    /// The same plan over other slots, found by name; a slot whose name is not in `slots` stays.
    pub(crate) fn over(&self, slots: &BTreeMap<&str, Arc<Slot>>, budget: &Arc<Budget>) -> Result<Compiled> {
        Compiled::of(&self.source, slots, budget)
    }

    fn of(plan: &Arc<dyn ExecutionPlan>, slots: &BTreeMap<&str, Arc<Slot>>, budget: &Arc<Budget>) -> Result<Compiled> {
        let root = Compiler { slots, budget }.part(plan)?;
        Ok(Compiled { root, source: Arc::clone(plan) })
    }

    /// The plan's operators, each with whether it is one of ours.
    pub fn operators(&self) -> Vec<(&str, bool)> {
        let mut found = Vec::new();
        let mut open = vec![&self.root.node];
        while let Some(node) = open.pop() {
            found.push((node.name.as_str(), !matches!(node.operator, Operator::Foreign { .. })));
            open.extend(node.inputs());
        }
        found
    }

    /// In which tables a person must have rows for the plan to have any; `of_slot` gives this for a slot's rows.
    pub(crate) fn needed(&self, of_slot: &impl Fn(&Slot) -> Needed) -> Needed {
        needed::needed(&self.root.node, of_slot)
    }

    /// The rows, as columns that are computed when they are read.
    pub(crate) fn run(&self, run: &Run<'_>) -> Result<Batch> {
        match Pruned::of(&self.root, run, run.asked.clone())? {
            Some(pruned) => self.root.node.run(run, &pruned),
            None => Ok(self.root.node.empty.clone()),
        }
    }

    /// The rows as arrays.
    pub(crate) fn collect(&self, run: &Run<'_>) -> Result<RecordBatch> {
        self.run(run)?.to_record_batch(&self.root.node.schema)
    }
}

impl Node {
    fn inputs(&self) -> Vec<&Node> {
        match &self.operator {
            Operator::Input(_) | Operator::Constant { .. } => Vec::new(),
            Operator::Filter { input, .. } | Operator::Project { input, .. } => vec![input],
            Operator::Join(join) => vec![&join.left, &join.right],
            Operator::Group(group) => vec![&group.input],
            Operator::Sort(sort) => vec![&sort.input],
            Operator::Window(window) => vec![window.input()],
            Operator::Union { inputs } => inputs.iter().map(|part| &part.node).collect(),
            Operator::Foreign { inputs, .. } => inputs.iter().collect(),
        }
    }

    fn run(&self, run: &Run<'_>, pruned: &Pruned) -> Result<Batch> {
        if let Operator::Input(input) = &self.operator
            && let Some(known) = pruned.known(input)
        {
            return Ok(known);
        }
        let Some(costs) = run.costs else { return self.operate(run, pruned) };
        let above = costs.borrow_mut().enter();
        let started = Instant::now();
        let batch = self.operate(run, pruned);
        let rows = batch.as_ref().map_or(0, |batch| batch.rows);
        costs.borrow_mut().leave(&self.name, above, rows as u64, started.elapsed());
        batch
    }

    fn operate(&self, run: &Run<'_>, pruned: &Pruned) -> Result<Batch> {
        match &self.operator {
            Operator::Input(input) => {
                let rows = pruned.scan(&input.slot, &input.projection, run)?;
                match &input.condition {
                    Some(_) if rows.rows == 0 => Ok(self.empty.clone()),
                    Some(selection) => Ok(selection.of(&rows)?.0),
                    None => Ok(rows),
                }
            }
            Operator::Constant { plan, rows } => match rows.batch.get() {
                Some(rows) => Ok(rows.clone()),
                None => {
                    let batch = plan.run(run, Vec::new())?;
                    Ok(rows.batch.get_or_init(|| batch).clone())
                }
            },
            Operator::Filter { input, selection } => {
                let input = input.run(run, pruned)?;
                if input.rows == 0 {
                    return Ok(self.empty.clone());
                }
                Ok(selection.of(&input)?.0)
            }
            Operator::Project { input, columns } => {
                let input = input.run(run, pruned)?;
                if input.rows == 0 {
                    return Ok(self.empty.clone());
                }
                let columns = columns.iter().map(|column| column.column(&input)).collect::<Result<_>>()?;
                Ok(Batch { rows: input.rows, columns })
            }
            Operator::Join(join) => join.run(run, pruned, &self.empty),
            Operator::Group(group) => group.run(run, pruned, &self.schema, &self.empty),
            Operator::Sort(sort) => sort.run(run, pruned),
            Operator::Union { inputs } => {
                let apart = |part: &Part| match pruned.within(part, run)? {
                    Some(pruned) => part.node.run(run, &pruned),
                    None => Ok(part.node.empty.clone()),
                };
                union(inputs.iter().map(apart).collect::<Result<Vec<_>>>()?, &self.empty)
            }
            Operator::Window(window) => window.run(run, pruned, &self.empty),
            Operator::Foreign { plan, inputs } => {
                let inputs = inputs.iter().map(|input| input.run(run, pruned)).collect::<Result<Vec<_>>>()?;
                plan.run(run, inputs)
            }
        }
    }
}

impl Selection {
    /// The rows that meet the condition, and their numbers; `None`: all rows.
    fn of(&self, input: &Batch) -> Result<(Batch, Option<Picks>)> {
        let columns: Vec<Column> = match &self.projection {
            Some(projection) => projection.iter().map(|column| input.columns[*column].clone()).collect(),
            None => input.columns.clone(),
        };
        let picks = if input.rows == 0 { None } else { self.predicate.holding(input)? };
        let batch = match &picks {
            Some(picks) => Batch { rows: picks.len(), columns: pick_all(&columns, picks) },
            None => Batch { rows: input.rows, columns },
        };
        Ok((batch, picks))
    }
}

fn union(mut inputs: Vec<Batch>, empty: &Batch) -> Result<Batch> {
    let rows = inputs.iter().map(|input| input.rows).sum();
    if rows == 0 {
        return Ok(empty.clone());
    }
    inputs.retain(|input| input.rows > 0);
    if inputs.len() == 1 {
        return Ok(inputs.remove(0));
    }
    let mut columns = Vec::with_capacity(empty.columns.len());
    for at in 0..empty.columns.len() {
        let parts = inputs.iter().map(|input| input.columns[at].array()).collect::<Result<Vec<_>>>()?;
        let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
        columns.push(Column::new(concat(&parts)?));
    }
    Ok(Batch { rows, columns })
}

impl Costs {
    /// Begins to measure an operator: time spent in its inputs does not count as its own.
    fn enter(&mut self) -> Duration {
        std::mem::take(&mut self.inputs)
    }

    fn leave(&mut self, operator: &str, above: Duration, rows: u64, elapsed: Duration) {
        let own = elapsed.saturating_sub(self.inputs);
        self.add(operator, rows, own);
        self.inputs = above + elapsed;
    }
}
