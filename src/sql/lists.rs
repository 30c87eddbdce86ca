//! Mends how DataFusion 55 reads `x IN (a, b)` when a value of the list is computed.
//!
//! To find out whether a list is of constants, DataFusion evaluates it over no rows. A CASE, and what is made of one, then gives a
//! single value instead of none, is taken for a constant, and all rows are compared with that value (`InListExpr::try_new`). Where
//! `x` is a column and the list is short the optimiser makes comparisons of it before, so that nobody notices. Here each computed value is
//! compared by itself, `x IN (a) OR x = b`, after all steps have been put in their places.

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

#[derive(Debug)]
pub struct ComputedLists;

impl OptimizerRule for ComputedLists {
    fn name(&self) -> &'static str {
        "computed_lists"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            Ok(expr.transform_up(|expr| Ok(apart(expr)))?.update_data(|expr| name.restore(expr)))
        })
    }
}

fn apart(expr: Expr) -> Transformed<Expr> {
    match expr {
        Expr::InList(InList { expr, list, negated }) if list.iter().any(is_computed) => {
            let (computed, others): (Vec<Expr>, Vec<Expr>) = list.into_iter().partition(is_computed);
            let mut parts = Vec::new();
            if !others.is_empty() {
                parts.push(Expr::InList(InList { expr: expr.clone(), list: others, negated }));
            }
            let compare = |of: Expr| if negated { (*expr).clone().not_eq(of) } else { (*expr).clone().eq(of) };
            parts.extend(computed.into_iter().map(compare));
            let join = |all: Expr, part: Expr| if negated { all.and(part) } else { all.or(part) };
            match parts.into_iter().reduce(join) {
                Some(all) => Transformed::yes(all),
                None => Transformed::no(Expr::InList(InList { expr, list: Vec::new(), negated })),
            }
        }
        other => Transformed::no(other),
    }
}

/// Whether a value is neither a column nor written out.
fn is_computed(item: &Expr) -> bool {
    match item {
        Expr::Column(_) | Expr::Literal(..) => false,
        Expr::Cast(cast) => is_computed(&cast.expr),
        Expr::Alias(alias) => is_computed(&alias.expr),
        other => other.any_column_refs(),
    }
}

#[cfg(test)]
mod tests {
    use arrow::util::display::array_value_to_string;
    use datafusion::prelude::SessionContext;

    use crate::sql::session::session;

    fn first_column(context: &SessionContext, sql: &str) -> Vec<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let batches = runtime.block_on(async { context.sql(sql).await.unwrap().collect().await.unwrap() });
        let cells = batches
            .iter()
            .flat_map(|batch| (0..batch.num_rows()).map(|row| array_value_to_string(batch.column(0), row).unwrap()));
        cells.collect()
    }

    const CASES: [(&str, &[&str]); 4] = [
        ("nullif(x, 99) IN (9, CASE WHEN b THEN 2 END)", &["", "true", "", "true", ""]),
        ("nullif(x, 99) NOT IN (9, CASE WHEN b THEN 2 END)", &["", "false", "", "false", ""]),
        ("nullif(x, 99) IN (9, CASE WHEN b THEN 2 END + 1, x)", &["true", "true", "true", "true", ""]),
        ("x IN (9, 8, 7, 6, CASE WHEN b THEN 2 END)", &["", "true", "", "true", ""]),
    ];

    fn read(context: &SessionContext, form: &str) -> Vec<String> {
        let rows = "(VALUES (1, 1, false), (2, 2, true), (3, 3, false), (4, 9, false), (5, NULL, true)) AS t(n, x, b)";
        first_column(context, &format!("SELECT {form} AS y FROM {rows} ORDER BY n"))
    }

    #[test]
    fn a_computed_value_of_a_list_is_that_of_its_row() {
        for (form, right) in CASES {
            assert_eq!(read(&session().unwrap(), form), right, "{form}");
        }
    }

    /// As soon as DataFusion reads them as SQL says, the rule can go.
    #[test]
    fn datafusion_alone_takes_it_for_a_constant() {
        let wrong = CASES.iter().filter(|(form, right)| read(&SessionContext::new(), form) != *right).count();
        assert!(wrong > 0);
    }
}
