//! What a plan computes with: where a column's values come from, and operators that mean something else elsewhere.

use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator};

use crate::rules::check::{CheckError, forbidden, left_only, right_only};

/// Whether the value of an output column comes from `known_time`: of a rule's own tables, not of its views, which have
/// names of their own for what they make of it.
pub(super) fn rests_on_known_time(plan: &LogicalPlan, column: usize) -> bool {
    let from_expr = |expr: &Expr, input: &LogicalPlan| {
        expr.column_refs()
            .into_iter()
            .any(|column| input.schema().maybe_index_of_column(column).is_some_and(|at| rests_on_known_time(input, at)))
    };
    let own = |expr: &[Expr], at: usize, input| expr.get(at).is_some_and(|expr| from_expr(expr, input));
    match plan {
        LogicalPlan::TableScan(scan) => scan.projected_schema.field(column).name() == "known_time",
        LogicalPlan::Projection(projection) => own(&projection.expr, column, &projection.input),
        LogicalPlan::Aggregate(aggregate) => match column.checked_sub(aggregate.group_expr.len()) {
            None => own(&aggregate.group_expr, column, &aggregate.input),
            Some(at) => own(&aggregate.aggr_expr, at, &aggregate.input),
        },
        LogicalPlan::Window(window) => match column.checked_sub(window.input.schema().fields().len()) {
            None => rests_on_known_time(&window.input, column),
            Some(at) => own(&window.window_expr, at, &window.input),
        },
        LogicalPlan::Join(join) if right_only(join.join_type) => rests_on_known_time(&join.right, column),
        LogicalPlan::Join(join) => match column.checked_sub(join.left.schema().fields().len()) {
            None => rests_on_known_time(&join.left, column),
            Some(at) => !left_only(join.join_type) && rests_on_known_time(&join.right, at),
        },
        other => other
            .inputs()
            .into_iter()
            .any(|input| column < input.schema().fields().len() && rests_on_known_time(input, column)),
    }
}

/// Refuses `/` between whole numbers, which DuckDB and most readers take for a fraction. Looks at the plan as written:
/// the optimiser may have worked it out already.
pub fn check_division(plan: &LogicalPlan) -> Result<(), CheckError> {
    let mut refused = None;
    // The closures never fail, so neither does the walk.
    let _ = plan.apply_with_subqueries(|node| {
        let mut schema = DFSchema::empty();
        for input in node.inputs() {
            schema.merge(input.schema());
        }
        for expr in node.expressions() {
            let _ = expr.apply(|expr| {
                if let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Divide, right }) = expr
                    && [left, right].iter().all(|side| side.get_type(&schema).is_ok_and(|ty| ty.is_integer()))
                {
                    refused =
                        Some(forbidden(&format!("/ between whole numbers ({expr}); say round, floor or multiply")));
                }
                Ok(TreeNodeRecursion::Continue)
            });
        }
        Ok(if refused.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    refused.map_or(Ok(()), Err)
}
