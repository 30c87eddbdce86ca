//! Checks that a word that is compared with a column that has a closed list of codes (`decode/codes.rs`) is in that list: a
//! misspelt word would silently match nothing.
//!
//! A column's list is followed from the tables through views, links and steps as long as the column is passed on unchanged, also
//! through `coalesce` and functions that pick a row's value. Where the trail is lost, nothing is reported.
//!
//! [`outputs`] tells the same of a rule's output, with the words that the text itself gives (`CASE ... THEN 'revoked'`): what it can
//! follow may be less than what the column can hold.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::common::Span;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Query, Select, SelectItem,
    SetExpr, Spanned, TableFactor, UnaryOperator, Value, Visitor,
};

use crate::catalogue::Catalogue;
use crate::catalogue::file::RuleFile;
use crate::catalogue::parse::{parse, text};
use crate::catalogue::refused::{Highlight, Refused};
use crate::catalogue::spelling::{did_you_mean, nearest};
use crate::catalogue::walk::walk;
use crate::decode::codes::codes_of;
use crate::model::record::Op;
use crate::model::schema::{ColumnType, TableId};

/// The codes that a column may hold, as far as they can be followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Codes {
    /// The tables' columns whose lists say so.
    of: BTreeSet<String>,
    pub words: BTreeSet<String>,
    /// Whether it holds no others: only then a comparison with another word is a mistake.
    is_closed: bool,
    /// Its type, if it is a table's column, or true or false.
    pub ty: Option<ColumnType>,
}

impl Codes {
    fn and(mut self, other: Codes) -> Codes {
        self.of.extend(other.of);
        self.words.extend(other.words);
        self.is_closed &= other.is_closed;
        self.ty = self.ty.filter(|ty| other.ty == Some(*ty));
        self
    }

    /// A word that the text itself gives.
    fn word(word: String) -> Codes {
        Codes { words: BTreeSet::from([word]), ..Codes::default() }
    }

    fn truth() -> Codes {
        Codes { ty: Some(ColumnType::Bool), ..Codes::default() }
    }
}

/// Columns in order.
type Columns = Vec<(String, Codes)>;

/// The output columns of each rule, in order.
pub fn outputs(catalogue: &Catalogue) -> Vec<Vec<(String, Codes)>> {
    let mut known = Known::of(catalogue);
    let columns = |rule: &RuleFile| parse(&rule.sql).map(|query| output(&query, &mut known, &[]));
    catalogue.rules.iter().map(columns).map(Option::unwrap_or_default).collect()
}

/// Reports rules, views and links that compare a coded column with a word that is none of its codes.
pub fn check(catalogue: &Catalogue) -> Vec<Refused> {
    let views = catalogue.views.iter().map(|view| ("view", view.name.as_str(), view.sql.as_str()));
    let links = catalogue.links.iter().map(|link| ("link", link.table.name(), link.sql.as_str()));
    let rules = catalogue.rules.iter().map(|rule| ("rule", rule.header.id.as_str(), rule.sql.as_str()));
    let mut known = Known::of(catalogue);
    let mut refused = Vec::new();
    for (what, name, sql) in rules.chain(views).chain(links) {
        let Some(query) = parse(sql) else { continue };
        let mut reader = Reader { known: &mut known, steps: Vec::new(), sources: Vec::new(), found: Vec::new() };
        walk(&query, &mut reader);
        for (word, codes, span) in reader.found {
            let near = did_you_mean(&nearest(&word, codes.words.iter().map(String::as_str)));
            let list = codes.words.into_iter().collect::<Vec<_>>().join(", ");
            let of = codes.of.into_iter().collect::<Vec<_>>().join(" and ");
            refused.push(Refused {
                what,
                name: name.to_owned(),
                message: format!("\"{word}\" is no code of {of}: it would match nothing"),
                hint: [near, format!("its codes are {list}")].join(" ").trim().to_owned(),
                place: span.map_or(Err("id".to_owned()), |span| Ok(Highlight::Span(span))),
            });
        }
    }
    refused
}

/// Columns of tables, views and links by name.
#[derive(Default)]
struct Known<'a> {
    texts: BTreeMap<&'a str, &'a str>,
    done: BTreeMap<String, Columns>,
}

impl<'a> Known<'a> {
    /// A view may come before one that it reads: a name that is not known yet is looked up later.
    fn of(catalogue: &'a Catalogue) -> Known<'a> {
        let views = catalogue.views.iter().map(|view| (view.name.as_str(), view.sql.as_str()));
        let links = catalogue.links.iter().map(|link| (link.table.name(), link.sql.as_str()));
        Known { texts: views.chain(links).collect(), done: BTreeMap::new() }
    }
}

impl Known<'_> {
    fn columns(&mut self, name: &str) -> Columns {
        if let Some(columns) = self.done.get(name) {
            return columns.clone();
        }
        // A circle of views is refused elsewhere; here it must only not loop for ever.
        self.done.insert(name.to_owned(), Columns::new());
        let columns = match self.texts.get(name).and_then(|sql| parse(sql)) {
            Some(query) => output(&query, self, &[]),
            None => TableId::from_name(name.trim_end_matches("_history")).map(of_table).unwrap_or_default(),
        };
        self.done.insert(name.to_owned(), columns.clone());
        columns
    }
}

fn of_table(table: TableId) -> Columns {
    let codes = |column: &str, words: &mut dyn Iterator<Item = &str>, ty| {
        let of = BTreeSet::from([format!("{}.{column}", table.name())]);
        (column.to_owned(), Codes { of, words: words.map(str::to_owned).collect(), is_closed: true, ty })
    };
    let columns = table.def().columns.iter().map(|column| match codes_of(table, column.name) {
        Some(list) => codes(column.name, &mut list.iter().map(|(code, _)| *code), Some(column.ty)),
        None => (column.name.to_owned(), Codes { ty: Some(column.ty), ..Codes::default() }),
    });
    let op = codes("op", &mut [Op::Upsert, Op::Correct, Op::Retract].iter().map(|op| op.name()), None);
    columns.chain([op]).collect()
}

/// The visible steps (WITH), the nearest last.
type Steps = Vec<(String, Columns)>;

/// The output columns of a query.
fn output(query: &Query, known: &mut Known<'_>, around: &[(String, Columns)]) -> Columns {
    let mut steps = around.to_vec();
    add_steps(query, known, &mut steps);
    body(&query.body, known, &steps)
}

fn add_steps(query: &Query, known: &mut Known<'_>, steps: &mut Steps) {
    for step in query.with.iter().flat_map(|with| &with.cte_tables) {
        let columns = output(&step.query, known, steps);
        let named: Vec<String> = step.alias.columns.iter().map(|column| column.name.value.to_lowercase()).collect();
        steps.push((step.alias.name.value.to_lowercase(), renamed(columns, &named)));
    }
}

fn renamed(columns: Columns, names: &[String]) -> Columns {
    let rename = |(at, (name, codes)): (usize, (String, Codes))| (names.get(at).cloned().unwrap_or(name), codes);
    columns.into_iter().enumerate().map(rename).collect()
}

fn body(set: &SetExpr, known: &mut Known<'_>, steps: &[(String, Columns)]) -> Columns {
    match set {
        SetExpr::Select(select) => {
            let sources = Sources::of(select, known, steps);
            let item = |item: &SelectItem| match item {
                SelectItem::UnnamedExpr(expr) => {
                    (column(expr).map(|(_, name)| name).unwrap_or_default(), sources.codes(expr))
                }
                SelectItem::ExprWithAlias { expr, alias } => (alias.value.to_lowercase(), sources.codes(expr)),
                _ => (String::new(), Codes::default()),
            };
            select.projection.iter().map(item).collect()
        }
        SetExpr::Query(query) => output(query, known, steps),
        SetExpr::SetOperation { left, right, .. } => {
            let (left, right) = (body(left, known, steps), body(right, known, steps));
            left.into_iter().zip(right).map(|((name, one), (_, other))| (name, one.and(other))).collect()
        }
        _ => Columns::new(),
    }
}

/// The tables of a SELECT, by their names in it.
struct Sources(Vec<(String, Columns)>);

impl Sources {
    fn of(select: &Select, known: &mut Known<'_>, steps: &[(String, Columns)]) -> Sources {
        let mut out = Sources(Vec::new());
        for from in &select.from {
            let factors = std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation));
            factors.for_each(|factor| out.add(factor, known, steps));
        }
        out
    }

    fn add(&mut self, factor: &TableFactor, known: &mut Known<'_>, steps: &[(String, Columns)]) {
        let (own, alias, columns) = match factor {
            TableFactor::Table { name, alias, .. } => {
                let own = name.to_string().to_lowercase();
                let step = steps.iter().rev().find(|(step, _)| *step == own).map(|(_, columns)| columns.clone());
                let columns = step.unwrap_or_else(|| known.columns(&own));
                (own, alias, columns)
            }
            TableFactor::Derived { subquery, alias, .. } => (String::new(), alias, output(subquery, known, steps)),
            TableFactor::NestedJoin { table_with_joins, .. } => {
                self.add(&table_with_joins.relation, known, steps);
                table_with_joins.joins.iter().for_each(|join| self.add(&join.relation, known, steps));
                return;
            }
            // A table that may have any column.
            _ => (String::new(), &None, Columns::new()),
        };
        let named = alias.iter().flat_map(|alias| &alias.columns);
        let named: Vec<String> = named.map(|column| column.name.value.to_lowercase()).collect();
        let name = alias.as_ref().map_or(own, |alias| alias.name.value.to_lowercase());
        self.0.push((name, renamed(columns, &named)));
    }

    /// The codes that an expression may have as its value, as far as they are known.
    fn codes(&self, expr: &Expr) -> Codes {
        match expr {
            Expr::Nested(inner) => self.codes(inner),
            Expr::Function(function) => self.function(function),
            Expr::Case { conditions, else_result, .. } => {
                let results = conditions.iter().map(|when| &when.result).chain(else_result.as_deref());
                let all = results.filter(|result| !is_null(result)).map(|result| self.codes(result));
                // What the text gives itself is no list of a register.
                let all = all.reduce(Codes::and).unwrap_or_default();
                Codes { is_closed: false, ..all }
            }
            Expr::BinaryOp { left, op: BinaryOperator::StringConcat, right } => {
                self.joined(&[left.as_ref(), right.as_ref()])
            }
            Expr::BinaryOp { op, .. } if is_comparison(op) => Codes::truth(),
            Expr::UnaryOp { op: UnaryOperator::Not, .. }
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsDistinctFrom(..)
            | Expr::IsNotDistinctFrom(..)
            | Expr::InList { .. }
            | Expr::Between { .. } => Codes::truth(),
            _ => match (text(expr), self.column(expr)) {
                (Some(word), _) => Codes::word(word),
                (None, codes) => codes.cloned().unwrap_or_default(),
            },
        }
    }

    fn column(&self, expr: &Expr) -> Option<&Codes> {
        let (owner, name) = column(expr)?;
        let source = match owner {
            Some(owner) => self.0.iter().find(|(source, _)| *source == owner),
            // With several tables, the column may be any one's.
            None if self.0.len() == 1 => self.0.first(),
            None => None,
        };
        source?.1.iter().find(|(own, _)| *own == name).map(|(_, codes)| codes)
    }

    /// Codes beside other parts of a text, such as a day, with spaces between them.
    fn joined(&self, parts: &[&Expr]) -> Codes {
        let mut all = Codes::default();
        for part in parts {
            match text(part) {
                Some(between) if between.trim().is_empty() => {}
                // A word would be part of a longer one.
                Some(_) => return Codes::default(),
                None => all.words.extend(self.codes(part).words),
            }
        }
        all
    }

    fn function(&self, function: &Function) -> Codes {
        let FunctionArguments::List(list) = &function.args else { return Codes::default() };
        let args: Vec<&Expr> = list
            .args
            .iter()
            .filter_map(|arg| match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
                _ => None,
            })
            .collect();
        let name = function.name.to_string().to_lowercase();
        match (name.as_str(), args.as_slice()) {
            ("min" | "max" | "lag" | "lead" | "first_value" | "last_value", [one]) => self.codes(one),
            ("coalesce", [first, rest @ ..]) => rest.iter().fold(self.codes(first), |codes, arg| match text(arg) {
                Some(word) => codes.and(Codes { is_closed: true, ..Codes::word(word) }),
                None => codes.and(self.codes(arg)),
            }),
            ("concat", parts) => self.joined(parts),
            ("bool_or" | "bool_and", _) => Codes::truth(),
            _ => Codes::default(),
        }
    }
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if value.value == Value::Null)
}

fn is_comparison(op: &BinaryOperator) -> bool {
    use BinaryOperator::*;
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | And | Or)
}

/// A column's table, if the text names it, and its name.
fn column(expr: &Expr) -> Option<(Option<String>, String)> {
    match expr {
        Expr::Identifier(name) => Some((None, name.value.to_lowercase())),
        Expr::CompoundIdentifier(names) => {
            let (name, owners) = names.split_last()?;
            Some((Some(owners.last()?.value.to_lowercase()), name.value.to_lowercase()))
        }
        _ => None,
    }
}

struct Reader<'a, 'b> {
    known: &'a mut Known<'b>,
    /// The visible steps: one list for each enclosing query.
    steps: Vec<Steps>,
    /// The enclosing SELECTs.
    sources: Vec<Sources>,
    found: Vec<(String, Codes, Option<Span>)>,
}

impl Reader<'_, '_> {
    /// By the current SELECT, else by an enclosing one.
    fn codes(&self, expr: &Expr) -> Codes {
        let owner = column(expr).and_then(|(owner, _)| owner);
        let sources = match owner {
            Some(owner) => {
                let named = |sources: &&Sources| sources.0.iter().any(|(name, _)| *name == owner);
                self.sources.iter().rev().find(named)
            }
            None => self.sources.last(),
        };
        sources.map(|sources| sources.codes(expr)).unwrap_or_default()
    }

    fn compare(&mut self, expr: &Expr, words: &[&Expr]) {
        let codes = self.codes(expr);
        if !codes.is_closed {
            return;
        }
        for literal in words {
            if let Some(word) = text(literal).filter(|word| !codes.words.contains(word)) {
                let span = Span::try_from_sqlparser_span(literal.span());
                self.found.push((word, codes.clone(), span));
            }
        }
    }
}

impl Visitor for Reader<'_, '_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let mut steps = self.steps.last().cloned().unwrap_or_default();
        add_steps(query, self.known, &mut steps);
        self.steps.push(steps);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.steps.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let steps = self.steps.last().map(Vec::as_slice).unwrap_or_default();
        self.sources.push(Sources::of(select, self.known, steps));
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _: &Select) -> ControlFlow<()> {
        self.sources.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::BinaryOp { left, op: BinaryOperator::Eq | BinaryOperator::NotEq, right }
            | Expr::IsDistinctFrom(left, right)
            | Expr::IsNotDistinctFrom(left, right) => {
                self.compare(left, &[right]);
                self.compare(right, &[left]);
            }
            Expr::InList { expr, list, .. } => self.compare(expr, &list.iter().collect::<Vec<_>>()),
            Expr::Case { operand: Some(operand), conditions, .. } => {
                let words: Vec<&Expr> = conditions.iter().map(|when| &when.condition).collect();
                self.compare(operand, &words);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEWS: [(&str, &str); 2] = [
        ("paid", "SELECT person_id, kind, kind AS sort, amount_sek FROM payments"),
        ("both", "SELECT person_id, kind FROM payments UNION ALL SELECT person_id, n.kind FROM notices n"),
    ];

    fn found(sql: &str) -> Vec<String> {
        let mut known = Known { texts: VIEWS.into(), done: BTreeMap::new() };
        let mut reader = Reader { known: &mut known, steps: Vec::new(), sources: Vec::new(), found: Vec::new() };
        walk(&parse(sql).unwrap(), &mut reader);
        reader.found.into_iter().map(|(word, ..)| word).collect()
    }

    #[test]
    fn a_word_that_is_no_code_is_found_wherever_the_column_went() {
        for sql in [
            "SELECT 1 FROM payments WHERE kind = 'x'",
            "SELECT 1 FROM payments p JOIN notices n ON n.person_id = p.person_id AND 'x' <> p.kind",
            "SELECT 1 FROM payments_history p WHERE p.op IN ('upsert', 'x')",
            "SELECT CASE p.permit_class WHEN 'ICT' THEN 1 WHEN 'x' THEN 2 END FROM permits p",
            "SELECT 1 FROM paid WHERE sort = 'x'",
            "WITH s AS (SELECT kind AS k FROM paid) SELECT 1 FROM s t WHERE t.k IS DISTINCT FROM 'x'",
            "SELECT 1 FROM (SELECT kind AS k FROM payments) t WHERE coalesce(t.k, 'none') NOT IN ('none', 'x')",
            "SELECT 1 FROM permits p WHERE EXISTS (SELECT 1 FROM payments s WHERE s.person_id = p.person_id AND p.end_kind = 'x')",
            "SELECT max(p.kind) FILTER (WHERE p.basis = 'x') FROM payments p",
            "SELECT 1 FROM (SELECT lag(kind) OVER (ORDER BY month) AS before FROM payments) p WHERE before = 'x'",
            "SELECT 1 FROM both WHERE kind = 'x'",
        ] {
            assert_eq!(found(sql), ["x"], "{sql}");
        }
    }

    #[test]
    fn codes_and_whatever_may_hold_anything_are_let_through() {
        for sql in [
            "SELECT 1 FROM payments WHERE kind = 'salary' AND source = 'x' AND basis IN ('work', 'student')",
            "SELECT 1 FROM both WHERE kind IN ('salary', 'tip')",
            "SELECT 1 FROM border b WHERE b.country = 'x'",
            "SELECT 1 FROM (SELECT 'x' AS kind FROM payments) p WHERE p.kind = 'x'",
            "SELECT 1 FROM (SELECT kind FROM payments UNION ALL SELECT 'x' FROM permits) p WHERE p.kind = 'x'",
            "SELECT 1 FROM payments p, notices n WHERE kind = 'x'",
            "SELECT CASE WHEN kind = 'salary' THEN 'x' END FROM payments",
            "WITH payments AS (SELECT person_id, 'x' AS kind FROM permits) SELECT 1 FROM payments WHERE kind = 'x'",
            "SELECT 1 FROM payments s WHERE concat(s.kind, '') = 'x'",
        ] {
            assert_eq!(found(sql), [""; 0], "{sql}");
        }
    }

    #[test]
    fn the_words_of_an_output_are_followed_into_cases_and_texts() {
        let told = |sql: &str| -> Vec<String> {
            let mut known = Known { texts: VIEWS.into(), done: BTreeMap::new() };
            let columns = output(&parse(sql).unwrap(), &mut known, &[]);
            columns[0].1.words.iter().cloned().collect()
        };
        for (sql, words) in [
            ("SELECT 'a' AS x FROM payments", &["a"][..]),
            ("SELECT CASE WHEN true THEN 'a' WHEN false THEN NULL ELSE 'b' END AS x FROM payments", &["a", "b"]),
            (
                "SELECT 'a' AS x FROM payments UNION ALL SELECT concat(kind, payer_id) FROM payments",
                &["a", "allowance", "benefit", "salary"],
            ),
            (
                "WITH s AS (SELECT 'a' AS x, month FROM payments) SELECT CAST(month AS VARCHAR) || ' ' || x AS y FROM s",
                &["a"],
            ),
            ("SELECT concat('shared_', kind) AS x FROM payments", &[]),
            ("SELECT sort AS x FROM paid", &["allowance", "benefit", "salary"]),
        ] {
            assert_eq!(told(sql), words, "{sql}");
        }
    }

    #[test]
    fn months_and_truth_are_told_from_other_columns() {
        let mut known = Known { texts: VIEWS.into(), done: BTreeMap::new() };
        let sql = "WITH s AS (SELECT max(month) AS m, bool_or(reported_income) AS r, amount_sek > 3 AS b, amount_sek FROM payments) \
                   SELECT m, r, NOT b AS n, amount_sek, CAST(m AS VARCHAR) AS t FROM s";
        let told: Vec<_> =
            output(&parse(sql).unwrap(), &mut known, &[]).into_iter().map(|(_, codes)| codes.ty).collect();
        let truth = Some(ColumnType::Bool);
        assert_eq!(told, [Some(ColumnType::Month), truth, truth, Some(ColumnType::Sek), None]);
    }
}
