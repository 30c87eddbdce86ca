//! The columns of steps, by the text alone, and the columns that a star stands for.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::ast::{
    Cte, ExcludeSelectItem, Expr, Ident, ObjectName, Query, Select, SelectItem, SelectItemQualifiedWildcardKind,
    SetExpr, TableAlias, TableFactor, TableWithJoins, WildcardAdditionalOptions,
};

use crate::catalogue::spelling::{did_you_mean, nearest};

/// Columns in order; `None` for a column without a name.
pub type Columns = Vec<Option<Ident>>;

/// Visible steps, the nearest last, with their columns; `None` if the columns are unknown because of an error that is reported
/// elsewhere.
pub type Steps = Vec<(String, Option<Columns>)>;

/// Why a star cannot be expanded, and how to repair it; `None` if that follows from an error that is reported elsewhere.
pub type Refused = Option<(String, String)>;

pub fn refuse<T>(message: String, hint: impl Into<String>) -> Result<T, Refused> {
    Err(Some((message, hint.into())))
}

/// A name as the engine reads it: in lower case unless it is quoted.
pub fn plain(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}

pub fn add_step(step: &Cte, steps: &mut Steps) {
    let columns = of_query(&step.query, steps).map(|columns| renamed(columns, Some(&step.alias)));
    steps.push((plain(&step.alias.name), columns));
}

fn of_query(query: &Query, around: &[(String, Option<Columns>)]) -> Option<Columns> {
    let mut steps = around.to_vec();
    for step in query.with.iter().flat_map(|with| &with.cte_tables) {
        add_step(step, &mut steps);
    }
    of_body(&query.body, &steps)
}

/// The columns of a query, by its first branch.
pub fn of_body(body: &SetExpr, steps: &[(String, Option<Columns>)]) -> Option<Columns> {
    match body {
        SetExpr::Select(select) => of_select(select, steps),
        SetExpr::Query(query) => of_query(query, steps),
        SetExpr::SetOperation { left, .. } => of_body(left, steps),
        SetExpr::Values(values) => Some(vec![None; values.rows.first().map_or(0, |row| row.content.len())]),
        // Other bodies name no columns.
        _ => Some(vec![None]),
    }
}

fn of_select(select: &Select, steps: &[(String, Option<Columns>)]) -> Option<Columns> {
    let mut columns = Columns::new();
    for item in &select.projection {
        match item {
            SelectItem::Wildcard(_) => return None,
            SelectItem::QualifiedWildcard(kind, options) => {
                columns.extend(of_star(kind, options, select, steps).ok()?.into_iter().map(Some));
            }
            named => columns.push(name_of(named)),
        }
    }
    Some(columns)
}

fn name_of(item: &SelectItem) -> Option<Ident> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.clone()),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(name.clone()),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) => names.last().cloned(),
        _ => None,
    }
}

/// Columns with the names that `AS step (a, b)` gives them.
fn renamed(columns: Columns, alias: Option<&TableAlias>) -> Columns {
    let mut names = alias.into_iter().flat_map(|alias| &alias.columns);
    columns.into_iter().map(|column| names.next().map(|other| other.name.clone()).or(column)).collect()
}

/// A table in FROM.
struct Source {
    /// Its name in this query.
    called: String,
    /// Its own name; `None` for a query in FROM.
    own: Option<String>,
    /// Its columns, if it is a step.
    step: Option<Option<Columns>>,
}

fn sources(from: &[TableWithJoins], steps: &[(String, Option<Columns>)]) -> Vec<Source> {
    let mut out = Vec::new();
    for from in from {
        for factor in std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)) {
            match factor {
                TableFactor::NestedJoin { table_with_joins, alias: None } => {
                    out.extend(sources(std::slice::from_ref(table_with_joins.as_ref()), steps));
                }
                TableFactor::Table { name, alias, args: None, .. } => {
                    let own = one_name(name);
                    let step = own.as_ref().and_then(|own| steps.iter().rev().find(|(name, _)| name == own));
                    let step = step.map(|(_, columns)| columns.clone().map(|columns| renamed(columns, alias.as_ref())));
                    let own = own.unwrap_or_else(|| name.to_string());
                    let called = alias.as_ref().map_or_else(|| own.clone(), |alias| plain(&alias.name));
                    out.push(Source { called, own: Some(own), step });
                }
                TableFactor::Table { alias: Some(alias), .. }
                | TableFactor::Derived { alias: Some(alias), .. }
                | TableFactor::NestedJoin { alias: Some(alias), .. }
                | TableFactor::UNNEST { alias: Some(alias), .. }
                | TableFactor::Function { alias: Some(alias), .. } => {
                    out.push(Source { called: plain(&alias.name), own: None, step: None });
                }
                _ => {}
            }
        }
    }
    out
}

fn one_name(name: &ObjectName) -> Option<String> {
    match name.0.as_slice() {
        [part] => part.as_ident().map(plain),
        _ => None,
    }
}

/// The columns that a star stands for.
pub fn of_star(
    kind: &SelectItemQualifiedWildcardKind,
    options: &WildcardAdditionalOptions,
    select: &Select,
    steps: &[(String, Option<Columns>)],
) -> Result<Vec<Ident>, Refused> {
    let (step, columns) = step_of(kind, select, steps)?;
    let mut names: BTreeSet<String> = BTreeSet::new();
    let mut out = Vec::new();
    for (at, column) in columns.into_iter().enumerate() {
        let Some(column) = column else {
            let message = format!("{kind}: column {} of the step {step} has no name", at + 1);
            return refuse(message, "write it there as ... AS name");
        };
        if !names.insert(plain(&column)) {
            let message = format!("{kind}: the step {step} has two columns {column}");
            return refuse(message, "give one of them another name there, or leave it out");
        }
        out.push(column);
    }
    let left_out = left_out(kind, options)?;
    for name in &left_out {
        if !names.contains(name) {
            let hint = near(name, names.iter().map(String::as_str));
            let hint = hint.unwrap_or_else(|| format!("it has {}", joined(names.iter())));
            return refuse(format!("{kind} leaves out {name}, which the step {step} does not have"), hint);
        }
    }
    out.retain(|column| !left_out.contains(&plain(column)));
    if out.is_empty() {
        return refuse(format!("{kind} leaves out every column of the step {step}"), "leave the star out as well");
    }
    Ok(out)
}

/// The step that a star belongs to: its name and columns.
fn step_of(
    kind: &SelectItemQualifiedWildcardKind,
    select: &Select,
    steps: &[(String, Option<Columns>)],
) -> Result<(String, Columns), Refused> {
    let SelectItemQualifiedWildcardKind::ObjectName(name) = kind else {
        return refuse(format!("{kind} is of no step"), "only a step of WITH has a .*");
    };
    let called = one_name(name).unwrap_or_else(|| name.to_string());
    let sources = sources(&select.from, steps);
    match sources.iter().find(|source| source.called == called) {
        Some(Source { own: Some(own), step: Some(columns), .. }) => match columns {
            Some(columns) => Ok((own.clone(), columns.clone())),
            None => Err(None),
        },
        Some(Source { own: Some(own), .. }) => {
            let hint = near(own, steps.iter().map(|(name, _)| name.as_str()));
            let hint = hint.unwrap_or_else(|| {
                "name the columns that are needed: a new column of a table or view must not come in by itself"
                    .to_owned()
            });
            refuse(format!("{kind} is of {own}, which is no step (WITH) of this text"), hint)
        }
        Some(_) => refuse(
            format!("{kind} is of a query in FROM, not of a step"),
            format!("make it one: WITH {called} AS (...)"),
        ),
        None => {
            let renamed =
                sources.iter().find(|source| source.step.is_some() && source.own.as_deref() == Some(called.as_str()));
            if let Some(Source { called: here, .. }) = renamed {
                return refuse(format!("{kind}: the step {called} is called {here} here"), format!("write {here}.*"));
            }
            let names = || sources.iter().map(|source| source.called.as_str());
            let hint = near(&called, names()).unwrap_or_else(|| format!("FROM names {}", joined(names())));
            refuse(format!("{kind}: nothing in its FROM is called {called}"), hint)
        }
    }
}

/// The columns that `EXCLUDE (...)` names.
fn left_out(
    kind: &SelectItemQualifiedWildcardKind,
    options: &WildcardAdditionalOptions,
) -> Result<Vec<String>, Refused> {
    let exclude = options.opt_exclude.as_ref();
    let only_exclude = WildcardAdditionalOptions {
        wildcard_token: options.wildcard_token.clone(),
        opt_exclude: exclude.cloned(),
        ..WildcardAdditionalOptions::default()
    };
    if *options != only_exclude {
        let hint = format!("leave the column out and write it anew: {kind} EXCLUDE (x), ... AS x");
        return refuse(format!("{kind} takes EXCLUDE (column, ...) and nothing else"), hint);
    }
    match exclude {
        None => Ok(Vec::new()),
        Some(ExcludeSelectItem::Multiple(names)) => {
            Ok(names.iter().map(|name| one_name(name).unwrap_or_else(|| name.to_string())).collect())
        }
        Some(ExcludeSelectItem::Single(name)) => refuse(
            format!("{kind}: EXCLUDE takes its columns in parentheses"),
            format!("write {kind} EXCLUDE ({name})"),
        ),
    }
}

/// What is wrong if a star brings columns that its SELECT already has; `at` is its position in the list.
pub fn shared_columns(
    at: usize,
    columns: &[Ident],
    select: &Select,
    steps: &[(String, Option<Columns>)],
) -> Option<(String, String)> {
    let SelectItem::QualifiedWildcard(star, options) = select.projection.get(at)? else { return None };
    let both = |others: &[Ident]| -> Vec<String> {
        let others: BTreeSet<String> = others.iter().map(plain).collect();
        columns.iter().filter(|column| others.contains(&plain(column))).map(ToString::to_string).collect()
    };
    let without = |both: &[String]| {
        let already: Vec<String> = match &options.opt_exclude {
            Some(ExcludeSelectItem::Multiple(names)) => names.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        };
        format!("{star} EXCLUDE ({})", joined(already.iter().chain(both)))
    };
    let named: Vec<Ident> = select.projection.iter().filter_map(name_of).collect();
    let twice = both(&named);
    if !twice.is_empty() {
        let message = format!("{} beside {star}, which has the same", columns_named(&twice));
        return Some((message, format!("write {}, or give the other one another name", without(&twice))));
    }
    for item in &select.projection[..at] {
        let SelectItem::QualifiedWildcard(other, options) = item else { continue };
        let twice = both(&of_star(other, options, select, steps).unwrap_or_default());
        if !twice.is_empty() {
            let message = format!("{} both in {other} and in {star}", columns_named(&twice));
            return Some((message, format!("write {}, or name the columns that are needed", without(&twice))));
        }
    }
    None
}

/// "did you mean ...?", but not for names of one or two letters, which are all near one another.
fn near<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    Some(did_you_mean(&nearest(name, candidates))).filter(|hint| name.len() > 2 && !hint.is_empty())
}

fn columns_named(names: &[String]) -> String {
    match names {
        [one] => format!("column {one} stands"),
        many => format!("columns {} stand", many.join(", ")),
    }
}

fn joined<T: ToString>(names: impl Iterator<Item = T>) -> String {
    names.map(|name| name.to_string()).collect::<Vec<_>>().join(", ")
}
