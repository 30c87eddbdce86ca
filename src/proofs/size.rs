//! Refuses a plan whose expressions multiply, before it is optimised.
//!
//! The optimiser puts what a column stands for in place of the column: a filter moves below a step, two steps become one. A step
//! that names a column twice, read by a step that names that one twice, doubles with each step; thirty of them are two lines each
//! and a thousand million operators together. So it is counted how large each column is with everything below written out.
//! Aggregates and window functions end that: nothing moves through them. What `IN (a, b)` looks for counts once a value.
//!
//! `array_agg` and `string_agg` over a window keep, for each row, all rows before it.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, JoinType};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::catalogue::refused::Highlight;
use crate::proofs::refusal::{CheckError, Finding, MOST_PARTS, Refusal, forbidden, of_columns};

/// Checks the plan as written.
pub fn check_size(plan: &LogicalPlan) -> Result<(), CheckError> {
    let mut sizes = Sizes { found: Vec::new(), most: 0 };
    sizes.of_plan(plan);
    CheckError::unless_none(sizes.found, ())
}

struct Sizes {
    found: Vec<Finding>,
    most: u64,
}

impl Sizes {
    /// The size of each column of the plan's output.
    fn of_plan(&mut self, plan: &LogicalPlan) -> Vec<u64> {
        let inputs: Vec<Vec<u64>> = plan.inputs().into_iter().map(|input| self.of_plan(input)).collect();
        let _ = plan.apply_subqueries(|subquery| {
            if let LogicalPlan::Subquery(subquery) = subquery {
                self.of_plan(&subquery.subquery);
            }
            Ok(TreeNodeRecursion::Continue)
        });
        let below = Below::of(plan, &inputs);
        let mut sizes: Vec<u64> = plan.expressions().iter().map(|expr| self.of_expr(expr, &below)).collect();
        let columns = plan.schema().fields().len();
        match plan {
            LogicalPlan::Projection(_) => {}
            LogicalPlan::Aggregate(aggregate) => {
                sizes.truncate(aggregate.group_expr.len());
            }
            LogicalPlan::Window(_) => sizes = inputs.into_iter().next().unwrap_or_default(),
            LogicalPlan::Join(join) if matches!(join.join_type, JoinType::RightSemi | JoinType::RightAnti) => {
                sizes = inputs.into_iter().next_back().unwrap_or_default();
            }
            LogicalPlan::Union(_) => {
                sizes = inputs.into_iter().fold(vec![1; columns], |most, input| {
                    most.iter().zip(input).map(|(most, size)| size.max(*most)).collect()
                });
            }
            _ => sizes = inputs.concat(),
        }
        sizes.resize(columns, 1);
        sizes
    }

    fn of_expr(&mut self, expr: &Expr, below: &Below<'_>) -> u64 {
        let _ = expr.apply(|part| {
            if let Expr::WindowFunction(call) = part
                && ["array_agg", "string_agg"].contains(&call.fun.name())
            {
                let refusal = forbidden(&format!("{} over a window", call.fun.name()));
                self.found.push(refusal.at(Highlight::words(&[call.fun.name(), "("])));
            }
            Ok(TreeNodeRecursion::Continue)
        });
        let size = parts(expr, below);
        // What is built on a column that is refused is refused for the same reason.
        if size > MOST_PARTS && self.most <= MOST_PARTS {
            let refusal = Refusal::TooManyParts { parts: size };
            let place = of_columns(std::iter::once(expr)).map_or(Highlight::Output(None), Highlight::Span);
            self.found.push(refusal.at(place));
        }
        self.most = self.most.max(size);
        size
    }
}

fn parts(expr: &Expr, below: &Below<'_>) -> u64 {
    let mut size = match expr {
        Expr::Column(column) | Expr::OuterReferenceColumn(_, column) => below.size(column),
        // What is looked for may be written out beside each value (`sql::lists`).
        Expr::InList(InList { expr, list, .. }) => parts(expr, below).saturating_mul(list.len() as u64),
        _ => 1,
    };
    let _ = expr.apply_children(|part| {
        if !matches!(expr, Expr::InList(InList { expr, .. }) if std::ptr::eq(expr.as_ref(), part)) {
            size = size.saturating_add(parts(part, below));
        }
        Ok(TreeNodeRecursion::Continue)
    });
    size
}

/// The columns that an operator's expressions read, with their sizes.
struct Below<'a> {
    inputs: Vec<(&'a DFSchema, &'a [u64])>,
}

impl<'a> Below<'a> {
    fn of(plan: &'a LogicalPlan, sizes: &'a [Vec<u64>]) -> Below<'a> {
        let inputs = plan.inputs().into_iter().zip(sizes);
        Below { inputs: inputs.map(|(input, sizes)| (input.schema().as_ref(), sizes.as_slice())).collect() }
    }

    /// A column of an enclosing query counts as one.
    fn size(&self, column: &Column) -> u64 {
        let found =
            self.inputs.iter().find_map(|(schema, sizes)| Some(sizes.get(schema.maybe_index_of_column(column)?)));
        found.flatten().copied().unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::session::session;

    async fn refused(sql: &str) -> Option<String> {
        let context = session().unwrap();
        let state = context.state();
        let plan = state.create_logical_plan(sql).await.unwrap();
        check_size(&plan).err().map(|error| error.to_string())
    }

    fn steps(step: &str, times: usize) -> String {
        let step = |at: usize| format!("s{at} AS ({})", step.replace('?', &format!("s{}", at - 1)));
        let steps: Vec<String> = (1..=times).map(step).collect();
        format!("WITH s0 AS (SELECT 'a' AS x, 1 AS n), {} SELECT x FROM s{times} WHERE x = 'b'", steps.join(", "))
    }

    #[tokio::test]
    async fn columns_that_double_with_each_step_are_refused() {
        for step in ["SELECT x || x AS x FROM ?", "SELECT concat(x, x) AS x FROM ? WHERE x <> 'c'"] {
            assert_eq!(refused(&steps(step, 8)).await, None, "{step}");
            assert!(refused(&steps(step, 60)).await.unwrap().contains("parts"), "{step}");
        }
        let joined = "SELECT a.x || b.x AS x, a.n FROM ? a JOIN (SELECT x, n FROM s0) b ON a.n = b.n";
        assert_eq!(refused(&steps(joined, 60)).await, None);
        let apart = "SELECT max(x || x) AS x FROM ?";
        assert_eq!(refused(&steps(apart, 60)).await, None);
        assert!(refused(&steps("SELECT x || x AS x FROM ? GROUP BY x || x", 60)).await.unwrap().contains("parts"));
        assert!(refused(&steps("SELECT x || x AS x FROM ? UNION ALL SELECT 'a'", 60)).await.unwrap().contains("parts"));
    }

    #[tokio::test]
    async fn lists_within_lists_are_refused() {
        let within = |times| (0..times).fold("b".to_owned(), |of, _| format!("({of} IN (n > 1, n > 2))"));
        let sql = |times| format!("SELECT {} AS x FROM (VALUES (1, true)) AS t(n, b)", within(times));
        assert_eq!(refused(&sql(5)).await, None);
        assert!(refused(&sql(20)).await.unwrap().contains("parts"));
    }

    #[tokio::test]
    async fn lists_of_all_rows_before_each_row_are_refused() {
        let over = refused("SELECT array_agg(n) OVER (ORDER BY n) FROM (VALUES (1), (2)) AS t(n)").await;
        assert_eq!(over.unwrap(), "array_agg over a window is not allowed in a rule");
        assert_eq!(refused("SELECT array_agg(n) FROM (VALUES (1), (2)) AS t(n)").await, None);
    }
}
