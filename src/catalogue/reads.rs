//! What a text reads, by the text alone: which tables, and of each which kinds of records for which permit classes.
//!
//! A condition beside a read narrows it: `kind = 'salary'` or `kind IN (...)` in WHERE, or in the ON of the join that brings the
//! table (a retraction, which carries nothing, is of no kind: `(kind = 'salary' OR op = 'retract')`); likewise `permit_class`. If the branches of a view have a text that names them (`SELECT 'salary' AS sign ... UNION ALL
//! ...`), each branch is narrowed separately: `sign <> 'benefit'` excludes one, and `(sign <> 'salary' OR permit_class IN (...))`
//! narrows one. A read that is not narrowed in one of these ways counts as reading everything, so that a clever text is refused
//! rather than let through.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::common::Span;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Join, JoinConstraint, JoinOperator, ObjectName, Query, Select, SelectItem, SetExpr,
    SetOperator, Spanned, TableFactor, TableWithJoins, Visitor,
};

use crate::catalogue::parse::{last, parse, text};
use crate::catalogue::walk::walk;

/// A set of words, or all words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Only {
    #[default]
    All,
    These(BTreeSet<String>),
}

impl Only {
    fn and(&self, other: &Only) -> Only {
        match (self, other) {
            (Only::All, only) | (only, Only::All) => only.clone(),
            (Only::These(a), Only::These(b)) => Only::These(a.intersection(b).cloned().collect()),
        }
    }

    pub fn allows(&self, word: &str) -> bool {
        match self {
            Only::All => true,
            Only::These(words) => words.contains(word),
        }
    }
}

/// A table or view, as one place of a text reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// Table or view; for a history, its table.
    pub table: String,
    pub kinds: Only,
    pub classes: Only,
    /// Conditions beside it, and its name in them: they may narrow the branches of a view.
    beside: Vec<Expr>,
    alias: String,
    /// Where the text names it; for a table that a view reads, where the text names the view.
    pub span: Option<Span>,
}

/// Views, and whatever else SQL makes of tables, by name. Each text is parsed once, at the first question about it: a view is read by
/// many others, and in many ways.
#[derive(Default)]
pub struct Definitions<'a>(BTreeMap<&'a str, Definition<'a>>);

struct Definition<'a> {
    sql: &'a str,
    query: OnceCell<Option<Query>>,
}

impl Definitions<'_> {
    /// The text of a view; `None` if there is none of this name.
    pub fn sql(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|definition| definition.sql)
    }

    /// The same as a query; `None` also for a text that is none.
    pub fn query(&self, name: &str) -> Option<&Query> {
        let definition = self.0.get(name)?;
        definition.query.get_or_init(|| parse(definition.sql)).as_ref()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Definitions<'a> {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(texts: I) -> Self {
        let definition = |(name, sql)| (name, Definition { sql, query: OnceCell::new() });
        Definitions(texts.into_iter().map(definition).collect())
    }
}

/// The tables that `query` reads, itself and through definitions.
pub fn reads(query: &Query, definitions: &Definitions<'_>) -> Vec<Read> {
    let mut open = direct(query);
    // What has been looked into: many ways lead to one view, and a circle of views, which is refused elsewhere, must not loop for ever.
    let mut seen: Vec<Read> = Vec::new();
    while let Some(read) = open.pop() {
        if seen.contains(&read) {
            continue;
        }
        for (inner, classes) in definitions.query(&read.table).into_iter().flat_map(|view| branches(view, &read)) {
            let classes = inner.classes.and(&read.classes).and(&classes);
            if classes != Only::These(BTreeSet::new()) {
                open.push(Read { classes, span: read.span, ..inner });
            }
        }
        seen.push(read);
    }
    seen.retain(|read| definitions.query(&read.table).is_none());
    seen.reverse();
    seen
}

/// What a view reads, and for each branch the classes to which the conditions beside the view limit it.
fn branches(view: &Query, read: &Read) -> Vec<(Read, Only)> {
    let mut leaves = Vec::new();
    let mut open = vec![view.body.as_ref()];
    while let Some(body) = open.pop() {
        match body {
            SetExpr::SetOperation { left, right, op: SetOperator::Union, .. } => open.extend([left.as_ref(), right]),
            leaf => leaves.push(leaf),
        }
    }
    let mut out = Vec::new();
    for leaf in leaves {
        let mut reader = Reader::default();
        walk(leaf, &mut reader);
        let tags = tags(leaf);
        let classes = read.beside.iter().fold(Only::All, |only, condition| {
            only.and(&words(condition, "permit_class", &|_| true, &|name, owner| {
                let of_view = owner.is_none_or(|owner| owner == read.alias);
                tags.get(name).filter(|_| of_view).cloned()
            }))
        });
        out.extend(reader.reads.into_iter().map(|inner| (inner, classes.clone())));
    }
    // The view's own steps belong to all of its branches.
    if let Some(with) = &view.with {
        let mut reader = Reader::default();
        walk(with, &mut reader);
        out.extend(reader.reads.into_iter().map(|inner| (inner, Only::All)));
    }
    out
}

/// The columns of a branch that are text literals, by name.
fn tags(leaf: &SetExpr) -> BTreeMap<String, String> {
    let SetExpr::Select(select) = leaf else { return BTreeMap::new() };
    let tagged = select.projection.iter().filter_map(|item| match item {
        SelectItem::ExprWithAlias { expr, alias } => Some((alias.value.to_lowercase(), text(expr)?)),
        _ => None,
    });
    tagged.collect()
}

/// Tables and views that the text names itself.
pub fn direct(query: &Query) -> Vec<Read> {
    let mut reader = Reader::default();
    walk(query, &mut reader);
    reader.reads
}

#[derive(Default)]
struct Reader {
    reads: Vec<Read>,
    /// Classes that the enclosing SELECTs leave.
    classes: Vec<Only>,
}

/// A table of a FROM, with the ON condition that joins it.
struct Source<'a> {
    name: &'a ObjectName,
    alias: String,
    on: Vec<&'a Expr>,
}

impl Visitor for Reader {
    type Break = ();

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let mut sources = Vec::new();
        // ON conditions that every row of the SELECT meets.
        let mut conditions: Vec<&Expr> = select.selection.iter().collect();
        for from in &select.from {
            gather(from, &[], &mut sources, &mut conditions);
        }
        let applications: Vec<String> = sources
            .iter()
            .filter(|source| last(source.name).ends_with("applications"))
            .map(|source| source.alias.clone())
            .collect();
        // `permit_class` of an application is the class applied for.
        let of_permit = |owner: Option<&str>| match owner {
            Some(owner) => !applications.iter().any(|alias| alias == owner),
            None => applications.is_empty(),
        };
        let around = self.classes.last().cloned().unwrap_or_default();
        let here = narrowed(&conditions, "permit_class", &of_permit).and(&around);
        for source in &sources {
            let of_source = |owner: Option<&str>| owner.is_none_or(|owner| owner == source.alias);
            let kinds = narrowed(&conditions, "kind", &of_source).and(&narrowed(&source.on, "kind", &of_source));
            self.reads.push(Read {
                table: last(source.name).trim_end_matches("_history").to_owned(),
                kinds,
                classes: here.and(&narrowed(&source.on, "permit_class", &of_permit)),
                beside: if applications.is_empty() {
                    conditions.iter().chain(&source.on).map(|&condition| condition.clone()).collect()
                } else {
                    Vec::new()
                },
                alias: source.alias.clone(),
                span: Span::try_from_sqlparser_span(source.name.span()),
            });
        }
        self.classes.push(here);
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _: &Select) -> ControlFlow<()> {
        self.classes.pop();
        ControlFlow::Continue(())
    }
}

fn gather<'a>(
    from: &'a TableWithJoins,
    outer: &[&'a Expr],
    sources: &mut Vec<Source<'a>>,
    conditions: &mut Vec<&'a Expr>,
) {
    factor(&from.relation, outer, sources);
    // A RIGHT JOIN keeps rows that met no earlier ON.
    let keeps_all = from.joins.iter().all(|join| condition(join).is_some());
    for join in &from.joins {
        let (on, binds_all) = condition(join).unwrap_or_default();
        if binds_all && keeps_all {
            conditions.extend(on);
        }
        let brought: Vec<&Expr> = outer.iter().copied().chain(on).collect();
        factor(&join.relation, &brought, sources);
    }
}

fn factor<'a>(factor: &'a TableFactor, on: &[&'a Expr], sources: &mut Vec<Source<'a>>) {
    match factor {
        TableFactor::Table { name, alias, args: None, .. } => {
            let alias = alias.as_ref().map_or_else(|| last(name), |alias| alias.name.value.to_lowercase());
            sources.push(Source { name, alias, on: on.to_vec() });
        }
        // Rows outside the parentheses may not meet the conditions within.
        TableFactor::NestedJoin { table_with_joins, .. } => gather(table_with_joins, on, sources, &mut Vec::new()),
        _ => {}
    }
}

/// The ON of a join if every row of the joined table meets it, and whether every row of the result does; `None` if the join keeps
/// rows of the joined table that do not meet it.
fn condition(join: &Join) -> Option<(Option<&Expr>, bool)> {
    let (constraint, binds_all) = match &join.join_operator {
        JoinOperator::Join(on) | JoinOperator::Inner(on) | JoinOperator::CrossJoin(on) => (on, true),
        JoinOperator::Left(on)
        | JoinOperator::LeftOuter(on)
        | JoinOperator::Semi(on)
        | JoinOperator::LeftSemi(on)
        | JoinOperator::Anti(on)
        | JoinOperator::LeftAnti(on) => (on, false),
        _ => return None,
    };
    match constraint {
        JoinConstraint::On(on) => Some((Some(on), binds_all)),
        _ => Some((None, false)),
    }
}

/// The values of a column that the conditions allow: the words of `column = 'word'` and `column IN (...)`, combined by AND.
fn narrowed(conditions: &[&Expr], column: &str, owned: &dyn Fn(Option<&str>) -> bool) -> Only {
    let unknown = |_: &str, _: Option<&str>| None;
    conditions.iter().fold(Only::All, |only, condition| only.and(&words(condition, column, owned, &unknown)))
}

/// The values of `column` that a condition allows, if `owned` says that the column is the one meant; none if the condition cannot
/// hold. `value` gives what is known of other columns.
fn words(
    condition: &Expr,
    column: &str,
    owned: &dyn Fn(Option<&str>) -> bool,
    value: &dyn Fn(&str, Option<&str>) -> Option<String>,
) -> Only {
    let never = || Only::These(BTreeSet::new());
    let known = |expr: &Expr| match expr {
        Expr::Identifier(name) => value(&name.value.to_lowercase(), None),
        Expr::CompoundIdentifier(names) => match names.as_slice() {
            [owner, name] => value(&name.value.to_lowercase(), Some(owner.value.to_lowercase().as_str())),
            _ => None,
        },
        _ => None,
    };
    let is_named = |expr: &Expr, column: &str| match expr {
        Expr::Identifier(name) => name.value.eq_ignore_ascii_case(column) && owned(None),
        Expr::CompoundIdentifier(names) => match names.as_slice() {
            [owner, name] => {
                name.value.eq_ignore_ascii_case(column) && owned(Some(owner.value.to_lowercase().as_str()))
            }
            _ => false,
        },
        _ => false,
    };
    let is_column = |expr: &Expr| is_named(expr, column);
    match condition {
        Expr::Nested(inner) => words(inner, column, owned, value),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            words(left, column, owned, value).and(&words(right, column, owned, value))
        }
        // Either side may hold: allow what both allow together.
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
            // A retraction carries nothing of what was said: beside a kind it is of no other.
            let is_retraction = |side: &Expr| match side {
                Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
                    column == "kind" && is_named(left, "op") && text(right).is_some_and(|op| op == "retract")
                }
                _ => false,
            };
            match (words(left, column, owned, value), words(right, column, owned, value)) {
                (Only::These(kinds), _) if is_retraction(right) => Only::These(kinds),
                (_, Only::These(kinds)) if is_retraction(left) => Only::These(kinds),
                (Only::These(a), Only::These(b)) => Only::These(a.union(&b).cloned().collect()),
                _ => Only::All,
            }
        }
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => match (text(left), text(right)) {
            (None, Some(word)) if is_column(left) => Only::These(BTreeSet::from([word])),
            (Some(word), None) if is_column(right) => Only::These(BTreeSet::from([word])),
            (None, Some(word)) if known(left).is_some_and(|known| known != word) => never(),
            _ => Only::All,
        },
        Expr::BinaryOp { left, op: BinaryOperator::NotEq, right }
            if text(right).is_some() && known(left) == text(right) =>
        {
            never()
        }
        Expr::InList { expr, list, negated }
            if known(expr).is_some() && list.iter().all(|item| text(item).is_some()) =>
        {
            let listed = list.iter().any(|item| text(item) == known(expr));
            if listed == *negated { never() } else { Only::All }
        }
        Expr::InList { expr, list, negated: false } if is_column(expr) => {
            let words: Option<BTreeSet<String>> = list.iter().map(text).collect();
            words.map_or(Only::All, Only::These)
        }
        _ => Only::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn these(words: &[&str]) -> Only {
        Only::These(words.iter().map(|&word| word.to_owned()).collect())
    }

    fn read(sql: &str, table: &str) -> Read {
        let views = Definitions::from_iter([("salaries", "SELECT person_id FROM payments WHERE kind = 'salary'")]);
        let reads = reads(&parse(sql).unwrap(), &views);
        reads.into_iter().find(|read| read.table == table).unwrap()
    }

    #[test]
    fn conditions_beside_a_table_narrow_it() {
        let cases = [
            ("SELECT 1 FROM payments WHERE kind = 'salary' AND amount_sek > 0", these(&["salary"])),
            (
                "SELECT 1 FROM permits p JOIN payments s ON s.kind IN ('benefit', 'allowance')",
                these(&["benefit", "allowance"]),
            ),
            ("SELECT 1 FROM permits p LEFT JOIN payments s ON s.kind = 'salary'", these(&["salary"])),
            ("SELECT 1 FROM permits p WHERE EXISTS (SELECT 1 FROM payments WHERE 'salary' = kind)", these(&["salary"])),
            ("SELECT 1 FROM payments WHERE kind = 'salary' OR kind = 'benefit'", these(&["salary", "benefit"])),
            ("SELECT 1 FROM payments_history h WHERE (h.kind = 'salary')", these(&["salary"])),
            ("SELECT 1 FROM salaries", these(&["salary"])),
            ("SELECT 1 FROM payments_history WHERE kind = 'salary' OR op = 'retract'", these(&["salary"])),
        ];
        for (sql, kinds) in cases {
            assert_eq!(read(sql, "payments").kinds, kinds, "{sql}");
        }
    }

    #[test]
    fn what_may_not_hold_for_every_row_narrows_nothing() {
        for sql in [
            "SELECT 1 FROM payments",
            "SELECT 1 FROM payments WHERE kind = 'salary' OR amount_sek > 0",
            "SELECT 1 FROM payments WHERE NOT kind = 'salary'",
            "SELECT 1 FROM payments_history WHERE kind = 'salary' OR op = 'correct'",
            "SELECT 1 FROM payments_history WHERE op = 'retract'",
            "SELECT 1 FROM payments_history WHERE op = 'retract' OR op = 'retract'",
            "SELECT 1 FROM payments WHERE kind NOT IN ('salary')",
            "SELECT 1 FROM payments s LEFT JOIN studies t ON s.kind = 'salary'",
            "SELECT 1 FROM payments s JOIN studies t ON t.kind = 'salary'",
            "SELECT 1 FROM studies t RIGHT JOIN payments s ON s.kind = 'salary'",
            "SELECT 1 FROM payments s JOIN studies t ON s.kind = 'salary' FULL JOIN border b ON 1 = 1",
            "SELECT CASE WHEN kind = 'salary' THEN 1 END FROM payments",
            "SELECT 1 FROM payments HAVING kind = 'salary'",
        ] {
            assert_eq!(read(sql, "payments").kinds, Only::All, "{sql}");
        }
    }

    #[test]
    fn branches_of_a_view_are_narrowed_by_what_they_say_they_are() {
        let signs = "SELECT person_id, 'salary' AS sign FROM payments WHERE kind = 'salary' \
                     UNION ALL SELECT person_id, 'benefit' AS sign FROM payments WHERE kind = 'benefit' \
                     UNION ALL SELECT person_id, 'journey' AS sign FROM border";
        let views = Definitions::from_iter([("signs", signs)]);
        let of = |condition: &str| {
            let sql = format!("SELECT 1 FROM permits p LEFT JOIN signs s ON s.person_id = p.person_id {condition}");
            let found = reads(&parse(&sql).unwrap(), &views);
            let shown =
                found.into_iter().filter(|read| read.table != "permits").map(|read| match (read.kinds, read.classes) {
                    (Only::These(kinds), Only::These(classes)) => format!("{kinds:?} of {classes:?}"),
                    (Only::These(kinds), Only::All) => format!("{kinds:?}"),
                    _ => read.table,
                });
            let mut shown: Vec<String> = shown.collect();
            shown.sort_unstable();
            shown.join(", ").replace('"', "")
        };
        assert_eq!(of(""), "border, {benefit}, {salary}");
        assert_eq!(of("AND s.sign <> 'benefit'"), "border, {salary}");
        assert_eq!(of("AND s.sign IN ('journey', 'benefit')"), "border, {benefit}");
        assert_eq!(of("AND s.sign NOT IN ('journey', 'benefit')"), "{salary}");
        let narrowed = "AND s.sign <> 'benefit' AND (s.sign <> 'salary' OR p.permit_class IN ('ICT'))";
        assert_eq!(of(narrowed), "border, {salary} of {ICT}");
        // A condition that need not hold for every row narrows nothing.
        assert_eq!(of("AND (s.sign <> 'benefit' OR p.valid_to IS NULL)"), "border, {benefit}, {salary}");
        assert_eq!(of("AND (s.sign <> 'salary' OR s.permit_class = 'ICT' OR 1 = 1)"), "border, {benefit}, {salary}");
    }

    #[test]
    fn classes_narrow_what_is_read_for_them() {
        let of = |sql| read(sql, "payments").classes;
        assert_eq!(
            of("SELECT 1 FROM permits p JOIN salaries s ON 1 = 1 WHERE p.permit_class = 'ICT'"),
            these(&["ICT"])
        );
        assert_eq!(of("SELECT 1 FROM permits p LEFT JOIN salaries s ON p.permit_class IN ('ICT')"), these(&["ICT"]));
        let nested = "SELECT 1 FROM permits WHERE permit_class = 'ICT' AND NOT EXISTS (SELECT 1 FROM salaries)";
        assert_eq!(of(nested), these(&["ICT"]));
        let applied = "SELECT 1 FROM applications a JOIN salaries s ON 1 = 1 WHERE a.permit_class = 'ICT'";
        assert_eq!(of(applied), Only::All);
        let step =
            "WITH p AS (SELECT 1 FROM permits WHERE permit_class = 'ICT') SELECT 1 FROM p JOIN salaries s ON 1 = 1";
        assert_eq!(of(step), Only::All);
    }
}
