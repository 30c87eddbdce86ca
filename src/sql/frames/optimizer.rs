//! Replaces DataFusion's window operators by [`FrameExec`] in a plan that is otherwise finished.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec, WindowExpr};
use datafusion::physical_plan::{ExecutionPlan, InputOrderMode};

use crate::sql::frames::{FrameExec, FramePlan};

/// Replaces every window that it can; sorts, schemas and orders stay as they are.
#[derive(Debug)]
pub struct UseFrames;

impl PhysicalOptimizerRule for UseFrames {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let replaced = |operator: Arc<dyn ExecutionPlan>| {
            Ok(match take_over(operator.as_ref()) {
                Some(Ok(frames)) => Transformed::yes(Arc::new(frames) as Arc<dyn ExecutionPlan>),
                _ => Transformed::no(operator),
            })
        };
        plan.transform_up(replaced).data()
    }

    fn name(&self) -> &str {
        "use_frames"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// `None` if the operator is not a window, else its replacement or why there is none.
pub(super) fn take_over(operator: &dyn ExecutionPlan) -> Option<Result<FrameExec, &'static str>> {
    let (window_expr, input): (&[Arc<dyn WindowExpr>], _) =
        if let Some(bounded) = operator.downcast_ref::<BoundedWindowAggExec>() {
            if bounded.input_order_mode != InputOrderMode::Sorted {
                return Some(Err("input that is not sorted by partition"));
            }
            if bounded.state_observer().is_some() {
                return Some(Err("an observer"));
            }
            (bounded.window_expr(), bounded.input())
        } else {
            let whole = operator.downcast_ref::<WindowAggExec>()?;
            (whole.window_expr(), whole.input())
        };
    let plan = FramePlan::build(window_expr, &input.schema());
    Some(plan.and_then(|plan| {
        if *plan.schema() != operator.schema() {
            return Err("a schema of another kind");
        }
        Ok(FrameExec::replacing(operator, input, plan))
    }))
}
