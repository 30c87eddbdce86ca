//! The shapes of expressions that are recognised by what they look like, whatever their values.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Case, Expr, Operator};

/// Comparisons that hold where two values differ, whichever way.
const APART: [Operator; 3] = [Operator::NotEq, Operator::Lt, Operator::Gt];

/// Their opposites.
const ALIKE: [Operator; 3] = [Operator::Eq, Operator::GtEq, Operator::LtEq];

/// The whole number that an expression is, if it is a constant.
pub(super) fn whole_number(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(value, _) => match value.cast_to(&DataType::Int64) {
            Ok(ScalarValue::Int64(number)) => number,
            _ => None,
        },
        Expr::Cast(cast) => whole_number(&cast.expr),
        Expr::Alias(alias) => whole_number(&alias.expr),
        _ => None,
    }
}

/// The column that an expression is, if it is nothing else.
pub(super) fn bare(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Column(column) => Some(column.flat_name()),
        Expr::Cast(cast) => bare(&cast.expr),
        Expr::Alias(alias) => bare(&alias.expr),
        _ => None,
    }
}

/// What a CASE takes the first of that is not null, if it does: so the optimiser writes `coalesce`.
pub(super) fn of_coalesce(case: &Case) -> Option<Vec<&Expr>> {
    let is_that = |(when, then): &(Box<Expr>, Box<Expr>)| matches!(when.as_ref(), Expr::IsNotNull(of) if of == then);
    (case.expr.is_none() && case.when_then_expr.iter().all(is_that))
        .then(|| case.when_then_expr.iter().map(|(_, then)| then.as_ref()).chain(case.else_expr.as_deref()).collect())
}

/// The parts that AND, or OR, puts together.
pub(super) fn parts_of(expr: &Expr, op: Operator) -> Vec<&Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: own, right }) if *own == op => {
            let mut parts = parts_of(left, op);
            parts.extend(parts_of(right, op));
            parts
        }
        Expr::Alias(alias) => parts_of(&alias.expr, op),
        other => vec![other],
    }
}

/// Whether a part asks whether one date of birth is the first day of the year of another, and others make sure that the two differ: an
/// estimated date became a day of its year. In an OR all of it is the other way round.
pub(super) fn is_estimate(part: &Expr, op: Operator, parts: &[&Expr]) -> bool {
    let (asked, apart) = if op == Operator::And { (Operator::Eq, APART) } else { (Operator::NotEq, ALIKE) };
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = part else { return false };
    let pair = |day, year| Some((bare(day)?, year_of(year)?));
    let Some((day, other)) = pair(left, right).or_else(|| pair(right, left)).filter(|_| *op == asked) else {
        return false;
    };
    day != other
        && parts.iter().any(|part| match part {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if apart.contains(op) => {
                let sides = (bare(left), bare(right));
                sides == (Some(day.clone()), Some(other.clone())) || sides == (Some(other.clone()), Some(day.clone()))
            }
            _ => false,
        })
}

/// The column whose year an expression is, as its first day.
fn year_of(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Cast(cast) => year_of(&cast.expr),
        Expr::Alias(alias) => year_of(&alias.expr),
        Expr::ScalarFunction(call) if call.name() == "date_trunc" => match call.args.as_slice() {
            [Expr::Literal(unit, _), day] if unit.try_as_str().flatten() == Some("year") => bare(day),
            _ => None,
        },
        _ => None,
    }
}

/// Whether an expression is a column of truth values, or that with false for null.
pub(super) fn is_plain_question(expr: &Expr) -> bool {
    let is_false = |expr: &Expr| matches!(expr, Expr::Literal(ScalarValue::Boolean(Some(false)), _));
    match expr {
        Expr::Case(case) => {
            let thens = case.when_then_expr.iter().map(|(_, then)| then.as_ref());
            let mut parts = thens.chain(case.else_expr.as_deref());
            case.expr.is_none()
                && case.when_then_expr.iter().all(|(when, _)| matches!(when.as_ref(), Expr::IsNotNull(_)))
                && parts.all(|then| bare(then).is_some() || is_false(then))
        }
        Expr::ScalarFunction(call) if call.name() == "coalesce" => {
            call.args.iter().all(|arg| bare(arg).is_some() || is_false(arg))
        }
        other => bare(other).is_some(),
    }
}
