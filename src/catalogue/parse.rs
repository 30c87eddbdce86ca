//! Parses a text as SQL before planning: its one query, its output columns, the functions that it calls.

use std::ops::ControlFlow;

use datafusion::common::Span;
use datafusion::sql::sqlparser::ast::{Expr, ObjectName, Query, SelectItem, SetExpr, Spanned, Value, Visitor};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use crate::catalogue::tokens;
use crate::catalogue::walk::walk;

/// The statement's query; `None` if it is not a single query (planning reports why) or exceeds a limit of `tokens`.
pub fn parse(sql: &str) -> Option<Query> {
    if !tokens::is_within(sql) {
        return None;
    }
    let mut statements = Parser::parse_sql(&GenericDialect {}, sql).ok()?;
    match (statements.pop(), statements.is_empty()) {
        (Some(datafusion::sql::sqlparser::ast::Statement::Query(query)), true) => Some(*query),
        _ => None,
    }
}

/// The branches of a UNION from left to right; any other query is a single branch.
pub fn branches(body: &SetExpr) -> Vec<&SetExpr> {
    match body {
        SetExpr::SetOperation { left, right, .. } => {
            let mut all = branches(left);
            all.extend(branches(right));
            all
        }
        _ => vec![body],
    }
}

/// The value of a text literal.
pub fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        Expr::Nested(inner) => text(inner),
        _ => None,
    }
}

/// Names of the output columns; `None` if one has no name.
pub fn outputs(query: &Query) -> Option<Vec<String>> {
    let mut body = query.body.as_ref();
    let select = loop {
        match body {
            SetExpr::Select(select) => break select,
            SetExpr::SetOperation { left, .. } => body = left,
            SetExpr::Query(query) => body = &query.body,
            _ => return None,
        }
    };
    let name = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.to_lowercase()),
        SelectItem::UnnamedExpr(expr) => {
            let text = expr.to_string().to_lowercase();
            let last = text.rsplit('.').next().unwrap_or_default().to_owned();
            last.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_').then_some(last)
        }
        _ => None,
    };
    select.projection.iter().map(name).collect()
}

/// The functions that a text calls, with their places.
pub fn calls(query: &Query) -> Vec<(String, Option<Span>)> {
    struct Calls(Vec<(String, Option<Span>)>);
    impl Visitor for Calls {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            if let Expr::Function(function) = expr {
                let span = Span::try_from_sqlparser_span(function.name.span());
                self.0.push((last(&function.name), span));
            }
            ControlFlow::Continue(())
        }
    }
    let mut calls = Calls(Vec::new());
    walk(query, &mut calls);
    calls.0
}

/// The last part of a name, in lower case.
pub fn last(name: &ObjectName) -> String {
    name.0.last().and_then(|part| part.as_ident()).map_or_else(String::new, |ident| ident.value.to_lowercase())
}
