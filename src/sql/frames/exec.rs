//! [`FramePlan`](crate::sql::frames::FramePlan) as an operator: gathers its input whole, evaluates once, returns one batch.

use std::fmt;
use std::sync::Arc;

use arrow::compute::concat_batches;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{OrderingRequirements, PhysicalExpr};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
};
use futures::{TryStreamExt, stream};

use crate::sql::frames::FramePlan;

/// Replaces one of DataFusion's window operators, and keeps its promises (order, partitioning).
#[derive(Clone, Debug)]
pub struct FrameExec {
    input: Arc<dyn ExecutionPlan>,
    plan: Arc<FramePlan>,
    properties: Arc<PlanProperties>,
    ordering: Vec<Option<OrderingRequirements>>,
    metrics: ExecutionPlanMetricsSet,
}

impl FrameExec {
    /// Replaces `operator`, over the same input.
    pub(super) fn replacing(
        operator: &dyn ExecutionPlan,
        input: &Arc<dyn ExecutionPlan>,
        plan: FramePlan,
    ) -> FrameExec {
        FrameExec {
            input: Arc::clone(input),
            plan: Arc::new(plan),
            properties: Arc::clone(operator.properties()),
            ordering: operator.required_input_ordering(),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    pub fn plan(&self) -> &Arc<FramePlan> {
        &self.plan
    }

    pub fn input(&self) -> &Arc<dyn ExecutionPlan> {
        &self.input
    }

    fn over(&self, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let (Some(input), true) = (children.pop(), children.is_empty()) else {
            return internal_err!("a window has one input");
        };
        if input.schema().fields() != self.input.schema().fields() {
            return internal_err!("the input of a window has changed its columns");
        }
        Ok(Arc::new(FrameExec { input, metrics: ExecutionPlanMetricsSet::new(), ..self.clone() }))
    }
}

impl DisplayAs for FrameExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inputs = self.input.schema().fields().len();
        let names = self.plan.schema().fields().iter().skip(inputs).map(|field| field.name().as_str());
        write!(f, "FrameExec: wdw=[{}]", names.collect::<Vec<_>>().join(", "))
    }
}

impl ExecutionPlan for FrameExec {
    fn name(&self) -> &str {
        "FrameExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        self.ordering.clone()
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![Distribution::SinglePartition]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.over(children)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.over(children)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let (plan, schema) = (Arc::clone(&self.plan), self.input.schema());
        let whole = async move {
            let batches: Vec<_> = input.try_collect().await?;
            let _timer = metrics.elapsed_compute().timer();
            let batch = match batches.as_slice() {
                [batch] => plan.evaluate(batch)?,
                batches => plan.evaluate(&concat_batches(&schema, batches)?)?,
            };
            metrics.record_output(batch.num_rows());
            Ok(batch)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(self.plan.schema()), stream::once(whole))))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
