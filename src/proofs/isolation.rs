//! What a rule's plan must satisfy, proved on the optimised logical plan before anything runs.
//!
//! - *Carried*: a batch holds the rows of many units, so every join, group and window over persons' rows must be tied by an
//!   identifier of the person (`person_id`, `permit_id`, `record_key`), and every join with a reference table by its key. Calendars
//!   and thresholds belong to no person and may be joined by any condition.
//! - *Whole*: an identifier is passed on whole, or compared with another identifier (`tags`).
//! - *Closed*: only the listed tables, views and functions; no limit, no recursion, no statement but a SELECT.
//! - *Ordered*: what depends on the order of rows has one without ties (`keys`, `order`), and none is that of arrival.
//! - *Absence declared*: an anti-join needs a `due_at`.
//!
//! All violations are collected, each with its place in the text (`refusal`).

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, JoinType, TableReference};
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{Expr, Join, LogicalPlan, WindowFrameBound, WindowFrameUnits};

use crate::catalogue::refused::Highlight;
use crate::proofs::frames::check_frame;
use crate::proofs::keys::{self, Call, Rows, bounds};
use crate::proofs::lawful::flow::{self, Flow};
use crate::proofs::order;
use crate::proofs::refusal::{CheckError, Finding, Refusal, forbidden, of_columns, of_input};
use crate::proofs::tags::{self, Tag};
use crate::proofs::values::{left_only, right_only};

/// What a column identifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    None,
    /// The person that the row is about, by its own name.
    Person,
    /// The same person, by a permit.
    Subject,
    /// A row of a reference table.
    Reference,
}

impl Key {
    fn is_of_person(self) -> bool {
        matches!(self, Key::Person | Key::Subject)
    }
}

/// Whose rows a table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Calendars, thresholds, constants.
    Nobody,
    Reference,
    Person,
}

/// What has been proved of a plan's output.
#[derive(Clone, Debug)]
pub struct Carried {
    pub owner: Owner,
    pub keys: Vec<Key>,
    pub tags: Vec<Tag>,
}

/// What columns identify and how they are tagged, by name.
type Columns = BTreeMap<String, (Key, Tag)>;

/// A table or view that a rule may read.
#[derive(Clone, Debug)]
struct Source {
    owner: Owner,
    /// What its columns identify and how they are tagged. Those that are not listed identify nothing.
    columns: Columns,
    /// What tells its rows apart.
    rows: Arc<keys::Table>,
}

/// The tables and views that a rule may read.
#[derive(Clone, Debug, Default)]
pub struct Known {
    tables: BTreeMap<String, Source>,
    /// What is known of their columns' origins; none where no safeguard is asked for.
    flows: Option<flow::Tables>,
}

/// What has been proved of a plan.
#[derive(Clone, Debug)]
pub struct Proved {
    pub carried: Carried,
    pub rows: Rows,
    /// Where its columns come from, and what is done with them; `lawful::Judge` judges it.
    pub flow: Flow,
}

impl Known {
    /// With `follows`, columns are followed to their origins.
    pub fn new(follows: bool) -> Known {
        Known { tables: BTreeMap::new(), flows: follows.then(flow::Tables::default) }
    }

    /// Notes where the columns of a view or step come from.
    pub fn add_flow<'a>(&mut self, table: &str, columns: impl Iterator<Item = &'a str>, flow: &Flow) {
        if let Some(flows) = &mut self.flows {
            flows.add(table, columns, flow);
        }
    }

    pub fn add(&mut self, table: &str, owner: Owner, columns: Columns, rows: keys::Table) {
        self.tables.insert(table.to_owned(), Source { owner, columns, rows: Arc::new(rows) });
    }

    /// Proves that `plan` keeps units apart, reads only known tables, and gives the same in whatever order their rows come.
    pub fn prove(&self, plan: &LogicalPlan) -> Result<Proved, CheckError> {
        let (mut found, mut ties) = (Vec::new(), Vec::new());
        let carried = self.walk(plan, &mut found);
        let tables = |table: &str| self.tables.get(table).map(|source| source.rows.as_ref());
        let mut too_large = Vec::new();
        let rows = keys::derive(plan, &tables, &mut |call, rows, schema| match call {
            Call::Expression(expr) => too_large.extend(bounds::check(expr, rows, schema)),
            call => ties.extend(order::check(call, rows, schema)),
        });
        // Who mends the first fault of a place may have mended the other.
        ties.retain(|tie| found.iter().all(|other| other.place != tie.place));
        found.append(&mut ties);
        found.append(&mut too_large);
        let flow = self.flows.as_ref().map_or_else(Flow::default, |flows| flows.follow(plan));
        CheckError::unless_none(found, Proved { carried, rows, flow })
    }

    /// Checks the CASTs of a plan as written.
    pub fn check_casts(&self, plan: &LogicalPlan) -> Result<(), CheckError> {
        let has_narrow = |expr: &Expr| expr.exists(|expr| Ok(bounds::is_narrow_cast(expr))).unwrap_or(true);
        if !plan.exists(|node| Ok(node.expressions().iter().any(has_narrow))).unwrap_or(true) {
            return Ok(());
        }
        let tables = |table: &str| self.tables.get(table).map(|source| source.rows.as_ref());
        let mut found = Vec::new();
        keys::derive(plan, &tables, &mut |call, rows, schema| {
            if let Call::Expression(expr) = call {
                found.extend(bounds::check_casts(expr, rows, schema));
            }
        });
        CheckError::unless_none(found, ())
    }

    /// What `plan` carries. Violations are added to `found`, and the walk goes on as if there were none.
    fn walk(&self, plan: &LogicalPlan, found: &mut Vec<Finding>) -> Carried {
        check_expressions(plan, found);
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(&scan.table_name, &scan.projected_schema, found),
            LogicalPlan::Projection(projection) => {
                let input = self.walk(&projection.input, found);
                let schema = projection.input.schema();
                let keys = projection.expr.iter().map(|expr| key_of(expr, schema, &input)).collect();
                let tags = tags::of_exprs(&projection.expr, schema, &input.tags, found);
                Carried { owner: input.owner, keys, tags }
            }
            LogicalPlan::Filter(filter) => {
                let input = self.walk(&filter.input, found);
                let condition = std::slice::from_ref(&filter.predicate);
                tags::of_exprs(condition, filter.input.schema(), &input.tags, found);
                input
            }
            LogicalPlan::Sort(sort) => {
                if sort.fetch.is_some() {
                    found.push(
                        Refusal::Forbidden { what: "ORDER BY with LIMIT".into() }.at(Highlight::words(&["limit"])),
                    );
                }
                let input = self.walk(&sort.input, found);
                tags::check_order(&sort.expr, sort.input.schema(), &input.tags, found);
                input
            }
            LogicalPlan::SubqueryAlias(alias) => self.walk(&alias.input, found),
            LogicalPlan::Window(window) => {
                let input = self.walk(&window.input, found);
                for expr in &window.window_expr {
                    found.extend(check_window(expr, window.input.schema(), &input));
                }
                let own = tags::of_exprs(&window.window_expr, window.input.schema(), &input.tags, found);
                let mut keys = input.keys;
                keys.extend(own.iter().map(|_| Key::None));
                Carried { owner: input.owner, keys, tags: [input.tags, own].concat() }
            }
            LogicalPlan::Aggregate(aggregate) => {
                let input = self.walk(&aggregate.input, found);
                let schema = aggregate.input.schema();
                let mut keys: Vec<Key> = aggregate.group_expr.iter().map(|expr| key_of(expr, schema, &input)).collect();
                if !carries(input.owner, &keys) {
                    let by: Vec<String> = aggregate.group_expr.iter().map(ToString::to_string).collect();
                    let what = format!("by [{}]", by.join(", "));
                    let place = of_columns(aggregate.group_expr.iter())
                        .or_else(|| of_columns(aggregate.aggr_expr.iter()))
                        .map_or(Highlight::words(&["group", "by"]), Highlight::Span);
                    found.push(Refusal::NotCarried { node: "GROUP BY", what }.at(place));
                }
                keys.extend(aggregate.aggr_expr.iter().map(|_| Key::None));
                let exprs = [&aggregate.group_expr, &aggregate.aggr_expr];
                let tags = exprs.map(|exprs| tags::of_exprs(exprs, schema, &input.tags, found)).concat();
                Carried { owner: input.owner, keys, tags }
            }
            LogicalPlan::Distinct(distinct) => {
                let input = self.walk(distinct.input(), found);
                if !carries(input.owner, &input.keys) {
                    let what = "no identifier among its columns".into();
                    found.push(Refusal::NotCarried { node: "DISTINCT", what }.at(Highlight::words(&["distinct"])));
                }
                input
            }
            LogicalPlan::Union(union) => {
                let inputs: Vec<Carried> = union.inputs.iter().map(|input| self.walk(input, found)).collect();
                self.union(inputs, &union.schema, found)
            }
            LogicalPlan::Join(join) => self.join(join, found),
            LogicalPlan::EmptyRelation(empty) => {
                Carried { tags: vec![Tag::Null; empty.schema.fields().len()], ..nobody(&empty.schema) }
            }
            LogicalPlan::Values(values) => nobody(&values.schema),
            LogicalPlan::Limit(limit) => {
                found.push(forbidden("LIMIT").at(Highlight::words(&["limit"])));
                self.walk(&limit.input, found)
            }
            LogicalPlan::RecursiveQuery(query) => {
                found.push(forbidden("WITH RECURSIVE").at(Highlight::words(&["recursive"])));
                self.walk(&query.static_term, found)
            }
            LogicalPlan::Unnest(unnest) => {
                found.push(forbidden("unnest").at(Highlight::words(&["unnest"])));
                nobody(&unnest.schema)
            }
            LogicalPlan::Subquery(subquery) => {
                let place = subquery.spans.first().map_or(Highlight::Output(None), Highlight::Span);
                found.push(forbidden("a subquery outside WHERE (NOT) EXISTS").at(place));
                self.walk(&subquery.subquery, found)
            }
            other => {
                found.push(forbidden(&format!("{}", other.display())).at(Highlight::Output(None)));
                nobody(other.schema())
            }
        }
    }

    fn scan(&self, table: &TableReference, schema: &DFSchema, found: &mut Vec<Finding>) -> Carried {
        let Some(Source { owner, columns, .. }) = self.tables.get(table.table()) else {
            let refusal = forbidden(&format!("table \"{}\"", table.table()));
            found.push(refusal.at(Highlight::Relation(vec![table.table().to_owned()])));
            return nobody(schema);
        };
        let known = |name: &String| columns.get(name).copied().unwrap_or((Key::None, Tag::None));
        let (keys, tags) = schema.fields().iter().map(|field| known(field.name())).unzip();
        Carried { owner: *owner, keys, tags }
    }

    fn union(&self, inputs: Vec<Carried>, schema: &DFSchema, found: &mut Vec<Finding>) -> Carried {
        let mut inputs = inputs.into_iter();
        let Some(mut all) = inputs.next() else { return nobody(schema) };
        for input in inputs {
            if input.owner != all.owner {
                let refusal = forbidden("a UNION of rows of persons with rows of nobody");
                found.push(refusal.at(Highlight::words(&["union"])));
            }
            for (key, other) in all.keys.iter_mut().zip(input.keys) {
                if *key != other {
                    *key = if key.is_of_person() && other.is_of_person() { Key::Subject } else { Key::None };
                }
            }
            for (tag, other) in all.tags.iter_mut().zip(input.tags) {
                *tag = tag.or(other);
            }
        }
        all
    }

    fn join(&self, join: &Join, found: &mut Vec<Finding>) -> Carried {
        let left = self.walk(&join.left, found);
        let right = self.walk(&join.right, found);
        if let Some(refusal) = untied(join, &left, &right) {
            let place = of_columns(join.on.iter().flat_map(|(l, r)| [l, r]).chain(join.filter.iter()));
            found.push(refusal.at(place.map_or_else(|| of_input(&join.right), Highlight::Span)));
        }
        tags::check_join(join, &left.tags, &right.tags, found);
        if join.join_type == JoinType::Full {
            found.push(forbidden("FULL JOIN").at(Highlight::words(&["full"])));
        }
        let none = |keys: &[Key]| vec![Key::None; keys.len()];
        let both = |l: Vec<Key>, r: Vec<Key>| [l, r].concat();
        let owner = if left_only(join.join_type) {
            left.owner
        } else if right_only(join.join_type) {
            right.owner
        } else if left.owner == Owner::Person || right.owner == Owner::Person {
            Owner::Person
        } else if left.owner == Owner::Reference || right.owner == Owner::Reference {
            Owner::Reference
        } else {
            Owner::Nobody
        };
        let keys = match join.join_type {
            JoinType::Inner | JoinType::Full => both(left.keys, right.keys),
            JoinType::Left => both(left.keys, none(&right.keys)),
            JoinType::Right => both(none(&left.keys), right.keys),
            JoinType::LeftSemi | JoinType::LeftAnti => left.keys,
            JoinType::RightSemi | JoinType::RightAnti => right.keys,
            JoinType::LeftMark => both(left.keys, vec![Key::None]),
            JoinType::RightMark => both(right.keys, vec![Key::None]),
        };
        let tags = match join.join_type {
            JoinType::LeftSemi | JoinType::LeftAnti => left.tags,
            JoinType::RightSemi | JoinType::RightAnti => right.tags,
            JoinType::LeftMark => [left.tags, vec![Tag::None]].concat(),
            JoinType::RightMark => [right.tags, vec![Tag::None]].concat(),
            JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => [left.tags, right.tags].concat(),
        };
        Carried { owner, keys, tags }
    }
}

/// Why a join may combine rows of different units, if it may.
fn untied(join: &Join, left: &Carried, right: &Carried) -> Option<Refusal> {
    let tied = |is_wanted: fn(Key) -> bool| {
        join.on.iter().any(|(l, r)| {
            is_wanted(key_of(l, join.left.schema(), left)) && is_wanted(key_of(r, join.right.schema(), right))
        })
    };
    let what = || written(join);
    match (left.owner, right.owner) {
        (Owner::Person, Owner::Person) if !tied(Key::is_of_person) => {
            return Some(Refusal::NotCarried { node: "JOIN", what: what() });
        }
        (Owner::Person | Owner::Reference, Owner::Reference) | (Owner::Reference, Owner::Person)
            if !tied(|key| key == Key::Reference) =>
        {
            return Some(Refusal::ReferenceNotCarried { what: what() });
        }
        _ => {}
    }
    let preserves_left = !matches!(join.join_type, JoinType::Inner | JoinType::Right | JoinType::RightSemi);
    let preserves_right = !matches!(join.join_type, JoinType::Inner | JoinType::Left | JoinType::LeftSemi);
    let unbound = |kept: bool, kept_owner, other| kept && kept_owner == Owner::Nobody && other != Owner::Nobody;
    let of_nobody = (unbound(preserves_left, left.owner, right.owner) && !right_only(join.join_type))
        || (unbound(preserves_right, right.owner, left.owner) && !left_only(join.join_type));
    of_nobody.then(|| Refusal::NotCarried { node: "JOIN", what: format!("{} keeps rows of nobody", what()) })
}

/// A join in the words of the text that it was made of.
fn written(join: &Join) -> String {
    let kind = match join.join_type {
        JoinType::Inner => "JOIN",
        JoinType::Left => "LEFT JOIN",
        JoinType::Right => "RIGHT JOIN",
        JoinType::Full => "FULL JOIN",
        JoinType::LeftSemi | JoinType::RightSemi | JoinType::LeftMark | JoinType::RightMark => {
            "EXISTS or IN (SELECT ...)"
        }
        JoinType::LeftAnti | JoinType::RightAnti => "NOT EXISTS (SELECT ...)",
    };
    if join.on.is_empty() {
        return format!("{kind} with no column that is equal on both sides");
    }
    // Names of DataFusion's own stand before columns of a query in parentheses.
    let name = |expr: &Expr| match expr {
        Expr::Column(column) if column.relation.as_ref().is_some_and(|of| of.table().starts_with("__")) => {
            column.name.clone()
        }
        other => other.to_string(),
    };
    let on: Vec<String> = join.on.iter().map(|(left, right)| format!("{} = {}", name(left), name(right))).collect();
    format!("{kind} ON {}", on.join(" AND "))
}

fn check_expressions(plan: &LogicalPlan, found: &mut Vec<Finding>) {
    for expr in plan.expressions() {
        // The closure never fails, so the walk does not either.
        let _ = expr.apply(|expr| {
            let subquery = "a subquery outside WHERE (NOT) EXISTS";
            let (what, place) = match expr {
                Expr::Exists(exists) => (subquery, exists.subquery.spans.first()),
                Expr::InSubquery(within) => (subquery, within.subquery.spans.first()),
                Expr::ScalarSubquery(scalar) => (subquery, scalar.spans.first()),
                Expr::SetComparison(set) => (subquery, set.subquery.spans.first()),
                Expr::Placeholder(_) => ("a placeholder", None),
                Expr::ScalarVariable(..) => ("a variable", None),
                Expr::GroupingSet(_) => ("GROUPING SETS", None),
                Expr::Unnest(_) => ("unnest", None),
                _ => return Ok(TreeNodeRecursion::Continue),
            };
            let words = match expr {
                Expr::Placeholder(_) => Highlight::words(&["$"]),
                Expr::ScalarVariable(..) => Highlight::words(&["@"]),
                Expr::GroupingSet(_) => Highlight::words(&["group", "by"]),
                Expr::Unnest(_) => Highlight::words(&["unnest"]),
                _ => Highlight::words(&["(", "select"]),
            };
            found.push(forbidden(what).at(place.map_or(words, Highlight::Span)));
            Ok(TreeNodeRecursion::Stop)
        });
    }
}

fn check_window(expr: &Expr, schema: &DFSchema, input: &Carried) -> Option<Finding> {
    let mut expr = expr;
    while let Expr::Alias(alias) = expr {
        expr = &alias.expr;
    }
    let Expr::WindowFunction(window) = expr else { return None };
    let WindowFunction { fun, params } = window.as_ref();
    let ordered = params.order_by.iter().map(|sort| &sort.expr);
    // Functions over one named window share its place, and a fault of it is reported once.
    let place = of_columns(params.partition_by.iter())
        .or_else(|| of_columns(ordered))
        .or_else(|| of_columns(params.args.iter()))
        .map_or_else(|| Highlight::words(&[fun.name(), "("]), Highlight::Span);
    let keys: Vec<Key> = params.partition_by.iter().map(|expr| key_of(expr, schema, input)).collect();
    if !carries(input.owner, &keys) {
        let by: Vec<String> = params.partition_by.iter().map(ToString::to_string).collect();
        let what = format!("PARTITION BY [{}]", by.join(", "));
        return Some(Refusal::NotCarried { node: "window", what }.at(place));
    }
    let is_of_arrival = |column: &&Column| matches!(column.name.as_str(), "known_from" | "known_time");
    if params.order_by.iter().flat_map(|sort| sort.expr.column_refs()).any(|column| is_of_arrival(&column)) {
        let by: Vec<String> = params.order_by.iter().map(|sort| sort.expr.to_string()).collect();
        let place = of_columns(params.order_by.iter().map(|sort| &sort.expr)).map_or(place, Highlight::Span);
        return Some(Refusal::Arrival { window: format!("a window with ORDER BY {}", by.join(", ")) }.at(place));
    }
    let slides = matches!(params.window_frame.units, WindowFrameUnits::Range | WindowFrameUnits::Groups)
        && [&params.window_frame.start_bound, &params.window_frame.end_bound].iter().any(|bound| by_distance(bound));
    if slides {
        let refusal = Refusal::Frame { function: fun.name().into(), units: params.window_frame.units.to_string() };
        return Some(refusal.at(place));
    }
    check_frame(window, schema)
}

/// Whether a frame ends a distance before or after the current row.
fn by_distance(bound: &WindowFrameBound) -> bool {
    match bound {
        WindowFrameBound::Preceding(value) | WindowFrameBound::Following(value) => !value.is_null(),
        WindowFrameBound::CurrentRow => false,
    }
}

fn carries(owner: Owner, keys: &[Key]) -> bool {
    match owner {
        Owner::Nobody => true,
        Owner::Reference => keys.contains(&Key::Reference),
        Owner::Person => keys.iter().any(|key| key.is_of_person()),
    }
}

fn key_of(expr: &Expr, schema: &DFSchema, input: &Carried) -> Key {
    match expr {
        Expr::Alias(alias) => key_of(&alias.expr, schema, input),
        Expr::Column(column) => key_at(column, schema, input),
        _ => Key::None,
    }
}

fn key_at(column: &Column, schema: &DFSchema, input: &Carried) -> Key {
    schema.maybe_index_of_column(column).and_then(|at| input.keys.get(at).copied()).unwrap_or(Key::None)
}

fn nobody(schema: &DFSchema) -> Carried {
    let count = schema.fields().len();
    Carried { owner: Owner::Nobody, keys: vec![Key::None; count], tags: vec![Tag::None; count] }
}
