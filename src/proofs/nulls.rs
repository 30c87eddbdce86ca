//! Refuses what DataFusion 55 reads wrongly where a null is involved, so that the engine, the batch query and DuckDB would differ.
//!
//! - `x NOT IN (SELECT ...)`: under OR, with a constant for `x`, and for a query about the same person, a null is taken for a value that
//!   is not there. Under NOT, in a CASE or in a function, `x IN (SELECT ...)` is false where it should be null. In a condition that
//!   only AND and OR join, false and null are one.
//! - `lead(x, 2) IGNORE NULLS` counts wrongly over a gap; `lag` with a negative offset is such a `lead`.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::{InSubquery, NullTreatment, WindowFunction};
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};

use crate::catalogue::refused::Highlight;
use crate::proofs::refusal::{CheckError, Finding, forbidden, of_columns};
use crate::proofs::values::check_written;

/// Checks the plan as written: the optimiser makes joins of the queries.
pub fn check_nulls(plan: &LogicalPlan) -> Result<(), CheckError> {
    let mut found = Vec::new();
    // The closures never fail, so the walk does not either.
    let _ = plan.apply_with_subqueries(|node| {
        let in_where = matches!(node, LogicalPlan::Filter(_));
        node.expressions().iter().for_each(|expr| check_queries(expr, in_where, &mut found));
        Ok(TreeNodeRecursion::Continue)
    });
    let shifts = check_written(plan, shifted).err().into_iter().flat_map(|error| error.0);
    found.extend(shifts);
    CheckError::unless_none(found, ())
}

/// Adds the comparisons with the rows of a query that are not plain conditions.
fn check_queries(expr: &Expr, is_condition: bool, found: &mut Vec<Finding>) {
    let (what, query) = match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And | Operator::Or, right }) if is_condition => {
            check_queries(left, true, found);
            return check_queries(right, true, found);
        }
        Expr::InSubquery(InSubquery { expr, negated: false, .. }) if is_condition => {
            return check_queries(expr, false, found);
        }
        Expr::Not(of) if is_condition && matches!(of.as_ref(), Expr::Exists(_)) => return,
        Expr::InSubquery(InSubquery { subquery, negated: true, .. }) => ("NOT IN (SELECT ...)", subquery),
        Expr::InSubquery(InSubquery { subquery, .. }) => {
            ("IN (SELECT ...) other than as a condition of its own", subquery)
        }
        Expr::SetComparison(comparison) => ("a comparison with ALL or ANY of a query", &comparison.subquery),
        other => {
            let _ = other.apply_children(|part| {
                check_queries(part, false, found);
                Ok(TreeNodeRecursion::Continue)
            });
            return;
        }
    };
    let place = query.spans.first().or_else(|| of_columns(std::iter::once(expr)));
    found.push(forbidden(what).at(place.map_or(Highlight::words(&["in", "(", "select"]), Highlight::Span)));
}

/// A row that is looked up by its place among those with a value, in a way that DataFusion counts wrongly.
fn shifted(expr: &Expr, _: &DFSchema) -> Option<Finding> {
    let Expr::WindowFunction(window) = expr else { return None };
    let WindowFunction { fun, params } = window.as_ref();
    if params.null_treatment != Some(NullTreatment::IgnoreNulls) {
        return None;
    }
    let offset = || params.args.get(1).map_or(Some(1), whole);
    let is_sound = match fun.name() {
        "lag" => offset().is_some_and(|rows| rows > 0),
        "lead" => offset() == Some(1),
        _ => true,
    };
    let place = || of_columns(params.args.iter()).map_or(Highlight::words(&["ignore", "nulls"]), Highlight::Span);
    (!is_sound).then(|| forbidden(&format!("{} of several rows with IGNORE NULLS", fun.name())).at(place()))
}

fn whole(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(value, _) => match value.cast_to(&datafusion::arrow::datatypes::DataType::Int64) {
            Ok(ScalarValue::Int64(rows)) => rows,
            _ => None,
        },
        Expr::Cast(cast) => whole(&cast.expr),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use arrow::util::display::array_value_to_string;

    use super::*;
    use crate::sql::session::session;

    /// Pairs (k, x), and values of each k.
    const TABLES: &str =
        "WITH t(k, x) AS (VALUES (1, 1), (1, 2), (2, 5)), n(k, v) AS (VALUES (1, 1), (1, NULL), (2, 4)) ";

    fn first_column(sql: &str) -> Result<Vec<String>, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let found = runtime.block_on(async { session().unwrap().sql(sql).await?.collect().await });
        let batches = found.map_err(|error| error.to_string())?;
        let cells = batches
            .iter()
            .flat_map(|batch| (0..batch.num_rows()).map(|row| array_value_to_string(batch.column(0), row).unwrap()));
        Ok(cells.collect())
    }

    fn is_refused(sql: &str) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let plan = runtime.block_on(async { session().unwrap().state().create_logical_plan(sql).await });
        check_nulls(&plan.unwrap()).is_err()
    }

    /// As soon as DataFusion reads one of these as SQL says, it needs no refusal.
    #[test]
    fn what_is_refused_is_read_wrongly() {
        let by_place = "SELECT lead(x, 2) IGNORE NULLS OVER (ORDER BY n) AS y FROM (VALUES (1, NULL), (2, 2), (3, 3), (4, 4), (5, NULL), (6, 6)) AS t(n, x) ORDER BY n";
        let cases: [(&str, &[&str]); 5] = [
            ("SELECT x FROM t WHERE x = 9 OR x NOT IN (SELECT v FROM n) ORDER BY x", &[]),
            ("SELECT x FROM t WHERE 5 NOT IN (SELECT v FROM n) ORDER BY x", &[]),
            ("SELECT x FROM t WHERE x NOT IN (SELECT v FROM n WHERE n.k = t.k) ORDER BY x", &["5"]),
            ("SELECT x FROM t WHERE (x IN (SELECT v FROM n)) IS NULL ORDER BY x", &["2", "5"]),
            (by_place, &["3", "4", "6", "", "", ""]),
        ];
        for (sql, right) in cases {
            let sql = if sql == by_place { sql.to_owned() } else { format!("{TABLES}{sql}") };
            let found = first_column(&sql);
            println!("{sql}\n   {found:?}, SQL says {right:?}");
            assert_ne!(
                found.as_deref().ok(),
                Some(right.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>()).as_deref()
            );
            assert!(is_refused(&sql), "{sql}");
        }
    }

    #[test]
    fn what_is_accepted_is_read_as_sql_says() {
        let cases: [(&str, &[&str]); 10] = [
            ("SELECT x FROM t WHERE x IN (SELECT v FROM n) ORDER BY x", &["1"]),
            ("SELECT x FROM t WHERE x IN (SELECT v FROM n WHERE n.k = t.k) ORDER BY x", &["1"]),
            ("SELECT x FROM t WHERE x = 2 OR x IN (SELECT v FROM n WHERE n.k = t.k) ORDER BY x", &["1", "2"]),
            ("SELECT x FROM t WHERE NOT EXISTS (SELECT 1 FROM n WHERE n.v = t.x) ORDER BY x", &["2", "5"]),
            (
                "SELECT x FROM t WHERE x = 1 OR NOT EXISTS (SELECT 1 FROM n WHERE n.v = t.x) ORDER BY x",
                &["1", "2", "5"],
            ),
            ("SELECT x FROM t WHERE x NOT IN (1, NULL) ORDER BY x", &[]),
            ("SELECT x FROM t WHERE x = 2 OR x NOT IN (1, NULL) ORDER BY x", &["2"]),
            ("SELECT x FROM t WHERE 7 NOT IN (1, NULL) ORDER BY x", &[]),
            ("SELECT x FROM t WHERE (x NOT IN (1, NULL)) IS NULL ORDER BY x", &["2", "5"]),
            (
                "SELECT lag(v, 2) IGNORE NULLS OVER (ORDER BY k, v) AS y FROM (SELECT k, v FROM n UNION ALL SELECT k + 2, v FROM n) m ORDER BY k, v",
                &["", "", "", "1", "4", "4"],
            ),
        ];
        for (sql, right) in cases {
            let sql = format!("{TABLES}{sql}");
            assert_eq!(first_column(&sql).unwrap(), right, "{sql}");
            assert!(!is_refused(&sql), "{sql}");
        }
    }
}
