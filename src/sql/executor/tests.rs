//! Compares every operator with DataFusion's own, over small tables full of nulls, ties and rows without a partner.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use arrow::util::pretty::pretty_format_batches;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::collect;
use datafusion::prelude::SessionContext;
use proptest::prelude::*;

use super::{Compiled, Run, SingleRun};
use crate::sql::budget::{Budget, CALL_BUDGET};
use crate::sql::cells::{Arena, Rows};
use crate::sql::frames::UseFrames;
use crate::sql::session::session;
use crate::sql::slots::{Slot, SlotTable};

/// Each exercises one operator, or one variant of it.
const QUERIES: [&str; 44] = [
    "SELECT k, n, d FROM a WHERE n > 3 AND d IS NOT NULL",
    "SELECT n FROM a WHERE k = 'x' OR n IS NULL",
    "SELECT k, n * 2 AS twice, coalesce(k, '-') AS name FROM a",
    "SELECT a.k, a.n, b.n AS m FROM a JOIN b ON a.k = b.k",
    "SELECT a.k, a.n, b.n AS m FROM a JOIN b ON a.k = b.k AND a.d = b.d",
    "SELECT a.k, a.n, b.n AS m FROM a JOIN b ON a.k = b.k AND a.n < b.n",
    "SELECT a.k, a.n, b.n AS m FROM a LEFT JOIN b ON a.k = b.k",
    "SELECT a.k, a.n, b.n AS m FROM a LEFT JOIN b ON a.k = b.k AND a.n < b.n",
    "SELECT a.k, a.n, b.n AS m FROM a RIGHT JOIN b ON a.k = b.k AND a.n < b.n",
    "SELECT a.k, a.n, b.n AS m FROM a FULL JOIN b ON a.k = b.k AND a.n < b.n",
    "SELECT a.n, b.n AS m FROM a JOIN b ON a.k = b.k AND (b.d IS NULL OR a.d + INTERVAL '1' DAY <= b.d) AND NOT (a.n > b.n)",
    "SELECT a.n, b.n AS m FROM a LEFT JOIN b ON a.k = b.k AND (a.n = 3 OR b.n <> a.n OR a.d > b.d)",
    "SELECT a.n, b.n AS m FROM a JOIN b ON a.k = b.k AND concat(a.k, 'x') <> concat(b.k, 'y') AND a.n >= b.n",
    "SELECT a.n, b.n AS m FROM a JOIN b ON a.k = b.k AND a.n <= CASE WHEN b.n > a.n THEN b.n ELSE 4 END",
    "SELECT k, n FROM a WHERE k IN (SELECT k FROM b)",
    "SELECT k, n FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.k = a.k AND b.n > a.n)",
    "SELECT k, n FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.k = a.k AND b.n > a.n)",
    "SELECT k, n FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.k = a.k AND b.n > 2) OR n > 5",
    "SELECT k FROM a INTERSECT SELECT k FROM b",
    "SELECT a.n, b.n AS m FROM a CROSS JOIN b",
    "SELECT a.n, b.n AS m FROM a JOIN b ON a.n < b.n",
    "SELECT a.n, c.n AS m FROM a JOIN c ON c.n >= a.n AND c.n <= a.n + 2",
    "SELECT a.d, c.n AS m FROM a LEFT JOIN c ON c.d > a.d AND c.d <= a.d + INTERVAL '2' DAY AND a.k = 'x'",
    "SELECT k, count(*) AS c, sum(n) AS s, min(d) AS first, max(k) AS last FROM a GROUP BY k",
    "SELECT d, min(k) AS first, max(d) FILTER (WHERE n > 3) AS day, min(n) AS least, count(k) FILTER (WHERE n > 3) AS c FROM a GROUP BY d",
    "SELECT place, min(k) AS first, sum(n) AS s, max(n > 3) AS high, count(d) AS c FROM a GROUP BY place",
    "SELECT k, d, count(n) AS c FROM a GROUP BY k, d",
    "SELECT DISTINCT k, d FROM a",
    "SELECT count(*) AS c, sum(n) FILTER (WHERE n > 3) AS s FROM a",
    "SELECT k, string_agg(d2, ',' ORDER BY n, d2) AS all_days FROM (SELECT k, n, CAST(d AS VARCHAR) AS d2 FROM a) GROUP BY k",
    "SELECT k, n FROM a UNION ALL SELECT k, n FROM b",
    "SELECT k, n, row_number() OVER (PARTITION BY k ORDER BY n, d, place) AS place_in_k FROM a",
    "SELECT k, n, row_number() OVER (PARTITION BY d ORDER BY k DESC NULLS LAST, n DESC, place) AS place_in_d FROM a",
    "SELECT k, n, row_number() OVER (PARTITION BY concat(k, '-'), d ORDER BY k NULLS FIRST, place DESC) AS place_in_both FROM a",
    "SELECT place, sum(n) OVER (PARTITION BY k ORDER BY place ROWS UNBOUNDED PRECEDING) AS s, count(n) OVER (PARTITION BY k ORDER BY place ROWS UNBOUNDED PRECEDING) AS c FROM a",
    "SELECT place, sum(n) OVER (ORDER BY place ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS s, min(k) OVER (ORDER BY place ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS k FROM a",
    "SELECT place, min(d) OVER (PARTITION BY k ORDER BY place ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS next, max(n > 3) OVER (PARTITION BY k) AS high FROM a",
    "SELECT place, lag(k) OVER (PARTITION BY d ORDER BY place) AS before, lead(n, 2) OVER (PARTITION BY d ORDER BY place) AS after FROM a",
    "SELECT place, lag(n) IGNORE NULLS OVER (ORDER BY place) AS before, lead(d) IGNORE NULLS OVER (ORDER BY place) AS after, lag(n, 1, 9) OVER (ORDER BY place) AS or_nine FROM a",
    "SELECT place, first_value(n) IGNORE NULLS OVER (PARTITION BY k ORDER BY place) AS first, last_value(k) OVER (PARTITION BY d ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS last, nth_value(d, 2) OVER (ORDER BY place) AS second FROM a",
    "SELECT place, rank() OVER (PARTITION BY k ORDER BY n) AS r, avg(n) OVER (PARTITION BY k) AS mean FROM a",
    "SELECT place, 2 * row_number() OVER (PARTITION BY k ORDER BY place) = count(*) OVER (PARTITION BY k) AS middle FROM a",
    "SELECT place, max(CAST(n AS DECIMAL(38, 0)) * 5000000000000000000) OVER (PARTITION BY k ORDER BY place ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS high FROM a",
    "SELECT a.n, last.d FROM a LEFT JOIN (SELECT k, d, lead(d) OVER (PARTITION BY k ORDER BY place) AS next FROM b) last ON last.k = a.k AND last.next IS NULL",
];

type Row = (Option<String>, Option<i64>, Option<i32>);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let key = prop_oneof![Just(None), "[xyz]".prop_map(Some)];
    let row = (key, prop::option::weighted(0.8, 0..8i64), prop::option::weighted(0.8, 0..5i32));
    // With more rows, other code paths are taken.
    prop_oneof![4 => prop::collection::vec(row.clone(), 0..12), 1 => prop::collection::vec(row, 20..40)]
}

fn table(rows: &[Row]) -> RecordBatch {
    let columns: [(&str, ArrayRef); 4] = [
        ("k", Arc::new(rows.iter().map(|row| row.0.as_deref()).collect::<StringArray>())),
        ("n", Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>())),
        ("d", Arc::new(rows.iter().map(|row| row.2).collect::<Date32Array>())),
        ("place", Arc::new((0..rows.len() as i64).collect::<Int64Array>())),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap()
}

/// A session with the tables in slots.
fn session_with(tables: &[(&str, RecordBatch)]) -> SessionContext {
    let context = session().unwrap();
    for (name, batch) in tables {
        let slot = Slot::new(name, batch.schema());
        let columns =
            batch.columns().iter().map(|array| Some(crate::sql::column::Column::new(Arc::clone(array)))).collect();
        slot.fill_columns(columns, batch.num_rows());
        context.register_table(*name, Arc::new(SlotTable { slot })).unwrap();
    }
    context
}

fn lines(batches: &[RecordBatch]) -> Vec<String> {
    let text = pretty_format_batches(batches).unwrap().to_string();
    let mut lines: Vec<String> = text.lines().skip(3).map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

/// The rows of a query by DataFusion, by our executor over arrays, and over cells.
fn all(context: &SessionContext, sql: &str) -> [Vec<String>; 3] {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let budget = Budget::new(CALL_BUDGET);
    let task = context.task_ctx();
    let plan = runtime.block_on(async { context.sql(sql).await.unwrap().create_physical_plan().await.unwrap() });
    let theirs = runtime.block_on(collect(Arc::clone(&plan), Arc::clone(&task))).unwrap();
    let ours = UseFrames.optimize(plan.clone(), context.state().config_options()).unwrap();
    let compiled = Compiled::new(&ours, &budget).unwrap();
    let fill = &|_| Ok(());
    let run = Run { budget: &budget, task: &task, runtime: &runtime, units: 0, asked: None, fill, costs: None };
    let first = compiled.collect(&run).unwrap();
    let again = compiled.collect(&run).unwrap();
    assert_eq!(first, again, "a plan gives the same rows each time: {sql}");
    // A header needs a batch.
    let theirs = if theirs.is_empty() { vec![RecordBatch::new_empty(plan.schema())] } else { theirs };
    let arena = Arena::default();
    let slot = |slot: &Slot| Rows::of_batch(&slot.whole(), &arena);
    let single = compiled.single(&SingleRun::new(&run, &arena, &slot)).unwrap();
    let single = single.batch(compiled.schema()).unwrap().to_record_batch(compiled.schema()).unwrap();
    [lines(&theirs), lines(&[first]), lines(&[single])]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_operator_gives_what_datafusion_gives(a in rows(), b in rows()) {
        let mut sorted: Vec<Row> = b.iter().filter(|row| row.1.is_some() && row.2.is_some()).cloned().collect();
        sorted.sort_by_key(|row| (row.1, row.2));
        let context = session_with(&[("a", table(&a)), ("b", table(&b)), ("c", table(&sorted))]);
        for sql in QUERIES {
            let [theirs, ours, single] = all(&context, sql);
            prop_assert_eq!(&theirs, &ours, "{}", sql);
            prop_assert_eq!(&theirs, &single, "single: {}", sql);
        }
    }
}

#[test]
fn nothing_is_left_to_datafusion() {
    let context = session_with(&[("a", table(&[])), ("b", table(&[])), ("c", table(&[]))]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut names = Vec::new();
    for sql in QUERIES {
        let plan = runtime.block_on(async { context.sql(sql).await.unwrap().create_physical_plan().await.unwrap() });
        let plan = UseFrames.optimize(plan, context.state().config_options()).unwrap();
        let compiled = Compiled::new(&plan, &Budget::new(CALL_BUDGET)).unwrap();
        names.extend(compiled.operators().into_iter().filter(|(_, own)| !own).map(|(name, _)| name.to_owned()));
    }
    assert!(names.is_empty(), "{names:?}");
}
