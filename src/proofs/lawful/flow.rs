//! Follows every column of a plan to the columns of the tables that it comes from, and notes what is done with them on the way.
//!
//! One walk over the optimised logical plan gives for each output column what its values may be (`value`), and for its rows the ways
//! in which they come about (`ways`). A view or step that another text reads stands for its own plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::common::{Column, DFSchema, JoinType};
use datafusion::logical_expr::{Aggregate, Expr, Join, LogicalPlan, Union, Values, Window};

use crate::catalogue::refused::Highlight;
use crate::model::schema::{ColumnType, TableId};
use crate::proofs::lawful::fixed;
use crate::proofs::lawful::law::{RULE_ROWS, Safeguard};
use crate::proofs::lawful::role::Role;
use crate::proofs::lawful::uses::{Agreements, Breach, Reader, of_union};
use crate::proofs::lawful::value::{Item, Sort, Value, sort_of};
use crate::proofs::lawful::ways::{self, Cell, Read, Source, Way};

/// Views that the engine applies to every rule.
pub const OF_THE_ENGINE: [&str; 2] = ["cancellers", "corroborations"];

/// The view that takes the records of a permit together: its class is that of the permit.
const WHOLE: &str = "whole_permits";

/// The view of which excused months only take rows away, and its columns that tell of them.
const WEIGHED: &str = "idle_months";
const TELLS_EXCUSES: [&str; 2] = ["last_month", "taken_back_at"];

/// The table of all versions of permits.
const PERMITS_HISTORY: &str = "permits_history";

/// Rows of VALUES that are looked at one by one.
const MOST_ROWS: usize = 12;

/// Adds a use that is lawful for some permit classes to all ways.
pub fn note_civil(ways: &mut [Way], note: Breach) {
    let source = Source::Civil(Arc::new(note));
    let read = Read { kinds: u32::MAX, ..Read::of(source, "") };
    ways.iter_mut().for_each(|way| way.reads.push(read.clone()));
}

/// What is known of the rows of a plan.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    pub values: Vec<Value>,
    pub ways: Vec<Way>,
    pub found: Vec<Breach>,
    /// What it asks of names, itself or through views and steps.
    pub agreements: Agreements,
    /// The tables and fixed views that it reads, itself or through other views and steps.
    pub named: BTreeSet<String>,
}

/// A view or step, by the names of its columns.
#[derive(Debug)]
struct Table {
    names: Vec<String>,
    flow: Flow,
}

/// The views and steps that a text may read. Tables of the schema need no entry.
#[derive(Clone, Debug, Default)]
pub struct Tables(BTreeMap<String, Arc<Table>>);

impl Tables {
    /// Adds a view that has been judged, or a step, whose breaches are those of the text that it belongs to.
    pub fn add<'a>(&mut self, name: &str, columns: impl Iterator<Item = &'a str>, flow: &Flow) {
        let names = columns.map(ToOwned::to_owned).collect();
        let is_step = name.contains('/');
        let flow = Flow { found: if is_step { flow.found.clone() } else { Vec::new() }, ..flow.clone() };
        self.0.insert(name.to_owned(), Arc::new(Table { names, flow }));
    }

    pub fn follow(&self, plan: &LogicalPlan) -> Flow {
        let mut walk = Walk {
            tables: self,
            found: Vec::new(),
            civil: Vec::new(),
            role: Role::Brings,
            agreements: Agreements::default(),
            named: BTreeSet::new(),
        };
        let (values, ways) = walk.plan(plan);
        Flow { values, ways, found: walk.found, agreements: walk.agreements, named: walk.named }
    }
}

struct Walk<'a> {
    tables: &'a Tables,
    found: Vec<Breach>,
    /// Uses of civil status by the node that is being looked at.
    civil: Vec<Breach>,
    /// What the node's rows do to those of the text.
    role: Role,
    agreements: Agreements,
    named: BTreeSet<String>,
}

type Rows = (Vec<Value>, Vec<Way>);

impl Walk<'_> {
    fn plan(&mut self, plan: &LogicalPlan) -> Rows {
        let (values, mut ways) = self.node(plan);
        for note in std::mem::take(&mut self.civil) {
            note_civil(&mut ways, note);
        }
        (values, ways)
    }

    fn node(&mut self, plan: &LogicalPlan) -> Rows {
        match plan {
            LogicalPlan::TableScan(scan) => {
                let rows = self.scan(scan.table_name.table(), &scan.projected_schema);
                scan.filters.iter().fold(rows, |rows, filter| self.filter(filter, rows, &scan.projected_schema))
            }
            LogicalPlan::Projection(projection) => {
                let (input, ways) = self.plan(&projection.input);
                let schema = projection.input.schema();
                let fields = projection.schema.fields();
                let named = projection.expr.iter().zip(fields);
                let values =
                    named.map(|(expr, field)| named_value(self.value(expr, schema, &input), expr, field.name()));
                (values.collect(), ways::projected(ways, &projection.expr, schema))
            }
            LogicalPlan::Filter(filter) => {
                let rows = self.plan(&filter.input);
                self.filter(&filter.predicate, rows, filter.input.schema())
            }
            LogicalPlan::Sort(sort) => {
                let (values, ways) = self.plan(&sort.input);
                self.read(sort.input.schema(), &values, |reader| reader.order(&sort.expr));
                (values, ways)
            }
            LogicalPlan::Window(window) => self.window(window),
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate),
            LogicalPlan::Distinct(distinct) => {
                let input = distinct.input();
                let (values, ways) = self.plan(input);
                let keys: Vec<Expr> = input.schema().iter().map(Expr::from).collect();
                self.read(input.schema(), &values, |reader| keys.iter().for_each(|key| drop(reader.key(key))));
                (values, ways::tidy(&ways::together(&ways, &keys, input.schema(), false)))
            }
            LogicalPlan::Union(union) => self.union(union),
            LogicalPlan::Join(join) => self.join(join),
            LogicalPlan::Values(values) => self.values(values),
            LogicalPlan::EmptyRelation(empty) => {
                let count = empty.schema.fields().len();
                let way = empty.produce_one_row.then(|| Way::of_columns(count, Vec::new()));
                (vec![Value::Null; count], way.into_iter().collect())
            }
            LogicalPlan::SubqueryAlias(alias) => self.plan(&alias.input),
            // What else there may be is refused (`isolation`); of its rows nothing is known.
            other => {
                let inputs: Vec<Rows> = other.inputs().into_iter().map(|input| self.plan(input)).collect();
                let reads = inputs.into_iter().flat_map(|(_, ways)| ways).flat_map(|way| way.reads);
                let reads = reads.map(|read| Read { limits: BTreeMap::new(), about: None, ..read }).collect();
                let count = other.schema().fields().len();
                (vec![Value::Plain; count], vec![Way::of_columns(count, reads)])
            }
        }
    }

    /// Reads expressions over the columns of an input.
    fn read<T>(&mut self, schema: &DFSchema, values: &[Value], with: impl FnOnce(&mut Reader<'_>) -> T) -> T {
        let at = |column: &Column| {
            schema.maybe_index_of_column(column).and_then(|at| values.get(at).cloned()).unwrap_or_default()
        };
        with(&mut Reader { at: &at, found: &mut self.found, civil: &mut self.civil, agreements: &mut self.agreements })
    }

    fn value(&mut self, expr: &Expr, schema: &DFSchema, values: &[Value]) -> Value {
        self.read(schema, values, |reader| reader.value(expr))
    }

    fn filter(&mut self, predicate: &Expr, (values, ways): Rows, schema: &DFSchema) -> Rows {
        let role = self.role;
        self.read(schema, &values, |reader| reader.selection(predicate, role));
        (values, ways::tidy(&ways::filtered(ways, predicate, schema)))
    }

    fn scan(&mut self, name: &str, schema: &DFSchema) -> Rows {
        if OF_THE_ENGINE.contains(&name) {
            let what = format!("it reads {name}, which the engine applies to every rule by itself");
            let place = Highlight::Relation(vec![name.to_owned()]);
            let hint = Some("leave it out: rules show names the cancellers of a rule".to_owned());
            self.found.push(Breach { hint, ..Breach::new(Safeguard::Cancellers, what, place) });
        }
        if let Some(instead) = fixed::sealed(name) {
            let what = format!("it reads {name}, which only texts of the program itself read");
            let place = Highlight::Relation(vec![name.to_owned()]);
            let safeguard = if name == RULE_ROWS { Safeguard::Gateway } else { Safeguard::Protected };
            let hint = Some(format!("read {instead} in its place"));
            self.found.push(Breach { hint, ..Breach::new(safeguard, what, place) });
        }
        let known = self.tables.0.get(name).map(Arc::clone);
        match &known {
            Some(table) if !fixed::is_fixed_view(name) => self.named.extend(table.flow.named.iter().cloned()),
            _ => drop(self.named.insert(name.to_owned())),
        }
        if let Some(table) = known {
            return self.known(&table, name, schema);
        }
        let columns = || schema.fields().iter().map(|field| field.name().as_str());
        let history = name.ends_with("_history");
        let Some(table) = TableId::from_name(name.trim_end_matches("_history")) else { return of_nobody(name, schema) };
        let types: BTreeMap<&'static str, (&'static str, ColumnType)> =
            table.def().rule_columns(history).into_iter().map(|(name, ty)| (name, (name, ty))).collect();
        let value = |column: &str| {
            let (name, ty) = types.get(column)?;
            // Cancellers are those of the permits as they are now: one that was taken back is not among them.
            let of = if history && table == TableId::Permits { PERMITS_HISTORY } else { table.name() };
            Some(Value::of(Item::new(sort_of(table, name, *ty)?, of, name)))
        };
        let values = columns().map(|column| value(column).unwrap_or_default()).collect();
        let typed = columns().map(|column| types.get(column).copied().unwrap_or(("", ColumnType::Int)));
        (values, vec![Way::of_table(table, history, name, typed)])
    }

    /// The rows of a view or step.
    fn known(&mut self, table: &Table, name: &str, schema: &DFSchema) -> Rows {
        for breach in &table.flow.found {
            if !self.found.contains(breach) {
                self.found.push(breach.clone());
            }
        }
        self.agreements = self.agreements.or(table.flow.agreements);
        let places: Vec<Option<usize>> =
            schema.fields().iter().map(|field| table.names.iter().position(|known| known == field.name())).collect();
        let value = |at: &Option<usize>| at.and_then(|at| table.flow.values.get(at).cloned()).unwrap_or_default();
        let excuse = |column: &str| {
            Value::of(Item::new(Sort::Excuse, "excused_months", "month")).by(&format!("weighed in {name}.{column}"))
        };
        let values = places.iter().zip(schema.fields()).map(|(at, field)| {
            match TELLS_EXCUSES.contains(&field.name().as_str()) {
                true if name == WEIGHED => excuse(field.name()),
                _ => value(at).by(&format!("handed on by {name}")),
            }
        });
        let values = values.collect();
        let via: Arc<str> = name.into();
        let ways = table.flow.ways.iter().map(|way| {
            let mut way = ways::picked(way, places.iter().copied());
            if name == WHOLE {
                way.known.iter_mut().for_each(|known| known.is_whole = true);
            }
            for read in &mut way.reads {
                if name == WEIGHED && read.source == Source::Table(TableId::ExcusedMonths) {
                    read.role = Role::KeepsAway;
                }
                read.via = Arc::clone(&via);
                if let Source::Civil(note) = &mut read.source {
                    let place = Highlight::Relation(vec![name.to_owned()]);
                    *note = Arc::new(Breach { place, ..note.as_ref().clone() });
                }
            }
            way
        });
        (values, ways::tidy(&ways.collect::<Vec<_>>()))
    }

    fn window(&mut self, window: &Window) -> Rows {
        let (mut values, mut ways) = self.below(&window.input, Role::Weighs);
        let schema = window.input.schema();
        let own: Vec<Value> = window.window_expr.iter().map(|expr| self.value(expr, schema, &values)).collect();
        for expr in &window.window_expr {
            let mut call = expr;
            while let Expr::Alias(alias) = call {
                call = &alias.expr;
            }
            let keys = if let Expr::WindowFunction(call) = call { call.params.partition_by.as_slice() } else { &[] };
            ways = ways::together(&ways, keys, schema, true);
        }
        for way in &mut ways {
            way.cells.extend(std::iter::repeat_n(Cell::Other, own.len()));
        }
        values.extend(own);
        (values, ways::tidy(&ways))
    }

    fn aggregate(&mut self, aggregate: &Aggregate) -> Rows {
        let is_weighed = !aggregate.aggr_expr.is_empty();
        let (input, ways) = self.below(&aggregate.input, if is_weighed { Role::Weighs } else { self.role });
        let schema = aggregate.input.schema();
        let mut values: Vec<Value> = Vec::new();
        for key in &aggregate.group_expr {
            values.push(self.read(schema, &input, |reader| reader.key(key)));
        }
        for expr in &aggregate.aggr_expr {
            values.push(self.value(expr, schema, &input));
        }
        let mut ways = ways::together(&ways, &aggregate.group_expr, schema, is_weighed);
        for way in &mut ways {
            let keys = aggregate.group_expr.iter().map(|key| way.cell(key, schema));
            way.cells = keys.chain(aggregate.aggr_expr.iter().map(|_| Cell::Other)).collect();
        }
        values.resize(aggregate.schema.fields().len(), Value::Plain);
        ways.iter_mut().for_each(|way| way.cells.resize(values.len(), Cell::Other));
        (values, ways::tidy(&ways))
    }

    fn union(&mut self, union: &Union) -> Rows {
        let mut all: Vec<Value> = vec![Value::Null; union.schema.fields().len()];
        let mut ways = Vec::new();
        for input in &union.inputs {
            let (values, of_input) = self.plan(input);
            for (known, value) in all.iter_mut().zip(&values) {
                *known = known.or(value);
            }
            ways.extend(of_input);
        }
        let names = union.schema.fields().iter().map(|field| field.name().as_str());
        let judged = |(value, name)| of_union(value, name, &mut self.found, &mut self.civil);
        let values = all.into_iter().zip(names).map(judged).collect();
        (values, ways::tidy(&ways))
    }

    /// The rows of an input of which more, or fewer, bring a row of the node.
    fn below(&mut self, plan: &LogicalPlan, role: Role) -> Rows {
        let own = std::mem::replace(&mut self.role, role);
        let rows = self.plan(plan);
        self.role = own;
        rows
    }

    fn join(&mut self, join: &Join) -> Rows {
        use JoinType::*;
        let own = self.role;
        let (of_left, of_right, of_condition) = match join.join_type {
            Inner | LeftSemi | RightSemi => (own, own, own),
            LeftAnti => (own, own.denied(), own.denied()),
            RightAnti => (own.denied(), own, own.denied()),
            Left | LeftMark => (own, Role::Weighs, Role::Weighs),
            Right | RightMark => (Role::Weighs, own, Role::Weighs),
            Full => (Role::Weighs, Role::Weighs, Role::Weighs),
        };
        let (left, left_ways) = self.below(&join.left, of_left);
        let (right, right_ways) = self.below(&join.right, of_right);
        let (of_left, of_right) = (join.left.schema(), join.right.schema());
        for (l, r) in &join.on {
            let l_value = self.value(l, of_left, &left);
            let r_value = self.value(r, of_right, &right);
            self.read(of_left, &left, |reader| reader.compare_sides((l, &l_value), (r, &r_value)));
        }
        if let Some(filter) = &join.filter {
            let at = |column: &Column| {
                let of = |schema: &DFSchema, values: &[Value]| {
                    schema.maybe_index_of_column(column).and_then(|at| values.get(at).cloned())
                };
                of(of_left, &left).or_else(|| of(of_right, &right)).unwrap_or_default()
            };
            let mut reader =
                Reader { at: &at, found: &mut self.found, civil: &mut self.civil, agreements: &mut self.agreements };
            reader.selection(filter, of_condition);
        }
        let ways = ways::tidy(&ways::of_join(join, &left_ways, &right_ways, &join.schema));
        let mut values = match join.join_type {
            JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => [left, right].concat(),
            JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => left,
            JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => right,
        };
        values.resize(join.schema.fields().len(), Value::Plain);
        (values, ways)
    }

    fn values(&mut self, rows: &Values) -> Rows {
        let count = rows.schema.fields().len();
        let mut values = vec![Value::Null; count];
        let empty = DFSchema::empty();
        for row in &rows.values {
            for (known, expr) in values.iter_mut().zip(row) {
                *known = known.or(&self.value(expr, &empty, &[]));
            }
        }
        if rows.values.len() > MOST_ROWS {
            return (values, vec![Way::of_columns(count, Vec::new())]);
        }
        let none = Way::of_columns(0, Vec::new());
        let way = |row: &Vec<Expr>| Way {
            cells: row.iter().map(|expr| none.cell(expr, &empty)).collect(),
            ..Way::of_columns(0, Vec::new())
        };
        (values, ways::tidy(&rows.values.iter().map(way).collect::<Vec<_>>()))
    }
}

/// Calendars, thresholds, and what rules in `uses` found.
fn of_nobody(name: &str, schema: &DFSchema) -> Rows {
    let columns = || schema.fields().iter().map(|field| field.name().as_str());
    if name != RULE_ROWS {
        let count = columns().count();
        return (vec![Value::Plain; count], vec![Way::of_columns(count, Vec::new())]);
    }
    let value = |column: &str| match column {
        "person_id" => Value::of(Item::new(Sort::Person, RULE_ROWS, "person_id")),
        "permit_id" => Value::of(Item::new(Sort::Reference, RULE_ROWS, "permit_id")),
        _ => Value::Plain,
    };
    let cell = |column: &str| if column == "permit_id" { Cell::Permit(0) } else { Cell::Other };
    let mut way = Way::of_table(TableId::Permits, false, name, std::iter::empty());
    way.cells = columns().map(cell).collect();
    way.reads.iter_mut().for_each(|read| (read.source, read.about) = (Source::RuleRows, Some(0)));
    (columns().map(value).collect(), vec![way])
}

fn named_value(value: Value, expr: &Expr, name: &str) -> Value {
    if value.items().is_empty() {
        return value;
    }
    let mut inner = expr;
    while let Expr::Alias(alias) = inner {
        inner = &alias.expr;
    }
    // Beside another row it would be compared with another day.
    let value = if name.starts_with("__") { value } else { value.of_another_row() };
    match inner {
        Expr::Column(column) if column.name == name => value,
        _ => value.by(&format!("called {name}")),
    }
}
