//! Refuses an aggregate over a frame that begins later with each row if it cannot take back the rows that leave the frame: DataFusion
//! plans such a window, and fails when it runs.

use std::sync::Arc;

use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{Expr, ExprSchemable, WindowFunctionDefinition};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateExprBuilder;
use datafusion::physical_expr::expressions::Literal;

use crate::catalogue::refused::Highlight;
use crate::proofs::refusal::{Finding, forbidden, of_columns};

/// Checks a window over rows of `schema`, whose arguments have the types that the function takes.
pub fn check_frame(window: &WindowFunction, schema: &DFSchema) -> Option<Finding> {
    let WindowFunction { fun: WindowFunctionDefinition::AggregateUDF(function), params } = window else { return None };
    if params.window_frame.start_bound.is_unbounded() || takes_rows_back(window, schema) {
        return None;
    }
    let place =
        of_columns(params.args.iter()).map_or_else(|| Highlight::words(&[function.name(), "("]), Highlight::Span);
    let what = format!("{} over a frame that begins later with each row, which takes no rows back,", function.name());
    Some(forbidden(&what).at(place))
}

fn takes_rows_back(window: &WindowFunction, schema: &DFSchema) -> bool {
    let WindowFunction { fun: WindowFunctionDefinition::AggregateUDF(function), params } = window else { return true };
    // Only the types of the arguments matter.
    let null = |expr: &Expr| -> Option<Arc<dyn PhysicalExpr>> {
        let null = ScalarValue::try_from(&expr.get_type(schema).ok()?).ok()?;
        Some(Arc::new(Literal::new(null)))
    };
    let Some(args) = params.args.iter().map(null).collect::<Option<Vec<_>>>() else { return false };
    let built = AggregateExprBuilder::new(Arc::clone(function), args)
        .schema(Arc::new(schema.as_arrow().clone()))
        .alias("window")
        .with_distinct(params.distinct)
        .build();
    built.is_ok_and(|aggregate| aggregate.create_sliding_accumulator().is_ok())
}
