//! What a rule's plan must be, proved on the optimised logical plan before anything runs.
//!
//! - *Carried*: a batch holds the rows of many units, so every join, group and window over rows of persons must be
//!   tied by an identifier of the person (`person_id`, `permit_id`, `record_key`), every join with a reference
//!   table by its key. Calendars and thresholds belong to nobody and may be joined by any condition.
//! - *Closed*: only the listed tables, views and functions; no limit, no recursion, no statement but a SELECT.
//! - *Ordered*: a window whose rows are counted or looked up by position has an ORDER BY that cannot tie.
//! - *Absence declared*: an anti-join needs a `due_at`.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, JoinType, TableReference};
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, WindowFrameUnits, WindowFunctionDefinition,
};
use thiserror::Error;

/// What a column identifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    None,
    /// The person whom the row is about.
    Subject,
    /// A row of a reference table.
    Reference,
}

/// Whose rows a table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Calendars, thresholds, constants.
    Nobody,
    Reference,
    Person,
}

/// What is proved of a plan's output.
#[derive(Clone, Debug)]
pub struct Carried {
    pub owner: Owner,
    pub keys: Vec<Key>,
}

/// Tables and views that a rule may read, with the keys of their columns.
#[derive(Clone, Debug, Default)]
pub struct Known {
    tables: BTreeMap<String, (Owner, BTreeMap<String, Key>)>,
}

/// Why a rule or view is refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CheckError {
    #[error("{node} mixes persons: {what}; tie it with person_id, permit_id or record_key")]
    NotCarried { node: &'static str, what: String },
    #[error("join with a reference table is not tied by its key (employer_id, institution_id): {what}")]
    ReferenceNotCarried { what: String },
    #[error("{what} is not allowed in a rule")]
    Forbidden { what: String },
    #[error("window {window} can tie: end its ORDER BY with record_key, version, permit_id, month or term")]
    Tie { window: String },
    #[error("{function} over a frame that slides by {units} is not allowed; count rows of the month spine instead")]
    Frame { function: String, units: String },
    #[error("output column {column} is missing")]
    Missing { column: &'static str },
    #[error("output column {column} is {found}; it must be {wanted}")]
    Type { column: &'static str, found: String, wanted: &'static str },
    #[error("it asserts an absence ({what}) but gives no due_at, the time up to which the absence is asserted")]
    NoDueAt { what: String },
    #[error("alert_at rests on known_time; use first_known_time, or a later correction would take the alert away")]
    KnownTime,
    #[error("evidence column {column} may not leave the engine")]
    Evidence { column: String },
}

impl Known {
    pub fn add(&mut self, table: &str, owner: Owner, keys: BTreeMap<String, Key>) {
        self.tables.insert(table.to_owned(), (owner, keys));
    }

    /// Proves that `plan` keeps units apart and stays within what is known.
    pub fn prove(&self, plan: &LogicalPlan) -> Result<Carried, CheckError> {
        check_expressions(plan)?;
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(&scan.table_name, &scan.projected_schema),
            LogicalPlan::Projection(projection) => {
                let input = self.prove(&projection.input)?;
                let schema = projection.input.schema();
                let keys = projection.expr.iter().map(|expr| key_of(expr, schema, &input)).collect();
                Ok(Carried { owner: input.owner, keys })
            }
            LogicalPlan::Filter(filter) => self.prove(&filter.input),
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => self.prove(&sort.input),
            LogicalPlan::SubqueryAlias(alias) => self.prove(&alias.input),
            LogicalPlan::Window(window) => {
                let input = self.prove(&window.input)?;
                for expr in &window.window_expr {
                    check_window(expr, window.input.schema(), &input)?;
                }
                let mut keys = input.keys;
                keys.extend(window.window_expr.iter().map(|_| Key::None));
                Ok(Carried { owner: input.owner, keys })
            }
            LogicalPlan::Aggregate(aggregate) => {
                let input = self.prove(&aggregate.input)?;
                let schema = aggregate.input.schema();
                let mut keys: Vec<Key> = aggregate.group_expr.iter().map(|expr| key_of(expr, schema, &input)).collect();
                if !carries(input.owner, &keys) {
                    let by: Vec<String> = aggregate.group_expr.iter().map(ToString::to_string).collect();
                    return Err(CheckError::NotCarried { node: "GROUP BY", what: format!("by [{}]", by.join(", ")) });
                }
                keys.extend(aggregate.aggr_expr.iter().map(|_| Key::None));
                Ok(Carried { owner: input.owner, keys })
            }
            LogicalPlan::Distinct(distinct) => {
                let input = self.prove(distinct.input())?;
                if carries(input.owner, &input.keys) {
                    return Ok(input);
                }
                Err(CheckError::NotCarried { node: "DISTINCT", what: "no identifier among its columns".into() })
            }
            LogicalPlan::Union(union) => {
                let mut inputs = union.inputs.iter().map(|input| self.prove(input));
                let mut all = inputs.next().unwrap_or_else(|| Err(forbidden("an empty UNION")))?;
                for input in inputs {
                    let input = input?;
                    if input.owner != all.owner {
                        return Err(forbidden("a UNION of rows of persons with rows of nobody"));
                    }
                    for (key, other) in all.keys.iter_mut().zip(input.keys) {
                        if *key != other {
                            *key = Key::None;
                        }
                    }
                }
                Ok(all)
            }
            LogicalPlan::Join(join) => self.join(join),
            LogicalPlan::EmptyRelation(empty) => Ok(nobody(&empty.schema)),
            LogicalPlan::Values(values) => Ok(nobody(&values.schema)),
            LogicalPlan::Limit(_) => Err(forbidden("LIMIT")),
            LogicalPlan::Sort(_) => Err(forbidden("ORDER BY with LIMIT")),
            LogicalPlan::RecursiveQuery(_) => Err(forbidden("WITH RECURSIVE")),
            LogicalPlan::Unnest(_) => Err(forbidden("unnest")),
            LogicalPlan::Subquery(_) => Err(forbidden("a subquery outside WHERE (NOT) EXISTS")),
            other => Err(forbidden(&format!("{}", other.display()))),
        }
    }

    fn scan(&self, table: &TableReference, schema: &DFSchema) -> Result<Carried, CheckError> {
        let (owner, keys) =
            self.tables.get(table.table()).ok_or_else(|| forbidden(&format!("table \"{}\"", table.table())))?;
        let key = |name: &str| keys.get(name).copied().unwrap_or(Key::None);
        Ok(Carried { owner: *owner, keys: schema.fields().iter().map(|field| key(field.name())).collect() })
    }

    fn join(&self, join: &datafusion::logical_expr::Join) -> Result<Carried, CheckError> {
        let left = self.prove(&join.left)?;
        let right = self.prove(&join.right)?;
        let tied = |wanted: Key| {
            join.on.iter().any(|(l, r)| {
                key_of(l, join.left.schema(), &left) == wanted && key_of(r, join.right.schema(), &right) == wanted
            })
        };
        let what = || {
            let on: Vec<String> = join.on.iter().map(|(l, r)| format!("{l} = {r}")).collect();
            format!("{} ON [{}]", join.join_type, on.join(", "))
        };
        match (left.owner, right.owner) {
            (Owner::Person, Owner::Person) if !tied(Key::Subject) => {
                return Err(CheckError::NotCarried { node: "JOIN", what: what() });
            }
            (Owner::Person | Owner::Reference, Owner::Reference) | (Owner::Reference, Owner::Person)
                if !tied(Key::Reference) =>
            {
                return Err(CheckError::ReferenceNotCarried { what: what() });
            }
            _ => {}
        }
        let preserves_left = !matches!(join.join_type, JoinType::Inner | JoinType::Right | JoinType::RightSemi);
        let preserves_right = !matches!(join.join_type, JoinType::Inner | JoinType::Left | JoinType::LeftSemi);
        let unbound = |kept: bool, kept_owner, other| kept && kept_owner == Owner::Nobody && other != Owner::Nobody;
        if (unbound(preserves_left, left.owner, right.owner) && !right_only(join.join_type))
            || (unbound(preserves_right, right.owner, left.owner) && !left_only(join.join_type))
        {
            return Err(CheckError::NotCarried { node: "JOIN", what: format!("{} keeps rows of nobody", what()) });
        }
        let none = |keys: &[Key]| vec![Key::None; keys.len()];
        let both = |mut l: Vec<Key>, r: Vec<Key>| {
            l.extend(r);
            l
        };
        let keys = match join.join_type {
            JoinType::Inner => both(left.keys, right.keys),
            JoinType::Left => both(left.keys, none(&right.keys)),
            JoinType::Right => both(none(&left.keys), right.keys),
            JoinType::Full => return Err(forbidden("FULL JOIN")),
            JoinType::LeftSemi | JoinType::LeftAnti => left.keys,
            JoinType::RightSemi | JoinType::RightAnti => right.keys,
            JoinType::LeftMark => both(left.keys, vec![Key::None]),
            JoinType::RightMark => both(right.keys, vec![Key::None]),
        };
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
        Ok(Carried { owner, keys })
    }
}

/// What a rule must give, on top of what is proved of every plan.
pub fn check_output(plan: &LogicalPlan, carried: &Carried, subject: &str) -> Result<(), CheckError> {
    if carried.owner != Owner::Person {
        return Err(CheckError::NotCarried { node: "the rule", what: "it reads no table of persons".into() });
    }
    let schema = plan.schema();
    let field = |name: &str| schema.fields().iter().position(|field| field.name() == name);
    let required: [(&'static str, bool); 3] = [("person_id", true), ("alert_key", false), ("alert_at", false)];
    for (column, key) in required {
        let at = field(column).ok_or(CheckError::Missing { column })?;
        if key && carried.keys[at] != Key::Subject {
            return Err(CheckError::Type { column, found: "computed".into(), wanted: "a person's own person_id" });
        }
    }
    if field(subject).is_none() {
        return Err(CheckError::Missing { column: "permit_id" });
    }
    let check_type = |column: &'static str, wanted: &'static str, fits: fn(&DataType) -> bool| {
        let Some(at) = field(column) else { return Ok(()) };
        let found = schema.field(at).data_type();
        if fits(found) {
            return Ok(());
        }
        Err(CheckError::Type { column, found: found.to_string(), wanted })
    };
    let instant = |ty: &DataType| matches!(ty, DataType::Timestamp(..) | DataType::Date32 | DataType::Null);
    check_type("alert_at", "a TIMESTAMP or DATE", instant)?;
    check_type("due_at", "a TIMESTAMP or DATE", instant)?;
    check_type("cleared_at", "a TIMESTAMP or DATE", instant)?;
    check_type("anchor_at", "a DATE", |ty| matches!(ty, DataType::Date32 | DataType::Null))?;
    check_type("alert_key", "a DATE or text", |ty| {
        matches!(ty, DataType::Date32 | DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8)
    })?;
    for hidden in ["name", "name_at_grant", "number", "spouse_id", "anchor_person_id", "address_key", "document_key"] {
        if field(hidden).is_some() {
            return Err(CheckError::Evidence { column: hidden.to_owned() });
        }
    }
    if let Some(at) = field("alert_at")
        && rests_on_known_time(plan, at)
    {
        return Err(CheckError::KnownTime);
    }
    if field("due_at").is_none()
        && let Some(what) = absence(plan)
    {
        return Err(CheckError::NoDueAt { what });
    }
    Ok(())
}

/// The anti-join that a plan contains, if any.
fn absence(plan: &LogicalPlan) -> Option<String> {
    let mut found = None;
    // The closure never fails, so neither does the walk.
    let _ = plan.apply(|node| {
        if let LogicalPlan::Join(join) = node
            && matches!(join.join_type, JoinType::LeftAnti | JoinType::RightAnti)
        {
            found = Some("NOT EXISTS".to_owned());
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    });
    found
}

/// Whether the value of an output column comes from `known_time`: of a rule's own tables, not of its views, which have
/// names of their own for what they make of it.
fn rests_on_known_time(plan: &LogicalPlan, column: usize) -> bool {
    let from_expr = |expr: &Expr, input: &LogicalPlan| {
        expr.column_refs()
            .into_iter()
            .any(|column| input.schema().maybe_index_of_column(column).is_some_and(|at| rests_on_known_time(input, at)))
    };
    let own = |expr: &[Expr], at: usize, input| expr.get(at).is_some_and(|expr| from_expr(expr, input));
    match plan {
        LogicalPlan::TableScan(scan) => scan.projected_schema.field(column).name() == "known_time",
        LogicalPlan::Projection(projection) => own(&projection.expr, column, &projection.input),
        LogicalPlan::Aggregate(aggregate) => match column.checked_sub(aggregate.group_expr.len()) {
            None => own(&aggregate.group_expr, column, &aggregate.input),
            Some(at) => own(&aggregate.aggr_expr, at, &aggregate.input),
        },
        LogicalPlan::Window(window) => match column.checked_sub(window.input.schema().fields().len()) {
            None => rests_on_known_time(&window.input, column),
            Some(at) => own(&window.window_expr, at, &window.input),
        },
        LogicalPlan::Join(join) if right_only(join.join_type) => rests_on_known_time(&join.right, column),
        LogicalPlan::Join(join) => match column.checked_sub(join.left.schema().fields().len()) {
            None => rests_on_known_time(&join.left, column),
            Some(at) => !left_only(join.join_type) && rests_on_known_time(&join.right, at),
        },
        other => other
            .inputs()
            .into_iter()
            .any(|input| column < input.schema().fields().len() && rests_on_known_time(input, column)),
    }
}

/// Refuses `/` between whole numbers, which DuckDB and most readers take for a fraction. Looks at the plan as written:
/// the optimiser may have worked it out already.
pub fn check_division(plan: &LogicalPlan) -> Result<(), CheckError> {
    let mut refused = None;
    // The closures never fail, so neither does the walk.
    let _ = plan.apply_with_subqueries(|node| {
        let mut schema = DFSchema::empty();
        for input in node.inputs() {
            schema.merge(input.schema());
        }
        for expr in node.expressions() {
            let _ = expr.apply(|expr| {
                if let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Divide, right }) = expr
                    && [left, right].iter().all(|side| side.get_type(&schema).is_ok_and(|ty| ty.is_integer()))
                {
                    refused =
                        Some(forbidden(&format!("/ between whole numbers ({expr}); say round, floor or multiply")));
                }
                Ok(TreeNodeRecursion::Continue)
            });
        }
        Ok(if refused.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    refused.map_or(Ok(()), Err)
}

fn check_expressions(plan: &LogicalPlan) -> Result<(), CheckError> {
    let mut refused = None;
    for expr in plan.expressions() {
        let _ = expr.apply(|expr| {
            refused = match expr {
                Expr::Exists(_) | Expr::InSubquery(_) | Expr::ScalarSubquery(_) | Expr::SetComparison(_) => {
                    Some("a subquery outside WHERE (NOT) EXISTS")
                }
                Expr::Placeholder(_) => Some("a placeholder"),
                Expr::ScalarVariable(..) => Some("a variable"),
                Expr::GroupingSet(_) => Some("GROUPING SETS"),
                Expr::Unnest(_) => Some("unnest"),
                _ => None,
            };
            Ok(if refused.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        });
        if let Some(what) = refused {
            return Err(forbidden(what));
        }
    }
    Ok(())
}

/// Columns that end a total order within one person.
const UNIQUE: [&str; 7] = ["record_key", "record_keys", "version", "permit_id", "month", "term", "day"];

fn check_window(expr: &Expr, schema: &DFSchema, input: &Carried) -> Result<(), CheckError> {
    let mut expr = expr;
    while let Expr::Alias(alias) = expr {
        expr = &alias.expr;
    }
    let Expr::WindowFunction(window) = expr else { return Ok(()) };
    let WindowFunction { fun, params } = window.as_ref();
    let keys: Vec<Key> = params.partition_by.iter().map(|expr| key_of(expr, schema, input)).collect();
    if !carries(input.owner, &keys) {
        let by: Vec<String> = params.partition_by.iter().map(ToString::to_string).collect();
        return Err(CheckError::NotCarried { node: "window", what: format!("PARTITION BY [{}]", by.join(", ")) });
    }
    let by_position = matches!(fun, WindowFunctionDefinition::WindowUDF(_))
        && !matches!(fun.name(), "rank" | "dense_rank" | "percent_rank" | "cume_dist");
    let by_rows = params.window_frame.units == WindowFrameUnits::Rows
        && !(params.window_frame.start_bound.is_unbounded() && params.window_frame.end_bound.is_unbounded());
    if !by_position && !by_rows {
        return Ok(());
    }
    let last = params.order_by.last().and_then(|sort| sort.expr.try_as_col().map(|column| column.name.as_str()));
    if last.is_some_and(|name| UNIQUE.contains(&name)) {
        return Ok(());
    }
    Err(CheckError::Tie { window: expr.to_string() })
}

fn carries(owner: Owner, keys: &[Key]) -> bool {
    match owner {
        Owner::Nobody => true,
        Owner::Reference => keys.contains(&Key::Reference),
        Owner::Person => keys.contains(&Key::Subject),
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

fn left_only(join: JoinType) -> bool {
    matches!(join, JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark)
}

fn right_only(join: JoinType) -> bool {
    matches!(join, JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark)
}

fn nobody(schema: &DFSchema) -> Carried {
    Carried { owner: Owner::Nobody, keys: vec![Key::None; schema.fields().len()] }
}

fn forbidden(what: &str) -> CheckError {
    CheckError::Forbidden { what: what.to_owned() }
}
