//! Refuses a comparison of a date with a whole number. DataFusion takes the number for days since 1970: `valid_from <= 60` then
//! holds for nobody, and the slip for `valid_to - valid_from <= 60` would never be noticed.

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator};

use crate::catalogue::refused::Highlight;
use crate::proofs::refusal::{CheckError, forbidden, of_columns};
use crate::proofs::values::check_written;

/// Checks the plan as written, in which the compared values have not been given a common type yet.
pub fn check_dates(plan: &LogicalPlan) -> Result<(), CheckError> {
    check_written(plan, |expr, schema| {
        let place = || of_columns(std::iter::once(expr)).map_or(Highlight::Output(None), Highlight::Span);
        compares(expr, schema).then(|| forbidden("a date compared with a whole number").at(place()))
    })
}

fn compares(expr: &Expr, schema: &DFSchema) -> bool {
    let is = |expr: &Expr, kind: fn(&DataType) -> bool| expr.get_type(schema).is_ok_and(|ty| kind(&ty));
    let is_date = |ty: &DataType| matches!(ty, DataType::Date32 | DataType::Date64);
    let differ = |one: &Expr, other: &Expr| is(one, is_date) && is(other, DataType::is_integer);
    let either = |one: &Expr, other: &Expr| differ(one, other) || differ(other, one);
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => is_comparison(*op) && either(left, right),
        Expr::Between(Between { expr, low, high, .. }) => either(expr, low) || either(expr, high),
        Expr::InList(InList { expr, list, .. }) => list.iter().any(|item| either(expr, item)),
        _ => false,
    }
}

fn is_comparison(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}
