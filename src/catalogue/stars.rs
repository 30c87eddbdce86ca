//! Expands `step.*` to every column of a step (WITH) of the same text, before the text is read in any other way.
//!
//! A step's columns are in the text itself, so a star stands only for what has been named before it. The star of a table or view
//! would depend on the schema: a new column would be read, and perhaps shown, though nobody asked for it. So only steps may have a
//! star, and the last SELECT may not: its columns are the output.
//!
//! - A text in which every star is sound is expanded as a whole. Any other text stays as it is, and `proofs::text` refuses it for
//!   the reasons that `problems` gives.
//! - An expanded star stays on its lines, so that line numbers in the text are those in the file.

mod columns;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Range};

use datafusion::common::Span;
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectName, Query, Select, SelectItem, SetExpr, Spanned,
    Visitor,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::catalogue::parse::{branches, parse};
use crate::catalogue::rewritten::{Rewritten, byte_at};
use crate::catalogue::stars::columns::{
    Columns, Refused, Steps, add_step, of_body, of_star, plain, refuse, shared_columns,
};
use crate::catalogue::walk::walk;

/// What is wrong with a star, and how to repair it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub message: String,
    pub hint: String,
    pub span: Option<Span>,
}

/// The text with each `step.*` expanded.
pub fn write_out(sql: &str) -> Rewritten {
    let query = Some(sql).filter(|sql| may_have_stars(sql)).and_then(parse);
    let stars = query.map(|query| Reader::of(&query).stars).unwrap_or_default();
    let all: Option<BTreeMap<usize, (Range<usize>, String)>> = stars
        .into_iter()
        .map(|star| {
            let (range, columns) = (star.bytes(sql)?, star.columns.ok()?);
            let lines = "\n".repeat(sql[range.clone()].matches('\n').count());
            Some((range.start, (range, columns + &lines)))
        })
        .collect();
    let mut out = Rewritten::default();
    let mut copied = 0;
    for (range, columns) in all.into_iter().flatten().map(|(_, star)| star) {
        out.copy(sql, copied..range.start);
        copied = range.end;
        out.put(&columns, range);
    }
    out.copy(sql, copied..sql.len());
    out
}

/// Everything that is wrong with the stars of a text.
pub fn problems(query: &Query) -> Vec<Problem> {
    let problem = |star: Star| {
        let (message, hint) = star.columns.err().flatten()?;
        Some(Problem { message, hint, span: star.span })
    };
    Reader::of(query).stars.into_iter().filter_map(problem).collect()
}

/// A quick check: most texts have `*` only as multiplication.
fn may_have_stars(sql: &str) -> bool {
    let mut before: Vec<&str> = sql.split('*').collect();
    before.pop();
    before.iter().any(|before| before.trim_end().ends_with('.'))
}

/// A `name.*` of a text.
struct Star {
    /// Covers the name, the star and the columns that it excludes.
    span: Option<Span>,
    /// The star ends with the parenthesis that follows its span.
    is_in_parentheses: bool,
    /// The columns, as written out.
    columns: Result<String, Refused>,
}

impl Star {
    /// The star's bytes in the text.
    fn bytes(&self, sql: &str) -> Option<Range<usize>> {
        let span = self.span?;
        let start = byte_at(sql, span.start.line, span.start.column);
        let mut end = byte_at(sql, span.end.line, span.end.column);
        if self.is_in_parentheses {
            let rest = sql.get(end..)?;
            let tokens = Tokenizer::new(&GenericDialect {}, rest).tokenize_with_location().ok()?;
            let close = tokens.into_iter().find(|token| token.token == Token::RParen)?.span.end;
            end += byte_at(rest, close.line, close.column);
        }
        (start < end).then_some(start..end)
    }
}

/// Collects the stars of a text.
#[derive(Default)]
struct Reader {
    /// The visible steps of the current query and of the enclosing ones, each with its columns.
    scopes: Vec<Steps>,
    /// By the address of a step's query: the steps before it, which are all that it can read.
    before: BTreeMap<usize, Steps>,
    /// The branches of the last SELECT.
    last: BTreeSet<usize>,
    stars: Vec<Star>,
}

/// While a text is walked, its parts are identified by their addresses in memory.
fn place<T>(part: &T) -> usize {
    std::ptr::from_ref(part) as usize
}

impl Reader {
    fn of(query: &Query) -> Reader {
        let mut reader = Reader::default();
        reader.add_last(&query.body);
        walk(query, &mut reader);
        reader
    }

    fn add_last(&mut self, body: &SetExpr) {
        for branch in branches(body) {
            match branch {
                SetExpr::Select(select) => {
                    self.last.insert(place(select.as_ref()));
                }
                SetExpr::Query(query) => self.add_last(&query.body),
                _ => {}
            }
        }
    }

    fn steps(&self) -> &[(String, Option<Columns>)] {
        self.scopes.last().map_or(&[], Vec::as_slice)
    }

    fn within(&mut self, name: &ObjectName, span: Option<Span>, function: Option<&ObjectName>) {
        let place = function.map_or("an expression".to_owned(), |function| format!("{function}()"));
        let message = format!("{name}.* stands within {place}: it is for a list of columns");
        let columns = refuse(message, "count(*) counts rows; else name the columns");
        self.stars.push(Star { span, is_in_parentheses: false, columns });
    }

    /// A UNION matches columns by position, not by name: with a star in it the names must agree.
    fn check_branches(&mut self, body: &SetExpr) {
        let all = branches(body);
        let Some((first, others)) = all.split_first() else { return };
        let columns = of_body(first, self.steps()).unwrap_or_default();
        for branch in others {
            let Some(star) = first_star(branch).or_else(|| first_star(first)) else { continue };
            let here = of_body(branch, self.steps()).unwrap_or_default();
            let pairs = columns.iter().zip(&here).enumerate();
            let mut named = pairs.filter_map(|(at, (one, other))| Some((at + 1, one.as_ref()?, other.as_ref()?)));
            if let Some((at, one, other)) = named.find(|(_, one, other)| plain(one) != plain(other)) {
                let message = format!("column {at} is {one} in the first branch, and {other} in another");
                let hint = "branches are put together by place, not by name: write the columns out in one order, or give them the same names";
                let span = Span::try_from_sqlparser_span(star.span());
                self.stars.push(Star { span, is_in_parentheses: false, columns: refuse(message, hint) });
            }
        }
    }
}

fn first_star(branch: &SetExpr) -> Option<&SelectItem> {
    match branch {
        SetExpr::Select(select) => {
            select.projection.iter().find(|item| matches!(item, SelectItem::QualifiedWildcard(..)))
        }
        SetExpr::Query(query) => first_star(&query.body),
        SetExpr::SetOperation { left, .. } => first_star(left),
        _ => None,
    }
}

impl Visitor for Reader {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let around = self.before.remove(&place(query)).or_else(|| self.scopes.last().cloned());
        let mut steps = around.unwrap_or_default();
        for step in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.before.insert(place(step.query.as_ref()), steps.clone());
            add_step(step, &mut steps);
        }
        self.scopes.push(steps);
        self.check_branches(&query.body);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.scopes.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        for (at, item) in select.projection.iter().enumerate() {
            let SelectItem::QualifiedWildcard(kind, options) = item else { continue };
            let is_last = self.last.contains(&place(select));
            let columns = of_star(kind, options, select, self.steps()).and_then(|columns| {
                if is_last {
                    let hint = "name the columns there: they are what the text gives to others";
                    return refuse(format!("{kind} stands in the last SELECT"), hint);
                }
                shared_columns(at, &columns, select, self.steps()).map_or(Ok(columns), |why| Err(Some(why)))
            });
            let whose = kind.to_string();
            let whose = whose.trim_end_matches('*');
            let written = |columns: Vec<_>| {
                let columns: Vec<String> = columns.iter().map(|column| format!("{whose}{column}")).collect();
                columns.join(", ")
            };
            self.stars.push(Star {
                span: Span::try_from_sqlparser_span(item.span()),
                is_in_parentheses: options.opt_exclude.is_some(),
                columns: columns.map(written),
            });
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::QualifiedWildcard(name, _) => self.within(name, Span::try_from_sqlparser_span(expr.span()), None),
            Expr::Function(function) => {
                let FunctionArguments::List(list) = &function.args else { return ControlFlow::Continue(()) };
                for arg in &list.args {
                    let (FunctionArg::Unnamed(arg)
                    | FunctionArg::Named { arg, .. }
                    | FunctionArg::ExprNamed { arg, .. }) = arg;
                    if let FunctionArgExpr::QualifiedWildcard(name) = arg {
                        let span = Span::try_from_sqlparser_span(name.span());
                        self.within(name, span, Some(&function.name));
                    }
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
