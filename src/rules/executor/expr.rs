//! DataFusion's expressions over only those columns that they read.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column as ColumnExpr;
use datafusion::physical_expr::utils::collect_columns;

use crate::rules::executor::column::{Batch, Column};

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
        let moved = Arc::clone(expr)
            .transform_up(|expr| {
                Ok(match expr.downcast_ref::<ColumnExpr>() {
                    Some(column) => {
                        let column = ColumnExpr::new(column.name(), place(column.index()));
                        Transformed::yes(Arc::new(column) as Arc<dyn PhysicalExpr>)
                    }
                    None => Transformed::no(expr),
                })
            })
            .data()?;
        // What a field says of nulls is not relied on: the values say it.
        let field = |at: &usize| Field::new(input.field(*at).name(), input.field(*at).data_type().clone(), true);
        let schema = Arc::new(Schema::new(inputs.iter().map(field).collect::<Vec<_>>()));
        Ok(Expr::Computed(Computed { expr: moved, inputs, schema }))
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
        let arrays = self.inputs.iter().map(|at| batch.columns[*at].array()).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.rows));
        let input = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?;
        self.expr.evaluate(&input)?.into_array(batch.rows)
    }
}
