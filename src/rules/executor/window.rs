//! Windows over sorted rows (see `rules::frames`): their columns beside those of the input, which are handed on.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::Result;

use crate::rules::executor::column::{Batch, Column};
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
        // What a field says of nulls is not relied on: the values say it.
        let field = |at: &usize| input.schema.field(*at);
        let fields = reads.iter().map(field).map(|field| Field::new(field.name(), field.data_type().clone(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Ok(Window { input, reads, schema, plan: plan.narrowed()? })
    }

    pub fn input(&self) -> &Node {
        &self.input
    }

    pub fn run(&self, run: &Run<'_>, pruned: &Pruned, schema: &SchemaRef) -> Result<Batch> {
        let mut batch = self.input.run(run, pruned)?;
        if batch.rows == 0 {
            return Ok(Batch::empty(schema));
        }
        let arrays = self.reads.iter().map(|at| batch.columns[*at].array()).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.rows));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?;
        batch.columns.extend(self.plan.computed(&rows)?.into_iter().map(Column::new));
        Ok(batch)
    }
}
