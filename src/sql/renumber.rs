//! Moves an expression to other column positions.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;

/// The expression with each column at the position that `place` gives.
pub fn renumbered(expr: &Arc<dyn PhysicalExpr>, place: impl Fn(usize) -> usize) -> Result<Arc<dyn PhysicalExpr>> {
    let moved = Arc::clone(expr).transform_up(|expr| {
        Ok(match expr.downcast_ref::<Column>() {
            Some(column) => {
                let column = Column::new(column.name(), place(column.index()));
                Transformed::yes(Arc::new(column) as Arc<dyn PhysicalExpr>)
            }
            None => Transformed::no(expr),
        })
    });
    moved.data()
}
