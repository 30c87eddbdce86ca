//! What a row of a window costs: DataFusion's operators and ours, on the same sorted rows, plan for plan.
//!
//! 100,800 rows come in batches of 8,192, once as 2,800 permits of 36 months each, once as a single partition; a permit is a
//! tagged text as the engine's units have them. The two operators take turns, so that whatever else the machine does meets
//! both; medians are printed. Criterion runs one function to its end before the next, so it is not used.
//!
//! `cargo bench --bench frames [-- ROUNDS]`

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::config::ConfigOptions;
use datafusion::datasource::MemTable;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::{SessionContext, col};
use permitwatch::sql::frames::UseFrames;
use permitwatch::sql::session;
use tokio::runtime::Runtime;

/// As in the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROWS: usize = 100_800;
const BATCH_ROWS: usize = 8192;

/// Columns of a window `w`, what it is, and what it is called.
const CASES: [(&str, &str, &str); 9] = [
    ("sum, RANGE 90 days", "sum(v) OVER w", "RANGE BETWEEN INTERVAL '90 days' PRECEDING AND CURRENT ROW"),
    ("sum, RANGE 3 months", "sum(v) OVER w", "RANGE BETWEEN INTERVAL '3 months' PRECEDING AND CURRENT ROW"),
    ("sum, ROWS 12", "sum(v) OVER w", "ROWS 11 PRECEDING"),
    ("min and max, ROWS 12", "min(v) OVER w, max(v) OVER w", "ROWS 11 PRECEDING"),
    ("stddev, ROWS 12", "stddev(f) OVER w", "ROWS 11 PRECEDING"),
    ("max so far", "max(v) OVER w", "ROWS UNBOUNDED PRECEDING"),
    ("min from the next on", "min(v) OVER w", "ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING"),
    ("lag and lead", "lag(v) OVER w, lead(v) OVER w", ""),
    ("count of the partition", "count(*) OVER w", "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"),
];

fn rows(partition: usize) -> Result<RecordBatch> {
    let permits = (0..ROWS).map(|row| format!("00001:p{:07}-1", row / partition));
    // A month apart, or in the one long partition a day.
    let step = if partition < ROWS { 30 } else { 1 };
    let days = (0..ROWS).map(|row| 10_000 + (row % partition) as i32 * step);
    let value = |row: usize| (row * 7919 % 50_000) as i64;
    let columns: [(&str, ArrayRef); 4] = [
        ("p", Arc::new(StringArray::from_iter_values(permits))),
        ("d", Arc::new(Date32Array::from_iter_values(days))),
        ("v", Arc::new((0..ROWS).map(|row| (row % 11 != 0).then(|| value(row))).collect::<Int64Array>())),
        ("f", Arc::new(Float64Array::from_iter_values((0..ROWS).map(|row| value(row) as f64)))),
    ];
    Ok(RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))?)
}

async fn planned(rows: &RecordBatch, columns: &str, frame: &str) -> Result<Arc<dyn ExecutionPlan>> {
    let context: SessionContext = session::session()?;
    let starts = (0..ROWS).step_by(BATCH_ROWS);
    let batches = starts.map(|start| rows.slice(start, BATCH_ROWS.min(ROWS - start))).collect();
    let order = vec![vec![col("p").sort(true, false), col("d").sort(true, false)]];
    let table = MemTable::try_new(rows.schema(), vec![batches])?.with_sort_order(order);
    context.register_table("x", Arc::new(table))?;
    let sql = format!("SELECT {columns} FROM x WINDOW w AS (PARTITION BY p ORDER BY d {frame})");
    context.sql(&sql).await?.create_physical_plan().await
}

fn names(plan: &Arc<dyn ExecutionPlan>) -> Vec<String> {
    let below = plan.children().into_iter().flat_map(names);
    std::iter::once(plan.name().to_owned()).chain(below).collect()
}

/// Nanoseconds a row of one execution.
fn once(runtime: &Runtime, plan: &Arc<dyn ExecutionPlan>) -> Result<f64> {
    let task = Arc::new(TaskContext::default());
    let plan = Arc::clone(plan).reset_state()?;
    let started = Instant::now();
    let batches = runtime.block_on(collect(plan, task))?;
    let elapsed = started.elapsed().as_nanos() as f64;
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), ROWS);
    Ok(elapsed / ROWS as f64)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn main() -> Result<()> {
    // Cargo itself passes `--bench`.
    let rounds = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(9);
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    println!("{:<26} {:>10} {:>14} {:>9} {:>8}", "window", "partition", "DataFusion ns", "ours ns", "times");
    for partition in [36, ROWS] {
        let rows = rows(partition)?;
        for (name, columns, frame) in CASES {
            let theirs = runtime.block_on(planned(&rows, columns, frame))?;
            let ours = UseFrames.optimize(Arc::clone(&theirs), &ConfigOptions::default())?;
            assert!(names(&ours).iter().any(|name| name == "FrameExec"), "{name}");
            assert!(!names(&ours).iter().any(|name| name == "SortExec"), "{name}");
            let (mut slow, mut fast) = (Vec::new(), Vec::new());
            for _ in 0..rounds {
                slow.push(once(&runtime, &theirs)?);
                fast.push(once(&runtime, &ours)?);
                fast.push(once(&runtime, &ours)?);
            }
            let (slow, fast) = (median(slow), median(fast));
            println!("{name:<26} {partition:>10} {slow:>14.0} {fast:>9.1} {:>8.0}", slow / fast);
        }
    }
    Ok(())
}
