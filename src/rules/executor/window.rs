//! Windows over sorted rows (see `rules::frames`): their columns beside those of the input, which are handed on.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::physical_expr::PhysicalExpr;

use crate::rules::executor::column::{Batch, Column, narrow_schema};
use crate::rules::executor::expr::Expr;
use crate::rules::executor::few::FewWindow;
use crate::rules::executor::keys::{self, Keys};
use crate::rules::executor::prune::Pruned;
use crate::rules::executor::{Node, Run};
use crate::rules::frames::FramePlan;

pub(super) struct Window {
    input: Node,
    /// Columns whose values a partition shares, which are compared where they are.
    pub partition_by: Vec<Expr>,
    /// Columns of the input that the windows read.
    reads: Vec<usize>,
    schema: SchemaRef,
    /// Over those columns.
    plan: FramePlan,
    /// The same over few rows; `None` where that takes arrays.
    pub few: Option<FewWindow>,
}

impl Window {
    pub fn new(input: Node, mut plan: FramePlan) -> Result<Window> {
        let is_comparable =
            |expr: &Arc<dyn PhysicalExpr>| -> Result<bool> { Ok(keys::is_supported(&expr.data_type(&input.schema)?)) };
        let comparable = plan.partition_by().iter().map(is_comparable).collect::<Result<Vec<_>>>()?;
        let own = if comparable.contains(&false) { Vec::new() } else { plan.take_partition_by() };
        let partition_by = own.iter().map(|expr| Expr::new(expr, &input.schema)).collect::<Result<_>>()?;
        let few = if comparable.contains(&false) { None } else { FewWindow::new(&plan, &input.schema)? };
        let reads = plan.reads();
        let schema = narrow_schema(&input.schema, &reads);
        Ok(Window { input, partition_by, reads, schema, plan: plan.narrowed()?, few })
    }

    pub fn input(&self) -> &Node {
        &self.input
    }

    pub fn run(&self, run: &Run<'_>, pruned: &Pruned, empty: &Batch) -> Result<Batch> {
        let batch = self.input.run(run, pruned)?;
        if batch.rows == 0 { Ok(empty.clone()) } else { self.beside(batch) }
    }

    /// The rows with the windows' columns.
    pub fn beside(&self, mut batch: Batch) -> Result<Batch> {
        let rows = batch.narrow(&self.reads, &self.schema)?;
        let starts = self.starts(&batch)?;
        batch.columns.extend(self.plan.computed(&rows, starts)?.into_iter().map(Column::new));
        Ok(batch)
    }

    /// Marks the first row of each partition.
    fn starts(&self, batch: &Batch) -> Result<Vec<bool>> {
        let columns = self.partition_by.iter().map(|key| key.column(batch)).collect::<Result<Vec<_>>>()?;
        let keys = Keys::new(&columns, batch.rows);
        Ok((0..batch.rows).map(|row| row == 0 || !keys.equal(row - 1, &keys, row)).collect())
    }
}
