//! Grouping: a number for each distinct key, and DataFusion's accumulators over those numbers.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::GroupsAccumulatorAdapter;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;

use crate::rules::executor::column::{Batch, Column, Picks, pick_all};
use crate::rules::executor::expr::Expr;
use crate::rules::executor::keys::{Keys, number};
use crate::rules::executor::prune::Pruned;
use crate::rules::executor::{Node, Run};

/// One row for each distinct key.
pub(super) struct Group {
    pub input: Node,
    /// None: one row for all.
    pub keys: Vec<Expr>,
    pub aggregates: Vec<Aggregate>,
}

/// A function over the rows of a group.
pub(super) struct Aggregate {
    pub function: Arc<AggregateFunctionExpr>,
    /// What it reads, and what orders that.
    pub arguments: Vec<Expr>,
    pub filter: Option<Expr>,
}

impl Group {
    pub fn run(&self, run: &Run<'_>, pruned: &Pruned, schema: &SchemaRef) -> Result<Batch> {
        let input = self.input.run(run, pruned)?;
        if input.rows == 0 && !self.keys.is_empty() {
            return Ok(Batch::empty(schema));
        }
        let (numbers, mut columns, groups) = if self.keys.is_empty() {
            (vec![0; input.rows], Vec::new(), 1)
        } else {
            let keys = self.keys.iter().map(|key| key.column(&input)).collect::<Result<Vec<_>>>()?;
            let by = Keys::new(&keys, input.rows);
            let (numbers, first) = number(&by, &by.hashes());
            let groups = first.len();
            let columns = if groups == input.rows { keys } else { pick_all(&keys, &Picks::of(first)) };
            (numbers, columns, groups)
        };
        for aggregate in &self.aggregates {
            let field = schema.field(columns.len());
            let array = aggregate.evaluate(&input, &numbers, groups)?;
            let array = if array.data_type() == field.data_type() { array } else { cast(&array, field.data_type())? };
            columns.push(Column::new(array));
        }
        Ok(Batch { rows: groups, columns })
    }
}

impl Aggregate {
    fn evaluate(&self, input: &Batch, numbers: &[usize], groups: usize) -> Result<ArrayRef> {
        let mut accumulator: Box<dyn GroupsAccumulator> = if self.function.groups_accumulator_supported() {
            self.function.create_groups_accumulator()?
        } else {
            let function = Arc::clone(&self.function);
            Box::new(GroupsAccumulatorAdapter::new(move || function.create_accumulator()))
        };
        let arguments = self.arguments.iter().map(|argument| argument.array(input)).collect::<Result<Vec<_>>>()?;
        let filter = self.filter.as_ref().map(|filter| filter.array(input)).transpose()?;
        accumulator.update_batch(&arguments, numbers, filter.as_ref().map(|filter| filter.as_boolean()), groups)?;
        accumulator.evaluate(EmitTo::All)
    }
}
