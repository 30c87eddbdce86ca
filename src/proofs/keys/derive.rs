//! Derives what tells the rows of a plan apart, node by node, and shows whatever may depend on the order of rows on the way.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunction};
use datafusion::logical_expr::{Aggregate, Distinct, Expr, ExprSchemable, LogicalPlan, Window, WindowFrameUnits};

use crate::proofs::keys::join::joined;
use crate::proofs::keys::{Attribute, Determined, Rows, Table, Value, bounds, unknown};

/// A function over several rows.
#[derive(Clone, Copy)]
pub enum Call<'a> {
    Window(&'a WindowFunction),
    /// With what it groups by.
    Aggregate(&'a AggregateFunction, &'a [Attribute]),
    /// Any expression of a node.
    Expression(&'a Expr),
}

/// Shown each function over several rows, with what is known of its rows and their schema.
pub type EachCall<'a> = dyn FnMut(Call<'_>, &mut Rows, &DFSchema) + 'a;

/// What is known of the rows of an optimised plan over `tables`.
pub fn derive<'t>(plan: &LogicalPlan, tables: &dyn Fn(&str) -> Option<&'t Table>, each: &mut EachCall<'_>) -> Rows {
    Derivation { tables, each }.rows(plan)
}

struct Derivation<'a, 'c, 't> {
    tables: &'a dyn Fn(&str) -> Option<&'t Table>,
    each: &'a mut EachCall<'c>,
}

impl Derivation<'_, '_, '_> {
    fn rows(&mut self, plan: &LogicalPlan) -> Rows {
        match plan {
            LogicalPlan::TableScan(scan) => {
                let table = (self.tables)(scan.table_name.table());
                let mut rows =
                    table.map_or_else(|| unknown(&scan.projected_schema), |table| table.scan(&scan.projected_schema));
                scan.filters.iter().for_each(|filter| rows.hold_all(filter, &scan.projected_schema));
                rows
            }
            LogicalPlan::Projection(projection) => {
                let mut rows = self.rows(&projection.input);
                let schema = projection.input.schema();
                self.show(&projection.expr, &mut rows, schema);
                rows.columns = projection.expr.iter().map(|expr| rows.attribute(expr, schema)).collect();
                rows.filled.clear();
                rows
            }
            LogicalPlan::Filter(filter) => {
                let mut rows = self.rows(&filter.input);
                self.show(std::slice::from_ref(&filter.predicate), &mut rows, filter.input.schema());
                rows.hold_all(&filter.predicate, filter.input.schema());
                rows
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let mut rows = self.rows(&alias.input);
                rows.filled.clear();
                rows.name_tiers(alias.alias.table(), &alias.schema);
                rows
            }
            LogicalPlan::Sort(sort) => self.rows(&sort.input),
            LogicalPlan::Limit(limit) => self.rows(&limit.input),
            LogicalPlan::Window(window) => self.window(window),
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate),
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let mut rows = self.rows(input);
                let columns = rows.columns.clone();
                rows.group(&columns, input.schema());
                rows
            }
            LogicalPlan::Join(join) => {
                let (mut left, mut right) = (self.rows(&join.left), self.rows(&join.right));
                for (l, r) in &join.on {
                    self.show(std::slice::from_ref(l), &mut left, join.left.schema());
                    self.show(std::slice::from_ref(r), &mut right, join.right.schema());
                }
                if let Some(filter) = &join.filter {
                    let (mut both, _) = left.clone().beside(right.clone());
                    if let Ok(schema) = join.left.schema().join(join.right.schema()) {
                        self.show(std::slice::from_ref(filter), &mut both, &schema);
                    }
                }
                joined(join, left, right)
            }
            LogicalPlan::Union(union) => {
                let inputs = union.inputs.iter().map(|input| self.rows(input).pruned()).collect();
                Rows::of_union(inputs, &union.schema)
            }
            LogicalPlan::Values(values) => Rows::of_values(values),
            // At most one row.
            LogicalPlan::EmptyRelation(empty) => {
                let columns: Vec<Attribute> = (0..empty.schema.fields().len()).collect();
                let mut rows = Rows { count: columns.len(), columns: columns.clone(), ..Rows::default() };
                rows.depends(&[], &columns);
                rows
            }
            other => {
                other.inputs().into_iter().for_each(|input| drop(self.rows(input)));
                unknown(other.schema())
            }
        }
    }

    fn show(&mut self, exprs: &[Expr], rows: &mut Rows, schema: &DFSchema) {
        exprs.iter().for_each(|expr| (self.each)(Call::Expression(expr), rows, schema));
    }

    fn window(&mut self, window: &Window) -> Rows {
        let mut rows = self.rows(&window.input);
        let schema = window.input.schema();
        self.show(&window.window_expr, &mut rows, schema);
        for expr in &window.window_expr {
            let computed = match expr.clone().unalias() {
                Expr::WindowFunction(function) => {
                    (self.each)(Call::Window(&function), &mut rows, schema);
                    rows.window(&function, schema)
                }
                _ => rows.new_attribute(),
            };
            // Rows that were alike before may differ in this.
            rows.columns.push(computed);
        }
        rows
    }

    fn aggregate(&mut self, aggregate: &Aggregate) -> Rows {
        let mut rows = self.rows(&aggregate.input);
        let schema = aggregate.input.schema();
        self.show(&aggregate.group_expr, &mut rows, schema);
        self.show(&aggregate.aggr_expr, &mut rows, schema);
        if aggregate.group_expr.iter().any(|expr| matches!(expr, Expr::GroupingSet(_))) {
            return unknown(&aggregate.schema);
        }
        let group: Vec<Attribute> = aggregate.group_expr.iter().map(|expr| rows.attribute(expr, schema)).collect();
        let calls = aggregate.aggr_expr.iter().map(|expr| match expr.clone().unalias() {
            Expr::AggregateFunction(call) => Some(call),
            _ => None,
        });
        let calls: Vec<Option<AggregateFunction>> = calls.collect();
        for call in calls.iter().flatten() {
            (self.each)(Call::Aggregate(call, &group), &mut rows, schema);
        }
        let of_groups = !group.is_empty();
        let computed: Vec<Attribute> =
            calls.iter().map(|call| rows.aggregated(&group, call.as_ref(), of_groups, schema)).collect();
        rows.columns = group.clone();
        rows.filled.clear();
        rows.group(&group, &aggregate.schema);
        rows.columns.extend(computed);
        rows
    }
}

impl Rows {
    /// The attribute of an expression over the columns of `schema`. No function of the dialect gives two values for the same arguments.
    pub fn attribute(&mut self, expr: &Expr, schema: &DFSchema) -> Attribute {
        match expr {
            Expr::Alias(alias) => self.attribute(&alias.expr, schema),
            Expr::Column(column) => self.column(column, schema).unwrap_or_else(|| self.new_attribute()),
            other => {
                let bounds = self.bounds_of(other, schema);
                let attribute = self.computed(other, schema);
                self.bounds.extend(bounds.map(|bounds| (attribute, bounds)));
                attribute
            }
        }
    }

    /// The attribute of an expression that is no column.
    fn computed(&mut self, expr: &Expr, schema: &DFSchema) -> Attribute {
        match expr {
            Expr::Literal(literal, _) => {
                let attribute = self.determined(&[]);
                if !literal.is_null() {
                    self.not_null.insert(attribute);
                }
                if let Some(value) = Value::of(literal) {
                    self.holds(attribute, [value].into());
                }
                attribute
            }
            Expr::Cast(cast) => {
                let of = self.attribute(&cast.expr, schema);
                let attribute = self.determined(&[of]);
                let from = cast.expr.get_type(schema).ok();
                if self.not_null.contains(&of) {
                    self.not_null.insert(attribute);
                }
                if from.is_some_and(|from| keeps_apart(&from, cast.field.data_type())) {
                    self.depends(&[attribute], &[of]);
                    if let Some(values) = self.values.get(&of).filter(|_| cast.field.data_type().is_string()).cloned() {
                        self.holds(attribute, values);
                    }
                }
                attribute
            }
            other => {
                let columns: Vec<Attribute> =
                    other.column_refs().into_iter().map(|column| self.column_or_new(column, schema)).collect();
                let attribute = self.determined(&columns);
                if self.is_filled(other, schema) {
                    self.not_null.insert(attribute);
                }
                if let Some(values) = self.values_of(other, schema) {
                    self.holds(attribute, values);
                }
                attribute
            }
        }
    }

    fn column_or_new(&mut self, column: &Column, schema: &DFSchema) -> Attribute {
        self.column(column, schema).unwrap_or_else(|| self.new_attribute())
    }

    /// One row for each combination of values of `group`: all but one row of each are left out. `schema` names these columns.
    fn group(&mut self, group: &[Attribute], schema: &DFSchema) {
        let row = self.row.clone();
        self.depends(group, &row);
        let names = schema.fields().iter().map(|field| field.name().clone());
        self.identify("a GROUP BY".to_owned(), names.zip(group.iter().copied()).collect());
    }

    /// The attribute of an aggregate of the rows of a group, of which one row is left.
    fn aggregated(
        &mut self,
        group: &[Attribute],
        call: Option<&AggregateFunction>,
        of_groups: bool,
        schema: &DFSchema,
    ) -> Attribute {
        let attribute = self.determined(group);
        let Some(AggregateFunction { func, params }) = call else { return attribute };
        let is_filled = self.is_aggregate_filled(func.name(), &params.args, params.filter.is_some(), schema)
            && (of_groups || func.name() == "count");
        if is_filled {
            self.not_null.insert(attribute);
        }
        let bounds = self.bounds_of_call(func.name(), &params.args, None, schema);
        self.bounds.extend(bounds.map(|bounds| (attribute, bounds)));
        match func.name() {
            "min" | "max" | "first_value" | "last_value" => {
                let Some(of) = params.args.first().map(|of| self.attribute(of, schema)) else { return attribute };
                if let Some(mut values) = self.values.get(&of).cloned() {
                    values.extend((!is_filled).then_some(Value::Null));
                    self.holds(attribute, values);
                }
            }
            _ => {}
        }
        attribute
    }

    /// The attribute of a window expression.
    fn window(&mut self, function: &WindowFunction, schema: &DFSchema) -> Attribute {
        let params = &function.params;
        let name = function.fun.name();
        let partition: Vec<Attribute> = params.partition_by.iter().map(|expr| self.attribute(expr, schema)).collect();
        let order: Vec<Attribute> = params.order_by.iter().map(|sort| self.attribute(&sort.expr, schema)).collect();
        let peers = [partition.as_slice(), &order].concat();
        let row = self.row.clone();
        let attribute = self.determined(&row);
        if self.is_window_filled(function, schema) {
            self.not_null.insert(attribute);
        }
        let frame = &params.window_frame;
        let rows = if matches!(name, "count" | "sum") { bounds::rows_of(frame) } else { None };
        let bounds = self.bounds_of_call(name, &params.args, rows, schema);
        self.bounds.extend(bounds.map(|bounds| (attribute, bounds)));
        match name {
            "row_number" => {
                self.depends(&[partition.as_slice(), &[attribute]].concat(), &row);
            }
            "lag" | "lead" => {}
            "rank" | "dense_rank" | "percent_rank" | "cume_dist" => self.depends(&peers, &[attribute]),
            _ if frame.start_bound.is_unbounded() && frame.end_bound.is_unbounded() => {
                self.depends(&partition, &[attribute]);
            }
            _ if frame.units != WindowFrameUnits::Rows => self.depends(&peers, &[attribute]),
            _ => {}
        }
        attribute
    }

    /// Whether the values of expressions are the same in rows that agree in `peers`.
    pub fn are_same(&self, exprs: &[Expr], peers: &Determined, schema: &DFSchema) -> bool {
        let mut columns = exprs.iter().flat_map(Expr::column_refs);
        columns.all(|column| self.column(column, schema).is_some_and(|column| peers.has(column)))
    }
}

/// Whether different values stay different when they are cast.
fn keeps_apart(from: &DataType, to: &DataType) -> bool {
    use DataType::{Boolean, Date32, Int8, Int16, Int32, Int64, Timestamp, UInt8, UInt16, UInt32};
    let width = |ty: &DataType| match ty {
        Int8 | UInt8 => Some(1),
        Int16 | UInt16 => Some(2),
        Int32 | UInt32 => Some(4),
        Int64 => Some(8),
        _ => None,
    };
    let is_wider = width(from).zip(width(to)).is_some_and(|(from, to)| to > from);
    let is_text = to.is_string() && (from.is_string() || from.is_integer() || matches!(from, Date32 | Boolean));
    from == to || is_wider || is_text || matches!((from, to), (Date32, Timestamp(..)))
}
