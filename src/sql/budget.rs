//! Limits the work of one rule call, counted in rows and bytes and never in seconds, so that the same records always meet the same
//! limit.
//!
//! A rule may join a person's rows with calendars by any condition, so a careless one multiplies days by days by days. Each join is
//! metered: a nested loop by the pairs that it has to examine, before it examines them; any other join by its output rows. A call
//! that spends more than its budget fails like any other failing call: it is halved down to the person who causes the failure, and
//! only that person's rule is set aside. A process that is to stop, or has lost the shard, calls the work off: then every call fails
//! at its next join, and what was evaluated is thrown away.
//!
//! The limit of rows is the same for a batch and for one person. So whether a person's rule fails depends on that person alone: if a
//! batch stays within the limit, each of its persons does too.
//!
//! Rows are small unless a rule makes long texts or lists, so these are counted in bytes too, wherever one is made: where a column's
//! rows become an array of their own, where an expression is computed (`bounded` looks before the text is made), where
//! DataFusion's operators give rows back. That happens deep in expressions, so the call's budget is found by its thread. One
//! person's columns are copied in other places than a batch's. So a person alone may make more: then a batch within its limit has
//! no person beyond theirs, and one beyond it is halved until its persons are alone.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, resources_err};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions, replace_children_if_necessary,
};
use futures::StreamExt;

use crate::sql::failure::{CALLED_OFF, ROWS_TOO_MANY, TEXTS_TOO_LARGE};

/// Pairs and rows that one call may make: a few tenths of a second of work, and at most some ten megabytes of results.
pub const CALL_BUDGET: u64 = 1 << 24;

/// Bytes of texts and lists that one call may make for many units.
pub const CALL_BYTES: u64 = 1 << 29;

/// The same for one unit alone.
pub const SINGLE_BYTES: u64 = 2 * CALL_BYTES;

/// Whether nobody needs any more what is being evaluated.
pub type CalledOff = Arc<dyn Fn() -> bool + Send + Sync>;

/// What the current call may still spend. One call at a time.
pub struct Budget {
    limit: u64,
    spent: AtomicU64,
    bytes_limit: AtomicU64,
    bytes: AtomicU64,
    called_off: OnceLock<CalledOff>,
    /// A call has failed because the work was called off.
    is_cut_off: AtomicBool,
}

thread_local! {
    /// The budget of the call that this thread runs.
    static CURRENT: RefCell<Option<Arc<Budget>>> = const { RefCell::new(None) };
}

/// Counts bytes of texts and lists that the thread's call makes. Without a call nothing is counted.
pub fn make(bytes: u64) -> Result<()> {
    with_current(bytes, |budget, made| budget.bytes.store(made, Ordering::Relaxed))
}

/// Whether the thread's call may make so many more bytes.
pub fn room(bytes: u64) -> Result<()> {
    with_current(bytes, |_, _| ())
}

fn with_current(bytes: u64, then: impl FnOnce(&Budget, u64)) -> Result<()> {
    if bytes == 0 {
        return Ok(());
    }
    CURRENT.with_borrow(|current| {
        let Some(budget) = current else { return Ok(()) };
        let made = budget.bytes.load(Ordering::Relaxed).saturating_add(bytes);
        if made > budget.bytes_limit.load(Ordering::Relaxed) {
            return resources_err!("{TEXTS_TOO_LARGE}");
        }
        then(budget, made);
        Ok(())
    })
}

/// Counts the texts and lists of an array that has just been made.
pub fn make_array(array: &ArrayRef) -> Result<()> {
    make(bytes_of(array))
}

/// Rows of an array, as an array of their own.
pub fn taken(array: &ArrayRef, rows: &UInt32Array) -> Result<ArrayRef> {
    make(bytes_of_rows(array, rows))?;
    Ok(take(array, rows, None)?)
}

/// Bytes of the texts and lists of an array. Numbers are not counted: rows are.
pub fn bytes_of(array: &ArrayRef) -> u64 {
    match array.data_type() {
        DataType::Utf8 => {
            let offsets = array.as_string::<i32>().value_offsets();
            (offsets[array.len()] - offsets[0]) as u64
        }
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let offsets = list.value_offsets();
            let items = (offsets[array.len()] - offsets[0]) as u64;
            items.saturating_mul(width(list.values()))
        }
        DataType::Struct(_) => array.as_struct().columns().iter().map(bytes_of).sum(),
        _ => 0,
    }
}

/// Bytes of an item of a list, on average.
fn width(items: &ArrayRef) -> u64 {
    let plain = items.data_type().primitive_width().unwrap_or(4) as u64;
    plain + bytes_of(items) / items.len().max(1) as u64
}

fn bytes_of_rows(array: &ArrayRef, rows: &UInt32Array) -> u64 {
    let lengths = |offsets: &[i32]| -> u64 {
        let length = |row: u32| offsets.get(row as usize + 1).map_or(0, |end| (end - offsets[row as usize]) as u64);
        match rows.nulls() {
            None => rows.values().iter().map(|row| length(*row)).sum(),
            Some(_) => rows.iter().flatten().map(length).sum(),
        }
    };
    match array.data_type() {
        DataType::Utf8 => lengths(array.as_string::<i32>().value_offsets()),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            lengths(list.value_offsets()).saturating_mul(width(list.values()))
        }
        DataType::Struct(_) => array.as_struct().columns().iter().map(|column| bytes_of_rows(column, rows)).sum(),
        _ => 0,
    }
}

/// What a rule's operators of DataFusion run with: memory that they reserve is limited as well, for each shard by itself.
pub fn limited(task: &TaskContext) -> Result<Arc<TaskContext>> {
    let pool = Arc::new(GreedyMemoryPool::new(SINGLE_BYTES as usize));
    let runtime = RuntimeEnvBuilder::from_runtime_env(&task.runtime_env()).with_memory_pool(pool).build_arc()?;
    Ok(Arc::new(TaskContext::new(
        task.task_id(),
        task.session_id(),
        task.session_config().clone(),
        task.scalar_functions().clone(),
        HashMap::new(),
        task.aggregate_functions().clone(),
        task.window_functions().clone(),
        runtime,
    )))
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.spent(), self.limit)
    }
}

impl Budget {
    pub fn new(limit: u64) -> Arc<Budget> {
        Arc::new(Budget {
            limit,
            spent: AtomicU64::new(0),
            bytes_limit: CALL_BYTES.into(),
            bytes: AtomicU64::new(0),
            called_off: OnceLock::new(),
            is_cut_off: AtomicBool::new(false),
        })
    }

    /// From now on calls fail once this says so.
    pub fn heed(&self, called_off: CalledOff) {
        // A budget belongs to one shard, which sets this once.
        let _ = self.called_off.set(called_off);
    }

    /// Whether a call has failed because the work was called off.
    pub fn is_cut_off(&self) -> bool {
        self.is_cut_off.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub fn of_bytes(limit: u64) -> Arc<Budget> {
        let budget = Budget::new(CALL_BUDGET);
        budget.bytes_limit.store(limit, Ordering::Relaxed);
        budget
    }

    /// Whether the next calls are for one unit alone.
    pub fn is_for_one(&self, alone: bool) {
        self.bytes_limit.store(if alone { SINGLE_BYTES } else { CALL_BYTES }, Ordering::Relaxed);
    }

    /// Gives a call, also one within a call (a view computed for the plan that reads it), a budget of its own. `call` must not
    /// panic.
    pub fn apart<T>(self: &Arc<Self>, call: impl FnOnce() -> T) -> T {
        let spent = self.spent.swap(0, Ordering::Relaxed);
        let bytes = self.bytes.swap(0, Ordering::Relaxed);
        let around = CURRENT.replace(Some(Arc::clone(self)));
        let result = call();
        CURRENT.set(around);
        self.spent.store(spent, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
        result
    }

    pub fn spent(&self) -> u64 {
        self.spent.load(Ordering::Relaxed)
    }

    pub fn spend(&self, rows: u64) -> Result<()> {
        let spent = self.spent().saturating_add(rows);
        self.spent.store(spent, Ordering::Relaxed);
        if spent > self.limit {
            return resources_err!("{ROWS_TOO_MANY}");
        }
        if self.called_off.get().is_some_and(|called_off| called_off()) {
            self.is_cut_off.store(true, Ordering::Relaxed);
            return resources_err!("{CALLED_OFF}");
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

    #[test]
    fn work_that_is_called_off_ends_at_the_next_join() {
        let budget = Budget::new(1_000);
        let is_called_off = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&is_called_off);
        budget.heed(Arc::new(move || asked.load(Ordering::Relaxed)));
        assert!(budget.spend(1).is_ok() && !budget.is_cut_off());
        is_called_off.store(true, Ordering::Relaxed);
        assert!(budget.spend(1).unwrap_err().to_string().contains(CALLED_OFF) && budget.is_cut_off());
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
