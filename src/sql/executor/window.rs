//! Windows over sorted rows (see `sql::frames`): adds their columns to those of the input, which are passed on.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::physical_expr::PhysicalExpr;

use crate::sql::budget::make_array;
use crate::sql::column::{Batch, Column, narrow_schema};
use crate::sql::executor::expr::Expr;
use crate::sql::executor::prune::Pruned;
use crate::sql::executor::single::SingleWindow;
use crate::sql::executor::{Node, Run};
use crate::sql::frames::FramePlan;
use crate::sql::keys::{self, Keys};

pub(super) struct Window {
    input: Node,
    /// Columns that define the partitions; compared without copying them.
    pub partition_by: Vec<Expr>,
    /// Columns of the input that the windows read.
    reads: Vec<usize>,
    schema: SchemaRef,
    /// The plan, over those columns.
    plan: FramePlan,
    /// The same over cells; `None` if the windows need arrays.
    pub single: Option<SingleWindow>,
}

impl Window {
    pub fn new(input: Node, mut plan: FramePlan) -> Result<Window> {
        let is_comparable =
            |expr: &Arc<dyn PhysicalExpr>| -> Result<bool> { Ok(keys::is_supported(&expr.data_type(&input.schema)?)) };
        let comparable = plan.partition_by().iter().map(is_comparable).collect::<Result<Vec<_>>>()?;
        let own = if comparable.contains(&false) { Vec::new() } else { plan.take_partition_by() };
        let partition_by = own.iter().map(|expr| Expr::new(expr, &input.schema)).collect::<Result<_>>()?;
        let single = if comparable.contains(&false) { None } else { SingleWindow::new(&plan, &input.schema)? };
        let reads = plan.reads();
        let schema = narrow_schema(&input.schema, &reads);
        Ok(Window { input, partition_by, reads, schema, plan: plan.narrowed()?, single })
    }

    pub fn input(&self) -> &Node {
        &self.input
    }

    pub fn run(&self, run: &Run<'_>, pruned: &Pruned, empty: &Batch) -> Result<Batch> {
        let batch = self.input.run(run, pruned)?;
        if batch.rows == 0 { Ok(empty.clone()) } else { self.beside(batch) }
    }

    /// The rows with the windows' columns added.
    pub fn beside(&self, mut batch: Batch) -> Result<Batch> {
        let rows = batch.narrow(&self.reads, &self.schema)?;
        let starts = self.starts(&batch)?;
        let columns = self.plan.computed(&rows, starts)?;
        columns.iter().try_for_each(make_array)?;
        batch.columns.extend(columns.into_iter().map(Column::new));
        Ok(batch)
    }

    /// Marks the first row of each partition.
    fn starts(&self, batch: &Batch) -> Result<Vec<bool>> {
        let columns = self.partition_by.iter().map(|key| key.column(batch)).collect::<Result<Vec<_>>>()?;
        let keys = Keys::new(&columns, batch.rows);
        Ok((0..batch.rows).map(|row| row == 0 || !keys.equal(row - 1, &keys, row)).collect())
    }
}
