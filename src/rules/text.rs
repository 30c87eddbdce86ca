//! What a plan no longer shows: checks on the text of a rule or view, before it is planned.
//!
//! - `SELECT *` would change a rule's columns with the schema.
//! - `a IS DISTINCT FROM b AND c` is read as `a IS DISTINCT FROM (b AND c)` by DataFusion 55.
//! - `OVER (w ROWS ...)` loses the partition and order of `w` in DataFusion 55.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, NamedWindowDefinition, NamedWindowExpr, Select, SelectItem, Statement as Sql, Visit, Visitor,
    WindowSpec, WindowType,
};

use crate::rules::check::CheckError;

/// Refuses what is no single SELECT, and what would be planned otherwise than it reads.
pub fn check_text(statement: &Statement) -> Result<(), CheckError> {
    let Statement::Statement(sql) = statement else { return Err(not_a_select()) };
    let Sql::Query(query) = sql.as_ref() else { return Err(not_a_select()) };
    match query.visit(&mut Reader) {
        ControlFlow::Break(what) => Err(CheckError::Forbidden { what: what.to_owned() }),
        ControlFlow::Continue(()) => Ok(()),
    }
}

fn not_a_select() -> CheckError {
    CheckError::Forbidden { what: "a statement other than one SELECT".to_owned() }
}

struct Reader;

impl Visitor for Reader {
    type Break = &'static str;

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<&'static str> {
        let star = |item: &SelectItem| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
        if select.projection.iter().any(star) {
            return ControlFlow::Break("SELECT *");
        }
        let extended = |NamedWindowDefinition(_, window): &NamedWindowDefinition| match window {
            NamedWindowExpr::WindowSpec(spec) => is_extended(spec),
            NamedWindowExpr::NamedWindow(_) => false,
        };
        if select.named_window.iter().any(extended) {
            return ControlFlow::Break(EXTENDED);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<&'static str> {
        match expr {
            Expr::BinaryOp { left, op, right } if is_logical(op) && (is_distinct(left) || is_distinct(right)) => {
                ControlFlow::Break(BESIDE)
            }
            Expr::IsDistinctFrom(_, right) | Expr::IsNotDistinctFrom(_, right) if matches!(right.as_ref(), Expr::BinaryOp { op, .. } if is_logical(op)) => {
                ControlFlow::Break(BESIDE)
            }
            Expr::Function(function) => match &function.over {
                Some(WindowType::WindowSpec(spec)) if is_extended(spec) => ControlFlow::Break(EXTENDED),
                _ => ControlFlow::Continue(()),
            },
            _ => ControlFlow::Continue(()),
        }
    }
}

const BESIDE: &str = "IS [NOT] DISTINCT FROM beside AND or OR without parentheses";
const EXTENDED: &str = "a named window with a frame or order added, OVER (w ...); write the window out";

fn is_logical(op: &BinaryOperator) -> bool {
    matches!(op, BinaryOperator::And | BinaryOperator::Or | BinaryOperator::Xor)
}

fn is_distinct(expr: &Expr) -> bool {
    matches!(expr, Expr::IsDistinctFrom(..) | Expr::IsNotDistinctFrom(..))
}

fn is_extended(spec: &WindowSpec) -> bool {
    spec.window_name.is_some()
}
