//! Windows over sorted rows (see `rules::frames`): their columns beside those of the input, which are handed on.

use arrow::datatypes::SchemaRef;
use datafusion::common::Result;

use crate::rules::executor::column::{Batch, Column, narrow_schema};
use crate::rules::executor::prune::Pruned;
use crate::rules::executor::{Node, Run};
use crate::rules::frames::FramePlan;

pub(super) struct Window {
    input: Node,
    /// Columns of the input that the windows read.
    reads: Vec<usize>,
    schema: SchemaRef,
    /// Over those columns.
    plan: FramePlan,
}

impl Window {
    pub fn new(input: Node, plan: FramePlan) -> Result<Window> {
        let reads = plan.reads();
        let schema = narrow_schema(&input.schema, &reads);
        Ok(Window { input, reads, schema, plan: plan.narrowed()? })
    }

    pub fn input(&self) -> &Node {
        &self.input
    }

    pub fn input_mut(&mut self) -> &mut Node {
        &mut self.input
    }

    pub fn run(&self, run: &Run<'_>, pruned: &Pruned, schema: &SchemaRef) -> Result<Batch> {
        let mut batch = self.input.run(run, pruned)?;
        if batch.rows == 0 {
            return Ok(Batch::empty(schema));
        }
        let rows = batch.narrow(&self.reads, &self.schema)?;
        batch.columns.extend(self.plan.computed(&rows)?.into_iter().map(Column::new));
        Ok(batch)
    }
}
