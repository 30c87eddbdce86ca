//! The changes that make mutants of a SELECT. They are found on its syntax tree and made one at a time.
//!
//! - a comparison is flipped at its boundary (`<` and `<=`, `>` and `>=`, `=` and `<>`);
//! - a number moves by one step: beside a comparison in the direction that the flipped comparison does not cover, else upwards;
//!   likewise an interval and a date;
//! - a condition is removed: each part of AND and OR, a lone WHERE, HAVING, ON or FILTER, a branch of UNION;
//! - a truth value is negated: IS NULL, IN, BETWEEN, EXISTS, NOT, true and false, a boolean column;
//! - `min` and `max`, and `greatest` and `least`, are swapped; a severity becomes the next one.
//!
//! Expressions that only show something are not changed (`shown`): the evidence, and columns from which only evidence is made.

use crate::catalogue::walk::walk;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, JoinConstraint, JoinOperator, ObjectNamePart, Query, Select, SetExpr, Spanned,
    Statement, UnaryOperator, Value, VisitMut, Visitor, VisitorMut,
};

use crate::catalogue::parse::branches;
use crate::model::time::{Day, parse_day};
use crate::tools::cases::mutants::shown::{only_shown, place};

/// One change of a statement.
#[derive(Clone, Debug)]
pub struct Change {
    /// The change in words; unique within the statement.
    pub name: String,
    /// Line of the SELECT, from 1; 0 if not known.
    pub line: u64,
    edit: Edit,
}

#[derive(Clone, Debug)]
enum Edit {
    /// Replaces the expression at this position of the walk.
    Expr(usize, Box<Expr>),
    /// Removes one branch of the query at this position of the walk.
    Branch(usize, usize),
}

/// Every change of the statement, except in expressions that only show something.
pub fn changes(statement: &Statement, decisive: &[&str]) -> Vec<Change> {
    let mut finder = Finder { skipped: only_shown(statement, decisive), ..Finder::default() };
    // The walk is never interrupted.
    walk(statement, &mut finder);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for change in &mut finder.found {
        let times = seen.entry(change.name.clone()).or_default();
        *times += 1;
        if *times > 1 {
            change.name = format!("{} ({times})", change.name);
        }
    }
    finder.found
}

/// The statement with one change.
pub fn changed(statement: &Statement, change: &Change) -> Statement {
    let mut out = statement.clone();
    let mut changer = Changer { exprs: 0, queries: 0, edit: &change.edit };
    let _ = VisitMut::visit(&mut out, &mut changer);
    out
}

struct Changer<'a> {
    exprs: usize,
    queries: usize,
    edit: &'a Edit,
}

impl VisitorMut for Changer<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.queries += 1;
        match self.edit {
            Edit::Branch(at, branch) if at + 1 == self.queries => {
                without_branch(&mut query.body, *branch);
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        self.exprs += 1;
        match self.edit {
            Edit::Expr(at, new) if at + 1 == self.exprs => {
                *expr = new.as_ref().clone();
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

/// How a number beside a comparison moves, and the words before it.
#[derive(Clone, Debug)]
struct Step {
    by: i64,
    before: String,
    op: String,
}

#[derive(Default)]
struct Finder {
    exprs: usize,
    queries: usize,
    /// Number of enclosing expressions that must not be changed.
    muted: usize,
    skipped: BTreeSet<usize>,
    /// By whole condition, or part of AND and OR: the value that replaces it when it is removed.
    conditions: BTreeMap<usize, bool>,
    /// How each number beside a comparison moves.
    steps: BTreeMap<usize, Step>,
    /// Text and line of the enclosing expressions.
    around: Vec<(String, u64)>,
    found: Vec<Change>,
}

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let all = branches(&query.body);
        if all.len() > 1 && self.muted == 0 {
            for (at, branch) in all.iter().enumerate() {
                let name = format!("without the branch {}", short(&branch.to_string(), 90));
                let line = branch.span().start.line;
                self.found.push(Change { name, line, edit: Edit::Branch(self.queries, at) });
            }
        }
        self.queries += 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let joins = select.from.iter().flat_map(|from| &from.joins);
        let on = joins.filter_map(|join| on_condition(&join.join_operator));
        for condition in on.chain(&select.selection).chain(&select.having).chain(&select.qualify) {
            self.conditions.insert(place(condition), true);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if self.skipped.contains(&place(expr)) {
            self.muted += 1;
        }
        self.look_ahead(expr);
        let mut line = expr.span().start.line;
        if line == 0 {
            line = self.around.last().map_or(0, |(_, line)| *line);
        }
        if self.muted == 0 {
            for (name, new) in self.replacements(expr) {
                self.found.push(Change { name, line, edit: Edit::Expr(self.exprs, Box::new(new)) });
            }
        }
        self.exprs += 1;
        self.around.push((expr.to_string(), line));
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        self.around.pop();
        if self.skipped.contains(&place(expr)) {
            self.muted -= 1;
        }
        ControlFlow::Continue(())
    }
}

impl Finder {
    /// Notes what a part of the expression must know of the whole.
    fn look_ahead(&mut self, expr: &Expr) {
        match expr {
            Expr::BinaryOp { left, op: op @ (BinaryOperator::And | BinaryOperator::Or), right } => {
                for part in [left, right] {
                    if !is_chain(part, op) {
                        self.conditions.insert(place(part), *op == BinaryOperator::And);
                    }
                }
            }
            Expr::BinaryOp { left, op, right } => {
                if let Some(by) = step_beside(op) {
                    let is_same = matches!(op, BinaryOperator::Eq | BinaryOperator::NotEq);
                    let before = format!("{} {op} ", short(&left.to_string(), 60));
                    self.steps.insert(place(right), Step { by, before, op: format!("{op} ") });
                    let by = if is_same { 1 } else { -by };
                    self.steps.insert(place(left), Step { by, before: String::new(), op: String::new() });
                }
            }
            Expr::Function(Function { filter: Some(filter), .. }) => {
                self.conditions.insert(place(filter), true);
            }
            _ => {}
        }
    }

    fn replacements(&self, expr: &Expr) -> Vec<(String, Expr)> {
        let mut out = Vec::new();
        let is_chain = matches!(expr, Expr::BinaryOp { op: BinaryOperator::And | BinaryOperator::Or, .. });
        if let Some(&absent) = self.conditions.get(&place(expr)) {
            if !is_chain {
                let truth = Expr::Value(Value::Boolean(absent).with_empty_span());
                out.push((format!("without {}", short(&expr.to_string(), 100)), truth));
            }
            if matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Function(_)) {
                let new = Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(expr.clone()) };
                out.push((format!("{expr} -> {new}"), new));
            }
        }
        let step = self.steps.get(&place(expr));
        if let Some((name, new)) = replacement(expr, step.map_or(1, |step| step.by)) {
            let beside = step.filter(|step| !step.before.is_empty());
            let beside = beside.map(|step| format!("{}{expr} -> {}{new}", step.before, step.op));
            out.push((name.or(beside).unwrap_or_else(|| self.in_place(expr, &new)), new));
        }
        out
    }

    /// A small change, shown with the expression around it.
    fn in_place(&self, expr: &Expr, new: &Expr) -> String {
        let (old, new) = (expr.to_string(), new.to_string());
        let wider = self.around.iter().find(|(text, _)| text.len() <= 60 && text.matches(&old).count() == 1);
        match wider {
            Some((text, _)) => format!("{text} -> {}", text.replacen(&old, &new, 1)),
            None => match self.around.last() {
                Some((text, _)) => format!("{} -> {} in {}", short(&old, 60), short(&new, 60), short(text, 60)),
                None => format!("{} -> {}", short(&old, 60), short(&new, 60)),
            },
        }
    }
}

/// The changed expression, and the change in words if it is not simply the old and the new text.
fn replacement(expr: &Expr, step: i64) -> Option<(Option<String>, Expr)> {
    let mut new = expr.clone();
    let mut name = None;
    match &mut new {
        Expr::BinaryOp { left, op, right } => {
            let other = flipped(op)?;
            name = Some(format!("{} {op} {} -> {other}", short(&left.to_string(), 60), short(&right.to_string(), 60)));
            *op = other;
        }
        Expr::IsDistinctFrom(a, b) => new = Expr::IsNotDistinctFrom(a.clone(), b.clone()),
        Expr::IsNotDistinctFrom(a, b) => new = Expr::IsDistinctFrom(a.clone(), b.clone()),
        Expr::IsNull(of) => new = Expr::IsNotNull(of.clone()),
        Expr::IsNotNull(of) => new = Expr::IsNull(of.clone()),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
            name = Some(format!("NOT {0} -> {0}", short(&expr.to_string(), 80)));
            new = Expr::Nested(expr.clone());
        }
        Expr::InList { negated, expr, .. } => {
            name = Some(
                format!("{expr} IN (...) -> NOT IN")
                    .replace("IN (...) -> NOT IN", if *negated { "NOT IN (...) -> IN" } else { "IN (...) -> NOT IN" }),
            );
            *negated = !*negated;
        }
        Expr::Between { negated, .. } | Expr::InSubquery { negated, .. } | Expr::Like { negated, .. } => {
            name = Some(format!("{} -> denied", short(&expr.to_string(), 100)));
            *negated = !*negated;
        }
        Expr::Exists { negated, .. } => {
            name = Some(format!("{} -> denied", short(&expr.to_string(), 100)));
            *negated = !*negated;
        }
        Expr::Function(function) => other_function(function)?,
        Expr::Interval(interval) => {
            let Expr::Value(value) = interval.value.as_mut() else { return None };
            let Value::SingleQuotedString(text) = &mut value.value else { return None };
            let (count, unit) = text.split_once(' ')?;
            *text = format!("{} {unit}", count.parse::<i64>().ok()? + 1);
        }
        Expr::TypedString(typed) => {
            let Value::SingleQuotedString(text) = &mut typed.value.value else { return None };
            // The first and last days stand for "always" and "never".
            let day = parse_day(text).filter(|day| (FIRST..LAST).contains(&day.0))?;
            *text = Day(day.0 + 1).to_string();
        }
        Expr::Value(value) => value.value = other_value(&value.value, step)?,
        _ => return None,
    }
    Some((name, new))
}

/// 1901-01-01 and 2199-01-01: days between them are real dates.
const FIRST: i32 = -25_202;
const LAST: i32 = 83_641;

fn other_value(value: &Value, step: i64) -> Option<Value> {
    match value {
        Value::Number(text, long) => {
            Some(Value::Number((text.to_string().parse::<i64>().ok()? + step).to_string(), *long))
        }
        Value::Boolean(truth) => Some(Value::Boolean(!truth)),
        Value::SingleQuotedString(text) => {
            let other = match text.as_str() {
                "info" | "strong" => "medium",
                "weak" => "medium",
                "medium" => "weak",
                _ => return None,
            };
            Some(Value::SingleQuotedString(other.to_owned()))
        }
        _ => None,
    }
}

fn other_function(function: &mut Function) -> Option<()> {
    let ObjectNamePart::Identifier(name) = function.name.0.last_mut()? else { return None };
    let other = match name.value.to_lowercase().as_str() {
        "min" => "max",
        "max" => "min",
        "greatest" => "least",
        "least" => "greatest",
        _ => return None,
    };
    name.value = other.to_owned();
    Some(())
}

fn flipped(op: &BinaryOperator) -> Option<BinaryOperator> {
    Some(match op {
        BinaryOperator::Lt => BinaryOperator::LtEq,
        BinaryOperator::LtEq => BinaryOperator::Lt,
        BinaryOperator::Gt => BinaryOperator::GtEq,
        BinaryOperator::GtEq => BinaryOperator::Gt,
        BinaryOperator::Eq => BinaryOperator::NotEq,
        BinaryOperator::NotEq => BinaryOperator::Eq,
        _ => return None,
    })
}

/// `x < 5` flipped is like `x < 6`, so the number on the right moves the other way.
fn step_beside(op: &BinaryOperator) -> Option<i64> {
    match op {
        BinaryOperator::Lt | BinaryOperator::GtEq => Some(-1),
        BinaryOperator::LtEq | BinaryOperator::Gt | BinaryOperator::Eq | BinaryOperator::NotEq => Some(1),
        _ => None,
    }
}

fn is_chain(expr: &Expr, of: &BinaryOperator) -> bool {
    matches!(expr, Expr::BinaryOp { op, .. } if op == of)
}

fn on_condition(join: &JoinOperator) -> Option<&Expr> {
    match join {
        JoinOperator::Join(JoinConstraint::On(on))
        | JoinOperator::Inner(JoinConstraint::On(on))
        | JoinOperator::Left(JoinConstraint::On(on))
        | JoinOperator::LeftOuter(JoinConstraint::On(on)) => Some(on),
        _ => None,
    }
}

fn without_branch(body: &mut SetExpr, branch: usize) {
    let SetExpr::SetOperation { left, right, .. } = body else { return };
    let on_left = branches(left).len();
    let (part, other, branch) = if branch < on_left { (left, right, branch) } else { (right, left, branch - on_left) };
    if matches!(part.as_ref(), SetExpr::SetOperation { .. }) {
        without_branch(part, branch);
    } else {
        *body = other.as_ref().clone();
    }
}

/// On one line, with the middle left out if it is long.
fn short(text: &str, most: usize) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let count = text.chars().count();
    if count <= most {
        return text;
    }
    let head: String = text.chars().take(most * 2 / 3).collect();
    let tail: String = text.chars().skip(count - most / 4).collect();
    format!("{} … {}", head.trim_end(), tail.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECISIVE: [&str; 2] = ["alert_key", "severity"];

    /// Name and text of every mutant.
    fn mutants(sql: &str) -> Vec<(String, String)> {
        let statement = crate::tools::cases::mutants::parse(sql).unwrap();
        let changes = changes(&statement, &DECISIVE);
        changes.iter().map(|change| (change.name.clone(), changed(&statement, change).to_string())).collect()
    }

    fn names(sql: &str) -> Vec<String> {
        mutants(sql).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn numbers_move_where_the_flipped_comparison_does_not() {
        let all = mutants("SELECT k AS alert_key FROM t WHERE a < 5 AND 6 <= b");
        let texts: Vec<&str> = all.iter().map(|(_, text)| text.split(" WHERE ").nth(1).unwrap()).collect();
        assert_eq!(
            texts,
            [
                "true AND 6 <= b",
                "a <= 5 AND 6 <= b",
                "a < 4 AND 6 <= b",
                "a < 5 AND true",
                "a < 5 AND 6 < b",
                "a < 5 AND 5 <= b",
            ]
        );
        assert_eq!(all[2].0, "a < 5 -> < 4");
    }

    #[test]
    fn conditions_are_left_out_and_truths_denied() {
        let sql = "SELECT k AS alert_key FROM t JOIN u ON u.id = t.id WHERE (a OR NOT b) AND NOT EXISTS (SELECT 1 FROM v WHERE v.id = t.id)";
        let texts: Vec<String> = mutants(sql).into_iter().map(|(_, text)| text).collect();
        for part in [
            "ON true",
            "ON u.id <> t.id",
            "WHERE true AND NOT EXISTS",
            "(false OR NOT b)",
            "(NOT a OR NOT b)",
            "(a OR false)",
            "(a OR (b))",
            "(a OR NOT b) AND true",
            "AND EXISTS",
            "WHERE true)",
            "v.id <> t.id",
        ] {
            assert_eq!(texts.iter().filter(|text| text.contains(part)).count(), 1, "{part}: {texts:#?}");
        }
        assert_eq!(texts.len(), 11, "{texts:#?}");
    }

    #[test]
    fn branches_severities_and_extremes() {
        let sql = "SELECT 'weak' AS severity FROM a UNION ALL SELECT max(x) FROM b UNION ALL SELECT c + 1 FROM c";
        assert_eq!(
            names(sql),
            [
                "without the branch SELECT 'weak' AS severity FROM a",
                "without the branch SELECT max(x) FROM b",
                "without the branch SELECT c + 1 FROM c",
                "'weak' -> 'medium'",
                "max(x) -> min(x)",
                "c + 1 -> c + 2",
            ]
        );
        let (_, text) = &mutants(sql)[1];
        assert_eq!(text, "SELECT 'weak' AS severity FROM a UNION ALL SELECT c + 1 FROM c");
    }

    #[test]
    fn what_only_shows_something_stays() {
        let sql = "WITH s AS (SELECT id, a + 1 AS shown, b + 2 AS decides, c + 3 AS deeper FROM t), \
                   r AS (SELECT id, shown, decides, deeper + 4 AS deep FROM s) \
                   SELECT decides AS alert_key, shown + 5 AS evidence, deep FROM r GROUP BY decides, shown, deep";
        assert_eq!(names(sql), ["b + 2 -> b + 3"]);
    }

    #[test]
    fn a_date_moves_by_a_day_unless_it_stands_for_ever() {
        let sql = "SELECT coalesce(a, DATE '2024-02-29', DATE '1900-01-01', DATE '2199-12-31') AS alert_key FROM t";
        let texts: Vec<String> = mutants(sql).into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, [sql.replace("2024-02-29", "2024-03-01")]);
    }

    #[test]
    fn equal_names_are_counted() {
        assert_eq!(
            names("SELECT a + 1 AS alert_key, a + 1 AS severity FROM t"),
            ["a + 1 -> a + 2", "a + 1 -> a + 2 (2)"]
        );
    }
}
