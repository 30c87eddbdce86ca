//! What depends on the order of rows: refused where two rows can change places.
//!
//! - `row_number`, `lag` and `lead`, and every frame that counts ROWS, need an order in which no two rows of a partition tie.
//! - Functions that give values in the order of rows (`first_value`, `string_agg`, ...) need the same, or that tying rows have the same
//!   value: over a frame that takes peers together, or in a group, the rows that tie can then change places without a trace.
//!
//! An order by what is the same in every row of an optional step is refused as well: DataFusion's optimiser leaves such a column out below
//! the join and asks for it above, and then plans no batch query.
//!
//! The order is total if the columns of PARTITION BY (or GROUP BY) and ORDER BY determine the row (`keys`), or all of its columns that
//! are read: nobody sees which of two equal rows comes first.

use datafusion::common::DFSchema;
use datafusion::logical_expr::expr::{AggregateFunction, Sort, WindowFunction};
use datafusion::logical_expr::{WindowFrameUnits, WindowFunctionDefinition};

use crate::catalogue::refused::Highlight;
use crate::proofs::keys::{Attribute, Call, Rows};
use crate::proofs::refusal::{Finding, Refusal, of_columns};

/// Aggregates that give the same for the same rows in any order. Those of fractions do not (`values`).
const WITHOUT_ORDER: [&str; 11] =
    ["avg", "bool_and", "bool_or", "count", "mad_low", "max", "median", "median_low", "min", "records_of", "sum"];

/// Window functions that give the same to rows that tie.
const RANKS: [&str; 4] = ["cume_dist", "dense_rank", "percent_rank", "rank"];

/// Window functions that look at rows beside the current one, whatever the frame.
const BY_PLACE: [&str; 3] = ["lag", "lead", "row_number"];

/// Why the result of a function over several rows depends on which of two rows that tie comes first, if it does.
pub fn check(call: Call<'_>, rows: &mut Rows, schema: &DFSchema) -> Option<Finding> {
    match call {
        Call::Expression(_) => None,
        Call::Window(window) => check_window(window, rows, schema),
        Call::Aggregate(aggregate, group) => check_aggregate(aggregate, group, rows, schema),
    }
}

fn check_window(window: &WindowFunction, rows: &mut Rows, schema: &DFSchema) -> Option<Finding> {
    let WindowFunction { fun, params } = window;
    if let Some(finding) = by_constant(&params.order_by, rows, schema) {
        return Some(finding);
    }
    let frame = &params.window_frame;
    let is_whole = frame.start_bound.is_unbounded() && frame.end_bound.is_unbounded();
    let counts_rows = frame.units == WindowFrameUnits::Rows && !is_whole;
    let is_aggregate = matches!(fun, WindowFunctionDefinition::AggregateUDF(_));
    let by_place = BY_PLACE.contains(&fun.name());
    let in_order = if is_aggregate { !WITHOUT_ORDER.contains(&fun.name()) } else { !RANKS.contains(&fun.name()) };
    if !counts_rows && !in_order {
        return None;
    }
    let by = params.partition_by.iter().chain(params.order_by.iter().map(|sort| &sort.expr));
    let by: Vec<Attribute> = by.map(|expr| rows.attribute(expr, schema)).collect();
    let peers = rows.determined_by(&by);
    let is_total = rows.are_alike(&peers);
    let are_same = || rows.are_same(&params.args, &peers, schema);
    if is_total || (!counts_rows && !by_place && params.filter.is_none() && are_same()) {
        return None;
    }
    let place = of_columns(params.order_by.iter().map(|sort| &sort.expr))
        .or_else(|| of_columns(params.partition_by.iter()))
        .or_else(|| of_columns(params.args.iter()))
        .map_or_else(|| Highlight::words(&[fun.name(), "("]), Highlight::Span);
    let window = written("a window", &params.order_by);
    Some(Refusal::tie(window, &rows.alike(&peers)).at(place))
}

fn by_constant(order: &[Sort], rows: &Rows, schema: &DFSchema) -> Option<Finding> {
    let expr = order.iter().map(|sort| &sort.expr).find(|expr| rows.is_constant_or_null(expr, schema))?;
    let place = of_columns(std::iter::once(expr)).map_or_else(|| Highlight::words(&["order", "by"]), Highlight::Span);
    Some(Refusal::ConstantOrder { by: expr.human_display().to_string() }.at(place))
}

fn check_aggregate(
    call: &AggregateFunction,
    group: &[Attribute],
    rows: &mut Rows,
    schema: &DFSchema,
) -> Option<Finding> {
    let AggregateFunction { func, params } = call;
    if let Some(finding) = by_constant(&params.order_by, rows, schema) {
        return Some(finding);
    }
    if WITHOUT_ORDER.contains(&func.name()) {
        return None;
    }
    let by: Vec<Attribute> = params.order_by.iter().map(|sort| rows.attribute(&sort.expr, schema)).collect();
    let peers = rows.determined_by(&[group, &by].concat());
    if rows.are_alike(&peers) || rows.are_same(&params.args, &peers, schema) {
        return None;
    }
    let place = of_columns(params.order_by.iter().map(|sort| &sort.expr))
        .or_else(|| of_columns(params.args.iter()))
        .map_or_else(|| Highlight::words(&[func.name(), "("]), Highlight::Span);
    Some(Refusal::tie(written(func.name(), &params.order_by), &rows.alike(&peers)).at(place))
}

fn written(what: &str, order: &[Sort]) -> String {
    let by: Vec<String> = order.iter().map(|sort| sort.expr.to_string()).collect();
    if by.is_empty() {
        format!("{what} without an ORDER BY")
    } else {
        format!("{what} with ORDER BY {}", by.join(", "))
    }
}
