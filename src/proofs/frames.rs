//! Refuses an aggregate over a frame that begins later with each row if it cannot take back the rows that leave the frame: DataFusion
//! plans such a window, and fails when it runs.

use std::sync::Arc;

use datafusion::common::DFSchema;
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{Expr, WindowFunctionDefinition};
use datafusion::physical_expr::aggregate::AggregateExprBuilder;
use datafusion::physical_expr::create_physical_expr;

use crate::catalogue::refused::Highlight;
use crate::proofs::refusal::{Finding, forbidden, of_columns};

/// Checks a window over rows of `schema`, whose arguments have the types that the function takes.
pub fn check_frame(window: &WindowFunction, schema: &DFSchema) -> Option<Finding> {
    let WindowFunction { fun: WindowFunctionDefinition::AggregateUDF(function), params } = window else { return None };
    if params.window_frame.start_bound.is_unbounded() || takes_rows_back(window, schema) {
        return None;
    }
    let place = of_columns(params.args.iter()).map_or_else(|| Highlight::words(&[function.name(), "("]), Highlight::Span);
    let what = format!("{} over a frame that begins later with each row, which takes no rows back,", function.name());
    Some(forbidden(&what).at(place))
}

fn takes_rows_back(window: &WindowFunction, schema: &DFSchema) -> bool {
    let WindowFunction { fun: WindowFunctionDefinition::AggregateUDF(function), params } = window else { return true };
    let props = ExecutionProps::new();
    let physical = |expr: &Expr| create_physical_expr(expr, schema, &props).ok();
    let Some(args) = params.args.iter().map(physical).collect::<Option<Vec<_>>>() else { return false };
    let built = AggregateExprBuilder::new(Arc::clone(function), args)
        .schema(Arc::new(schema.as_arrow().clone()))
        .alias("window")
        .with_distinct(params.distinct)
        .build();
    built.is_ok_and(|aggregate| aggregate.create_sliding_accumulator().is_ok())
}
