//! An operator that has no node here: DataFusion's own operator, with its inputs handed over as rows.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, reset_plan_states};
use datafusion::physical_plan::memory::MemoryStream;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions, replace_children_if_necessary,
};
use futures::TryStreamExt;

use crate::sql::budget::{Budget, make_array, meter};
use crate::sql::column::Batch;
use crate::sql::executor::Run;

/// DataFusion's operator, with leaves that receive the rows of its inputs.
pub(super) struct Foreign {
    plan: Arc<dyn ExecutionPlan>,
    inputs: Vec<Arc<Handed>>,
}

impl Foreign {
    pub fn new(plan: &Arc<dyn ExecutionPlan>, budget: &Arc<Budget>) -> Result<Foreign> {
        let inputs: Vec<Arc<Handed>> = plan.children().into_iter().map(|child| Arc::new(Handed::like(child))).collect();
        let children = inputs.iter().map(|input| Arc::clone(input) as Arc<dyn ExecutionPlan>).collect();
        let plan = replace_children_if_necessary(Arc::clone(plan), children)?;
        Ok(Foreign { plan: meter(plan, budget)?, inputs })
    }

    pub fn run(&self, run: &Run<'_>, rows: Vec<Batch>) -> Result<Batch> {
        for (input, rows) in self.inputs.iter().zip(rows) {
            let rows = rows.to_record_batch(&input.schema())?;
            *input.rows.lock().unwrap_or_else(PoisonError::into_inner) = Some(rows);
        }
        let plan = reset_plan_states(Arc::clone(&self.plan))?;
        let partitions = plan.properties().partitioning.partition_count();
        let batches: Result<Vec<RecordBatch>> = run.runtime.block_on(async {
            let mut batches = Vec::new();
            for partition in 0..partitions {
                let stream = plan.execute(partition, Arc::clone(run.task))?;
                batches.extend(stream.try_collect::<Vec<_>>().await?);
            }
            Ok(batches)
        });
        let batches = batches?;
        batches.iter().flat_map(RecordBatch::columns).try_for_each(make_array)?;
        Ok(Batch::from_record_batch(&concat_batches(&plan.schema(), &batches)?))
    }
}

/// A leaf: rows that have been computed before.
#[derive(Debug)]
struct Handed {
    rows: Mutex<Option<RecordBatch>>,
    properties: Arc<PlanProperties>,
}

impl Handed {
    /// Takes the place of another plan: with the same order, as one partition.
    fn like(plan: &Arc<dyn ExecutionPlan>) -> Handed {
        let properties = PlanProperties::new(
            plan.properties().equivalence_properties().clone(),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Handed { rows: Mutex::default(), properties: Arc::new(properties) }
    }
}

impl DisplayAs for Handed {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handed")
    }
}

impl ExecutionPlan for Handed {
    fn name(&self) -> &str {
        "Handed"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Box::pin(MemoryStream::try_new(rows.into_iter().collect(), self.schema(), None)?))
    }
}
