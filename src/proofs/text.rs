//! Checks on the text of a rule or view before it is planned, for what the plan no longer shows.
//!
//! - `SELECT *` would change a rule's columns with the schema; so would the `.*` of a table or view. `catalogue::stars` has
//!   replaced the `.*` of a step before this check, unless something is wrong with it.
//! - A step with the name of a table hides the table: a reader takes one for the other, and so do the gateways.
//! - DataFusion 55 reads `a IS DISTINCT FROM b AND c` as `a IS DISTINCT FROM (b AND c)`.
//! - In DataFusion 55, `OVER (w ROWS ...)` loses the partition and order of `w`.
//! - What DataFusion forgets, or DuckDB reads otherwise (`portable`).
//! - In `lag(f(x) IGNORE NULLS)` the parser gives IGNORE NULLS to `f`, and nobody ignores a null.

mod forms;
mod portable;

use std::ops::ControlFlow;

use datafusion::common::Span;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArgumentClause, FunctionArguments, Ident, LimitClause,
    NamedWindowDefinition, NamedWindowExpr, Query, Select, SelectItem, Spanned, Statement as Sql, TableAlias,
    TableFactor, ValueWithSpan, Visitor, WindowSpec, WindowType,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{self, Token, Tokenizer};

use crate::catalogue::refused::Highlight;
use crate::catalogue::rewritten::byte_at;
use crate::catalogue::stars::{self, Problem};
use crate::catalogue::walk::walk;
use crate::proofs::refusal::{CheckError, Finding, Refusal, forbidden};

pub use portable::RESERVED_WORDS;

/// Refuses a text that is not a single SELECT, or that would be planned otherwise than it reads; `sql` is what `statement` was parsed
/// from, `is_table` says what is a table or view.
pub fn check_text(statement: &Statement, sql: &str, is_table: &dyn Fn(&str) -> bool) -> Result<(), CheckError> {
    let Statement::Statement(parsed) = statement else { return Err(not_a_select()) };
    let Sql::Query(query) = parsed.as_ref() else { return Err(not_a_select()) };
    let mut reader = Reader { sql, is_table, found: Vec::new(), star: None };
    walk(query, &mut reader);
    reader.stars(query);
    CheckError::unless_none(reader.found, ())
}

fn not_a_select() -> CheckError {
    let what = "a statement other than one SELECT".to_owned();
    CheckError(vec![Refusal::Forbidden { what }.at(Highlight::Words(Vec::new()))])
}

struct Reader<'a> {
    sql: &'a str,
    is_table: &'a dyn Fn(&str) -> bool,
    found: Vec<Finding>,
    /// The place of a `name.*` in a select list.
    star: Option<Highlight>,
}

impl Reader<'_> {
    fn refuse(&mut self, what: &str, part: &impl Spanned, words: &[&str]) {
        self.refuse_at(what, part.span(), words);
    }

    fn refuse_at(&mut self, what: &str, span: tokenizer::Span, words: &[&str]) {
        let place = Span::try_from_sqlparser_span(span).map_or(Highlight::words(words), Highlight::Span);
        self.found.push(Refusal::Forbidden { what: what.to_owned() }.at(place));
    }

    /// Something that the parser reads and the planner forgets.
    fn left_over(&mut self, over: &str) {
        let word: String = over.chars().take_while(|letter| letter.is_alphanumeric()).collect();
        let place = Highlight::words(&[&word.to_lowercase()]);
        self.found.push(Refusal::Forbidden { what: over.to_owned() }.at(place));
    }

    /// The name of a step or table; `word` stands before it.
    fn name(&mut self, name: &Ident, word: &str) {
        if portable::is_reserved(name) {
            self.refuse_at(portable::RESERVED, name.span, &[word]);
        }
        if portable::is_odd(name) {
            self.refuse_at(portable::QUOTED, name.span, &["\""]);
        }
        if portable::has_capital(name) {
            self.refuse_at(portable::CAPITAL, name.span, &[word]);
        }
    }

    /// Whether the word AS stands behind the name of a step and of its columns.
    fn is_before_as(&self, alias: &TableAlias) -> bool {
        let end = alias.name.span.end;
        let after = tokens(self.sql.get(byte_at(self.sql, end.line, end.column)..).unwrap_or_default());
        let named =
            if alias.columns.is_empty() { None } else { after.iter().position(|token| *token == Token::RParen) };
        let behind = after.get(named.map_or(0, |at| at + 1));
        end.line == 0 || behind.is_some_and(is_as)
    }

    /// Whether the name stands behind the word AS.
    fn is_behind_as(&self, name: &Ident) -> bool {
        let (line, column) = (name.span.start.line, name.span.start.column);
        let before = tokens(self.sql.get(..byte_at(self.sql, line, column)).unwrap_or_default());
        // A name without a place was not written by anybody.
        line == 0 || before.last().is_some_and(is_as)
    }

    fn stars(&mut self, query: &Query) {
        self.found.extend(stars::problems(query).into_iter().map(|Problem { message, hint, span }| {
            let place = span.map_or(Highlight::words(&["*"]), Highlight::Span);
            Refusal::Star { message, hint }.at(place)
        }));
        if let (Some(place), true) = (self.star.take(), self.found.is_empty()) {
            // The star itself is sound, but this text was never rewritten.
            self.found.push(Refusal::Forbidden { what: "SELECT *".to_owned() }.at(place));
        }
    }
}

impl Visitor for Reader<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if query.with.as_ref().is_some_and(|with| with.recursive) {
            self.found.push(
                Refusal::Forbidden { what: "WITH RECURSIVE".to_owned() }.at(Highlight::words(&["with", "recursive"])),
            );
        }
        for step in query.with.iter().flat_map(|with| &with.cte_tables) {
            let name = &step.alias.name;
            if (self.is_table)(&name.value.to_lowercase()) {
                let place =
                    Span::try_from_sqlparser_span(name.span).map_or(Highlight::words(&["with"]), Highlight::Span);
                let what = format!("a step called {name}, like a table or view,");
                self.found.push(Refusal::Forbidden { what }.at(place));
            }
        }
        for step in query.with.iter().flat_map(|with| &with.cte_tables) {
            if portable::is_unnamed(&step.query, Some(&step.alias)) {
                self.refuse_at(portable::UNNAMED, step.alias.name.span, &["values"]);
            }
            self.name(&step.alias.name, "with");
        }
        for step in query.with.iter().flat_map(|with| &with.cte_tables) {
            if !self.is_before_as(&step.alias) {
                self.refuse_at(NOT_AS, step.alias.name.span, &["with"]);
            }
        }
        if let Some(what) = forms::query_beyond(query) {
            self.refuse(what, query, &["order"]);
        }
        if let Some(over) = portable::beyond_query(query) {
            self.left_over(&over);
        }
        match &query.limit_clause {
            Some(LimitClause::LimitOffset { limit: None, offset: Some(offset), .. }) => {
                self.refuse("OFFSET, like LIMIT,", offset, &["offset"]);
            }
            // The clause's own place is that of its number.
            Some(_) => self.found.push(forbidden("LIMIT").at(Highlight::words(&["limit"]))),
            None => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        if let Some(over) = portable::beyond_select(select) {
            self.left_over(&over);
        }
        if let Some(what) = forms::select_beyond(select) {
            self.refuse(what, select, &["qualify"]);
        }
        for join in select.from.iter().flat_map(|table| &table.joins) {
            if let Some(what) = portable::join_beyond(join) {
                self.refuse(what, &join.relation, &["join"]);
            }
        }
        for name in select.projection.iter().filter_map(portable::given_name) {
            if portable::is_odd(name) || portable::has_capital(name) {
                let what = if portable::is_odd(name) { portable::QUOTED } else { portable::CAPITAL };
                self.refuse_at(what, name.span, &[&name.value.to_lowercase()]);
            }
            if !self.is_behind_as(name) {
                self.refuse_at(BARE, name.span, &[&name.value.to_lowercase()]);
            }
        }
        for item in &select.projection {
            match item {
                SelectItem::Wildcard(_) => self.refuse("SELECT *", item, &["*"]),
                SelectItem::QualifiedWildcard(..) => {
                    let span = Span::try_from_sqlparser_span(item.span());
                    self.star.get_or_insert(span.map_or(Highlight::words(&["*"]), Highlight::Span));
                }
                _ => {}
            }
        }
        for NamedWindowDefinition(_, window) in &select.named_window {
            if let NamedWindowExpr::WindowSpec(spec) = window
                && is_extended(spec)
            {
                self.found.push(Refusal::Forbidden { what: EXTENDED.to_owned() }.at(Highlight::words(&["window"])));
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Some(what) = portable::beyond_expr(expr).or_else(|| forms::expression_beyond(expr)) {
            self.refuse(what, expr, &["\""]);
        }
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
                if has_null_treatment(function) && function.over.is_none() {
                    self.refuse(OF_NO_WINDOW, function, &["nulls"]);
                } else if function.null_treatment.is_some() {
                    self.refuse(BEHIND, function, &["nulls"]);
                }
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

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<()> {
        if let Some(over) = portable::beyond_table(table) {
            self.left_over(&over);
        }
        let alias = match table {
            TableFactor::Table { alias, .. } | TableFactor::Derived { alias, .. } => alias.as_ref(),
            _ => None,
        };
        if let Some(TableAlias { name, .. }) = alias {
            self.name(name, "from");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<()> {
        if portable::value_beyond(&value.value) {
            self.refuse(OTHER_TEXT, value, &["'"]);
        }
        ControlFlow::Continue(())
    }
}

fn is_as(token: &Token) -> bool {
    matches!(token, Token::Word(word) if word.value.eq_ignore_ascii_case("as"))
}

/// The words and signs of a part of a text, without remarks.
fn tokens(part: &str) -> Vec<Token> {
    let mut tokens = Tokenizer::new(&GenericDialect {}, part).tokenize().unwrap_or_default();
    tokens.retain(|token| !matches!(token, Token::Whitespace(_)));
    tokens
}

const NOT_AS: &str = "a step without AS";
const BEHIND: &str = "IGNORE or RESPECT NULLS behind the parenthesis";
const BARE: &str = "a column named without AS";
const OTHER_TEXT: &str = "a text written otherwise than '...'";
const BESIDE: &str = "IS [NOT] DISTINCT FROM beside AND or OR without parentheses";
const OF_NO_WINDOW: &str = "IGNORE or RESPECT NULLS of a function without OVER";
const EXTENDED: &str = "a named window with a frame or order added, OVER (w ...); write the window out";

fn is_logical(op: &BinaryOperator) -> bool {
    matches!(op, BinaryOperator::And | BinaryOperator::Or | BinaryOperator::Xor)
}

fn is_distinct(expr: &Expr) -> bool {
    matches!(expr, Expr::IsDistinctFrom(..) | Expr::IsNotDistinctFrom(..))
}

fn has_null_treatment(function: &Function) -> bool {
    let is_treatment =
        |clause: &FunctionArgumentClause| matches!(clause, FunctionArgumentClause::IgnoreOrRespectNulls(_));
    let in_arguments = match &function.args {
        FunctionArguments::List(list) => list.clauses.iter().any(is_treatment),
        FunctionArguments::None | FunctionArguments::Subquery(_) => false,
    };
    function.null_treatment.is_some() || in_arguments
}

fn is_extended(spec: &WindowSpec) -> bool {
    spec.window_name.is_some()
}
