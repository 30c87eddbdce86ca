//! What a plan no longer shows: checks on the text of a rule or view, before it is planned.
//!
//! - `SELECT *` would change a rule's columns with the schema.
//! - `a IS DISTINCT FROM b AND c` is read as `a IS DISTINCT FROM (b AND c)` by DataFusion 55.
//! - `OVER (w ROWS ...)` loses the partition and order of `w` in DataFusion 55.

use crate::rules::walk::walk;
use std::ops::ControlFlow;

use datafusion::common::Span;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, LimitClause, NamedWindowDefinition, NamedWindowExpr, Query, Select, SelectItem, Spanned,
    Statement as Sql, Visitor, WindowSpec, WindowType,
};

use crate::rules::refusal::{CheckError, Finding, Place, Refusal};

/// Refuses what is no single SELECT, and what would be planned otherwise than it reads.
pub fn check_text(statement: &Statement) -> Result<(), CheckError> {
    let Statement::Statement(sql) = statement else { return Err(not_a_select()) };
    let Sql::Query(query) = sql.as_ref() else { return Err(not_a_select()) };
    let mut reader = Reader::default();
    walk(query, &mut reader);
    CheckError::unless_none(reader.found, ())
}

fn not_a_select() -> CheckError {
    let what = "a statement other than one SELECT".to_owned();
    CheckError(vec![Refusal::Forbidden { what }.at(Place::Words(Vec::new()))])
}

#[derive(Default)]
struct Reader {
    found: Vec<Finding>,
}

impl Reader {
    fn refuse(&mut self, what: &str, part: &impl Spanned, words: &[&str]) {
        let place = Span::try_from_sqlparser_span(part.span()).map_or(Place::words(words), Place::Span);
        self.found.push(Refusal::Forbidden { what: what.to_owned() }.at(place));
    }
}

impl Visitor for Reader {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if query.with.as_ref().is_some_and(|with| with.recursive) {
            self.found.push(
                Refusal::Forbidden { what: "WITH RECURSIVE".to_owned() }.at(Place::words(&["with", "recursive"])),
            );
        }
        match &query.limit_clause {
            Some(LimitClause::LimitOffset { limit: None, offset: Some(offset), .. }) => {
                self.refuse("OFFSET, like LIMIT,", offset, &["offset"]);
            }
            Some(clause) => self.refuse("LIMIT", clause, &["limit"]),
            None => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        for item in &select.projection {
            if matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)) {
                self.refuse("SELECT *", item, &["*"]);
            }
        }
        for NamedWindowDefinition(_, window) in &select.named_window {
            if let NamedWindowExpr::WindowSpec(spec) = window
                && is_extended(spec)
            {
                self.found.push(Refusal::Forbidden { what: EXTENDED.to_owned() }.at(Place::words(&["window"])));
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let is_and_or = |expr: &Expr| matches!(expr, Expr::BinaryOp { op, .. } if is_logical(op));
        match expr {
            Expr::BinaryOp { left, op, right } if is_logical(op) => {
                let side = [left, right].into_iter().find(|side| is_distinct(side));
                if let Some(side) = side {
                    self.refuse(BESIDE, side.as_ref(), &["distinct", "from"]);
                }
            }
            Expr::IsDistinctFrom(_, right) | Expr::IsNotDistinctFrom(_, right) if is_and_or(right) => {
                self.refuse(BESIDE, expr, &["distinct", "from"]);
            }
            Expr::Function(function) => {
                if let Some(WindowType::WindowSpec(spec)) = &function.over
                    && is_extended(spec)
                {
                    self.refuse(EXTENDED, function, &["over", "("]);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
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
