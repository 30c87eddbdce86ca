//! Forms of expressions and calls that DataFusion passes over in silence or fails at when it runs, or that DuckDB reads otherwise or not
//! at all.
//!
//! - DataFusion forgets DISTINCT, ORDER BY, FILTER and OVER of a function of one row, and what stands between two pairs of parentheses.
//! - It fails at `count(a, b)`, and at `count(x ORDER BY y)`.
//! - Its `SAFE_CAST`, `{fn ...}`, `{d ...}`, `EXTRACT(year, x)` and others DuckDB does not parse.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType, DuplicateTreatment, Expr, ExtractSyntax, Function, FunctionArg,
    FunctionArgExpr, FunctionArgumentClause, FunctionArguments, GroupByExpr, Interval, OrderByKind, Query, Select,
    SetExpr, TimezoneInfo, TypedString, UnaryOperator, Value, Values,
};

use crate::catalogue::parse::last;
use crate::sql::session;

/// What is wrong with the form of an expression.
pub fn expression_beyond(expr: &Expr) -> Option<&'static str> {
    match expr {
        Expr::BinaryOp { left, op, right } if is_comparison(op) => {
            (is_compared(left) || is_compared(right)).then_some("a comparison compared without parentheses")
        }
        Expr::IsDistinctFrom(_, right) | Expr::IsNotDistinctFrom(_, right) => {
            let is_not = matches!(right.as_ref(), Expr::UnaryOp { op: UnaryOperator::Not, .. });
            (is_not || is_compared(right)).then_some("a comparison compared without parentheses")
        }
        Expr::AnyOp { right, .. } | Expr::AllOp { right, .. } if !matches!(right.as_ref(), Expr::Subquery(_)) => {
            Some("ALL or ANY of a list")
        }
        Expr::Cast { kind: CastKind::SafeCast, .. } => Some("SAFE_CAST"),
        Expr::TypedString(TypedString { uses_odbc_syntax: true, .. }) => Some(IN_BRACES),
        Expr::Cast { data_type, .. } | Expr::TypedString(TypedString { data_type, .. }) => type_beyond(data_type),
        Expr::Interval(interval) => (!is_plain(interval)).then_some("an INTERVAL written otherwise than '1 month'"),
        Expr::Extract { syntax: ExtractSyntax::Comma, .. } => Some("EXTRACT with a comma"),
        Expr::Substring { special: false, shorthand: true, substring_from, substring_for, .. }
            if substring_from.is_some() || substring_for.is_some() =>
        {
            Some("SUBSTR with FROM")
        }
        Expr::JsonAccess { .. } => Some("the part of a text behind a colon"),
        Expr::Function(function) => call_beyond(function),
        _ => None,
    }
}

const IN_BRACES: &str = "a call or constant in braces";

fn is_comparison(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

fn is_compared(expr: &Expr) -> bool {
    matches!(expr, Expr::BinaryOp { op, .. } if is_comparison(op))
}

fn type_beyond(ty: &DataType) -> Option<&'static str> {
    match ty {
        DataType::Timestamp(_, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => Some("a type with a time zone"),
        DataType::Interval { .. } => Some("CAST to INTERVAL"),
        _ => None,
    }
}

fn is_plain(interval: &Interval) -> bool {
    let Expr::Value(value) = interval.value.as_ref() else { return false };
    matches!(value.value, Value::SingleQuotedString(_) | Value::Number(..))
}

/// Aggregates in which an order decides; others are refused in a group (`alike`).
const ORDERED: [&str; 5] = ["array_agg", "string_agg", "first_value", "last_value", "nth_value"];

/// Names that DataFusion has for functions and DuckDB has not.
const UNKNOWN: [&str; 2] = ["position", "list_length"];

fn call_beyond(function: &Function) -> Option<&'static str> {
    let name = last(&function.name);
    let is_empty = matches!(function.parameters, FunctionArguments::None);
    let list = match &function.args {
        FunctionArguments::List(list) => Some(list),
        FunctionArguments::Subquery(_) => return Some("a query as the argument of a function"),
        FunctionArguments::None => None,
    };
    let args: &[FunctionArg] = list.map_or(&[], |list| &list.args);
    let is_distinct = list.is_some_and(|list| list.duplicate_treatment == Some(DuplicateTreatment::Distinct));
    let is_ordered =
        list.is_some_and(|list| list.clauses.iter().any(|clause| matches!(clause, FunctionArgumentClause::OrderBy(_))));
    let is_window = function.over.is_some();
    let has_filter = function.filter.is_some();
    let is_star = |arg: &FunctionArg| {
        !matches!(
            arg,
            FunctionArg::Unnamed(FunctionArgExpr::Expr(_)) | FunctionArg::Named { .. } | FunctionArg::ExprNamed { .. }
        )
    };
    let is_bare_star = |arg: &FunctionArg| matches!(arg, FunctionArg::Unnamed(FunctionArgExpr::Wildcard));
    if function.uses_odbc_syntax {
        return Some(IN_BRACES);
    }
    if !is_empty {
        return Some("a function with two pairs of parentheses");
    }
    if UNKNOWN.contains(&name.as_str()) {
        return Some("strpos and array_length by another name");
    }
    if !function.within_group.is_empty() {
        return Some("WITHIN GROUP");
    }
    if !session::takes_rows(&name) && (is_distinct || is_ordered || has_filter || is_window) {
        return Some("DISTINCT, ORDER BY, FILTER or OVER of a function of one row");
    }
    if is_ordered && !ORDERED.contains(&name.as_str()) {
        return Some("ORDER BY within a function in which no order decides");
    }
    if args.iter().any(is_star) && (name != "count" || is_distinct || !args.iter().all(is_bare_star)) {
        return Some("a star in a function other than count(*)");
    }
    if name == "count" && args.len() > 1 {
        return Some("count of several columns");
    }
    if session::is_own_aggregate(&name) && !is_window && (is_distinct || has_filter) {
        return Some("DISTINCT or FILTER of an aggregate of our own");
    }
    (is_window && is_distinct && session::is_of_window(&name)).then_some("DISTINCT of a function of a window")
}

/// What is wrong with the form of a query.
pub fn query_beyond(query: &Query) -> Option<&'static str> {
    let by_constant = query.order_by.as_ref().is_some_and(|order| match &order.kind {
        OrderByKind::Expressions(exprs) => {
            exprs.iter().any(|by| matches!(&by.expr, Expr::Value(value) if !matches!(value.value, Value::Number(..))))
        }
        OrderByKind::All(_) => true,
    });
    if by_constant {
        return Some("ORDER BY a constant, or ALL");
    }
    is_odd_values(&query.body).then_some("VALUES with ROW")
}

fn is_odd_values(body: &SetExpr) -> bool {
    match body {
        SetExpr::Values(Values { explicit_row, value_keyword, .. }) => *explicit_row || *value_keyword,
        SetExpr::SetOperation { left, right, .. } => is_odd_values(left) || is_odd_values(right),
        _ => false,
    }
}

/// What is wrong with the form of a SELECT.
pub fn select_beyond(select: &Select) -> Option<&'static str> {
    let (GroupByExpr::All(modifiers) | GroupByExpr::Expressions(_, modifiers)) = &select.group_by;
    if !modifiers.is_empty() {
        return Some("GROUP BY with ROLLUP, CUBE or TOTALS");
    }
    let is_late = !select.named_window.is_empty() && select.qualify.is_some() && !select.window_before_qualify;
    is_late.then_some("QUALIFY before WINDOW")
}
