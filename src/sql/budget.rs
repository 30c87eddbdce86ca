//! Limits the work of one rule call, counted in rows and never in seconds, so that the same records always meet the same limit.
//!
//! A rule may join a person's rows with calendars by any condition, so a careless one multiplies days by days by days. Each join is
//! metered: a nested loop by the pairs that it has to examine, before it examines them; any other join by its output rows. A call
//! that spends more than its budget fails like any other failing call: it is halved down to the person who causes the failure, and
//! only that person's rule is set aside.
//!
//! The limit is the same for a batch and for one person. So whether a person's rule fails depends on that person alone: if a batch
//! stays within the limit, each of its persons does too.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, resources_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions, replace_children_if_necessary,
};
use futures::StreamExt;

/// Pairs and rows that one call may make: a second or two of work, and at most some hundred megabytes of results.
pub const CALL_BUDGET: u64 = 1 << 27;

/// What the current call may still spend. One call at a time.
#[derive(Debug)]
pub struct Budget {
    limit: u64,
    spent: AtomicU64,
}

impl Budget {
    pub fn new(limit: u64) -> Arc<Budget> {
        Arc::new(Budget { limit, spent: AtomicU64::new(0) })
    }

    /// Gives a call within a call (a view computed for the plan that reads it) a budget of its own.
    pub fn apart<T>(&self, call: impl FnOnce() -> T) -> T {
        let before = self.spent.swap(0, Ordering::Relaxed);
        let result = call();
        self.spent.store(before, Ordering::Relaxed);
        result
    }

    pub fn spent(&self) -> u64 {
        self.spent.load(Ordering::Relaxed)
    }

    pub fn spend(&self, rows: u64) -> Result<()> {
        let spent = self.spent().saturating_add(rows);
        self.spent.store(spent, Ordering::Relaxed);
        if spent > self.limit {
            return resources_err!("the rule multiplies its rows beyond the budget of a call");
        }
        Ok(())
    }
}

/// The plan with metered joins.
pub fn meter(plan: Arc<dyn ExecutionPlan>, budget: &Arc<Budget>) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|plan| {
        let metered = |input: &Arc<dyn ExecutionPlan>, role: Role| -> Arc<dyn ExecutionPlan> {
            Arc::new(Metered { input: Arc::clone(input), budget: Arc::clone(budget), role })
        };
        match plan.name() {
            "NestedLoopJoinExec" | "CrossJoinExec" => {
                let built = Arc::new(AtomicU64::new(0));
                let children = plan.children();
                let [left, right] = children.as_slice() else { return Ok(Transformed::no(plan)) };
                let inputs = vec![metered(left, Role::Build(Arc::clone(&built))), metered(right, Role::Probe(built))];
                replace_children_if_necessary(Arc::clone(&plan), inputs).map(Transformed::yes)
            }
            name if name.ends_with("JoinExec") => Ok(Transformed::yes(metered(&plan, Role::Output))),
            _ => Ok(Transformed::no(plan)),
        }
    })
    .data()
}

/// How a join reads an input.
#[derive(Clone, Debug)]
enum Role {
    /// As a whole, before it reads the other side.
    Build(Arc<AtomicU64>),
    /// Row by row, each against every row of the other side.
    Probe(Arc<AtomicU64>),
    Output,
}

#[derive(Debug)]
struct Metered {
    input: Arc<dyn ExecutionPlan>,
    budget: Arc<Budget>,
    role: Role,
}

impl DisplayAs for Metered {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metered")
    }
}

impl ExecutionPlan for Metered {
    fn name(&self) -> &str {
        "Metered"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
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
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(input) = children.pop() else { return Ok(self) };
        Ok(Arc::new(Metered { input, budget: Arc::clone(&self.budget), role: self.role.clone() }))
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(input) = children.pop() else { return Ok(self) };
        Ok(Arc::new(Metered { input, budget: Arc::clone(&self.budget), role: self.role.clone() }))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let (budget, role) = (Arc::clone(&self.budget), self.role.clone());
        if let Role::Build(built) = &role {
            built.store(0, Ordering::Relaxed);
        }
        let schema = self.input.schema();
        let counted = input.map(move |batch| {
            let batch = batch?;
            let rows = batch.num_rows() as u64;
            match &role {
                Role::Build(built) => {
                    built.fetch_add(rows, Ordering::Relaxed);
                }
                Role::Probe(built) => budget.spend(rows.saturating_mul(built.load(Ordering::Relaxed)))?,
                Role::Output => budget.spend(rows)?,
            }
            Ok(batch)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, counted)))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::datasource::MemTable;
    use datafusion::physical_plan::collect;

    use super::*;
    use crate::rules::calendars::calendars;
    use crate::sql::session::session;

    /// What a query over the calendars returns and spends.
    async fn run(sql: &str, limit: u64) -> (Result<usize>, u64) {
        let context = session().unwrap();
        for (name, batch) in calendars(&[]) {
            let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap();
            context.register_table(name, Arc::new(table)).unwrap();
        }
        let budget = Budget::new(limit);
        let plan = context.sql(sql).await.unwrap().create_physical_plan().await.unwrap();
        let plan = meter(plan, &budget).unwrap();
        let batches = collect(plan, context.task_ctx()).await;
        (batches.map(|batches| batches.iter().map(|batch| batch.num_rows()).sum()), budget.spent())
    }

    #[tokio::test]
    async fn days_by_days_by_days_stops_at_the_budget() {
        let sql =
            "SELECT count(*) FROM days a CROSS JOIN days b CROSS JOIN days c WHERE a.day <> b.day AND b.day <> c.day";
        let (rows, spent) = run(sql, 1 << 24).await;
        assert!(rows.unwrap_err().to_string().contains("budget"), "spent {spent}");
        // The budget stops the work before it is done: at most one batch of pairs may exceed it.
        assert!(spent < 1 << 29, "{spent}");
    }

    #[tokio::test]
    async fn pairs_are_counted_even_if_none_is_kept() {
        let (rows, spent) =
            run("SELECT a.month FROM months a JOIN months b ON a.month > b.next_month + 50000", 1 << 24).await;
        assert_eq!((rows.unwrap(), spent), (0, 552 * 552));
        let (rows, _) =
            run("SELECT a.month FROM months a JOIN months b ON a.month > b.next_month + 50000", 552 * 552 - 1).await;
        assert!(rows.is_err());
    }

    #[tokio::test]
    async fn a_join_by_key_spends_what_it_gives() {
        let (rows, spent) = run("SELECT a.month FROM months a JOIN months b ON a.month = b.month", 1000).await;
        assert_eq!((rows.unwrap(), spent), (552, 552));
        let (rows, _) = run("SELECT a.month FROM months a JOIN months b ON a.month = b.month", 551).await;
        assert!(rows.is_err());
    }
}
