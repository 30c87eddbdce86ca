//! What a statement only shows: its evidence, and columns of its steps from which only evidence is made.
//!
//! Columns are distinguished by name alone: a name that decides something in one place counts as deciding in all. A bare column in
//! GROUP BY is only carried along and does not count as a use.

use crate::catalogue::parse::branches;
use crate::catalogue::walk::walk;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Query, Select, SelectItem, SetExpr, Statement, TableFactor, Visitor,
};

/// Addresses of the expressions that only show something; `decisive` are the output columns that do more.
pub fn only_shown(statement: &Statement, decisive: &[&str]) -> BTreeSet<usize> {
    let Statement::Query(query) = statement else { return BTreeSet::new() };
    let mut outputs = Outputs::default();
    walk(statement, &mut outputs);
    let mut evidence: BTreeSet<usize> = outputs.of_exists.iter().copied().collect();
    evidence.extend(
        columns(&query.body).into_iter().filter(|(_, name)| !decisive.contains(&name.as_str())).map(|(expr, _)| expr),
    );
    // At first no column of a step counts as used; repeat until the set of used names no longer grows.
    let mut names = BTreeSet::new();
    loop {
        let unused = outputs.of_steps.iter().filter(|(_, name)| !names.contains(name)).map(|(expr, _)| *expr);
        let shown: BTreeSet<usize> = evidence.iter().copied().chain(unused).collect();
        let mut uses = Uses { shown: &shown, carried: BTreeSet::new(), muted: 0, names: BTreeSet::new() };
        walk(statement, &mut uses);
        if uses.names == names {
            return shown;
        }
        names = uses.names;
    }
}

/// While a statement is walked, its expressions are identified by their addresses in memory.
pub fn place(expr: &Expr) -> usize {
    std::ptr::from_ref(expr) as usize
}

/// Output columns of a query: their addresses, and the names that the first branch gives them.
fn columns(body: &SetExpr) -> Vec<(usize, String)> {
    let mut names: Vec<String> = Vec::new();
    let mut out = Vec::new();
    for branch in branches(body) {
        let SetExpr::Select(select) = branch else { continue };
        for (at, item) in select.projection.iter().enumerate() {
            let (expr, name) = match item {
                SelectItem::ExprWithAlias { expr, alias } => (expr, alias.value.clone()),
                SelectItem::UnnamedExpr(expr) => (expr, last_name(expr)),
                _ => continue,
            };
            if names.len() == at {
                names.push(name);
            }
            out.push((place(expr), names.get(at).cloned().unwrap_or_default()));
        }
    }
    out
}

fn last_name(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(name) => name.value.clone(),
        Expr::CompoundIdentifier(names) => names.last().map(|name| name.value.clone()).unwrap_or_default(),
        _ => String::new(),
    }
}

/// The output columns of every step (WITH, or a query in FROM) and of every EXISTS.
#[derive(Default)]
struct Outputs {
    of_steps: Vec<(usize, String)>,
    of_exists: Vec<usize>,
}

impl Visitor for Outputs {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let steps = query.with.iter().flat_map(|with| &with.cte_tables);
        // If the step's alias names its columns, the names inside are not visible outside.
        for step in steps.filter(|step| step.alias.columns.is_empty()) {
            self.of_steps.extend(columns(&step.query.body));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Derived { subquery, alias, .. } = table
            && alias.as_ref().is_none_or(|alias| alias.columns.is_empty())
        {
            self.of_steps.extend(columns(&subquery.body));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Exists { subquery, .. } = expr {
            self.of_exists.extend(columns(&subquery.body).into_iter().map(|(expr, _)| expr));
        }
        ControlFlow::Continue(())
    }
}

/// Collects the names of columns from which something decisive is made.
struct Uses<'a> {
    shown: &'a BTreeSet<usize>,
    /// Bare columns in GROUP BY.
    carried: BTreeSet<usize>,
    muted: usize,
    names: BTreeSet<String>,
}

impl Visitor for Uses<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        if let GroupByExpr::Expressions(exprs, _) = &select.group_by {
            self.carried.extend(exprs.iter().map(place));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if self.shown.contains(&place(expr)) {
            self.muted += 1;
        }
        if self.muted == 0 && !self.carried.contains(&place(expr)) {
            let name = last_name(expr);
            if !name.is_empty() {
                self.names.insert(name);
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if self.shown.contains(&place(expr)) {
            self.muted -= 1;
        }
        ControlFlow::Continue(())
    }
}
