//! DataFusion's expressions over only those columns that they read.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column as ColumnExpr;
use datafusion::physical_expr::utils::collect_columns;

use crate::rules::executor::column::{Batch, Column, narrow_schema};
use crate::rules::renumber::renumbered;

/// An expression over a batch.
pub enum Expr {
    /// A column as it is.
    Column(usize),
    Computed(Computed),
}

pub struct Computed {
    expr: Arc<dyn PhysicalExpr>,
    /// Columns of the batch that it reads, in the order in which it knows them.
    inputs: Vec<usize>,
    schema: SchemaRef,
}

impl Expr {
    /// An expression over batches of the given schema.
    pub fn new(expr: &Arc<dyn PhysicalExpr>, input: &Schema) -> Result<Expr> {
        if let Some(column) = expr.downcast_ref::<ColumnExpr>() {
            return Ok(Expr::Column(column.index()));
        }
        let mut inputs: Vec<usize> = collect_columns(expr).iter().map(ColumnExpr::index).collect();
        inputs.sort_unstable();
        let place = |index: usize| inputs.iter().position(|input| *input == index).unwrap_or(0);
        let expr = renumbered(expr, place)?;
        let schema = narrow_schema(input, &inputs);
        Ok(Expr::Computed(Computed { expr, inputs, schema }))
    }

    /// Its value for every row.
    pub fn column(&self, batch: &Batch) -> Result<Column> {
        match self {
            Expr::Column(at) => Ok(batch.columns[*at].clone()),
            Expr::Computed(computed) => Ok(Column::new(computed.array(batch)?)),
        }
    }

    pub fn array(&self, batch: &Batch) -> Result<ArrayRef> {
        match self {
            Expr::Column(at) => batch.columns[*at].array(),
            Expr::Computed(computed) => computed.array(batch),
        }
    }
}

impl Computed {
    fn array(&self, batch: &Batch) -> Result<ArrayRef> {
        let input = batch.narrow(&self.inputs, &self.schema)?;
        self.expr.evaluate(&input)?.into_array(batch.rows)
    }
}
