//! Aim: our operator returns what DataFusion's operators return, and replaces the windows that the shipped rules use.
//! Method: made-up tables and windows through one plan with and without the optimizer rule; the shipped catalogue's plans.

use arrow::array::{AsArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array};
use arrow::array::{StringArray, TimestampMicrosecondArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Float64Type, Int64Type, Schema, TimeUnit};
use datafusion::config::ConfigOptions;
use datafusion::datasource::MemTable;
use datafusion::execution::TaskContext;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::{SessionConfig, SessionContext};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::sql::frames::optimizer::take_over;
use crate::sql::session::session;

/// A row: partition, second key, order keys, values.
type Row = (Option<u8>, i32, Option<i64>, Option<i32>, Option<i64>, (Option<i64>, Option<i32>, Option<bool>, u8));

fn row() -> impl Strategy<Value = Row> {
    // Around the ends of months, and of years with and without a leap day.
    let day = prop_oneof![
        4 => (0..12i32, -4..4i32).prop_map(|(month, day)| 19_782 + month * 30 + day),
        2 => 19_750..19_800i32,
        1 => select(vec![i32::MIN, i32::MAX, 95_026_236, -96_465_292]),
    ];
    let number = prop_oneof![8 => -12..12i64, 2 => -400..400i64, 1 => select(vec![i64::MIN, i64::MAX, i64::MAX - 1])];
    let nullable = |one_in: u32| prop_oneof![1 => Just(false), one_in => Just(true)];
    let value = prop_oneof![6 => -50..50i64, 1 => select(vec![i64::MIN, i64::MAX, i64::MAX / 2])];
    let values = (
        prop::option::weighted(0.7, value),
        prop::option::weighted(0.8, -20..20i32),
        prop::option::weighted(0.8, any::<bool>()),
        0..6u8,
    );
    (prop::option::weighted(0.9, 0..4u8), 0..3i32, (nullable(6), number), (nullable(6), day), any::<bool>(), values)
        .prop_map(|(part, second, (has_number, number), (has_day, day), late, values)| {
            let number = has_number.then_some(number);
            let day = has_day.then_some(day);
            let time =
                day.map(|day| i64::from(day.clamp(10_000, 30_000)) * 86_400_000_000 + i64::from(late) * 5_000_000);
            (part, second, number, day, time, values)
        })
}

fn table(rows: &[Row]) -> RecordBatch {
    let text = |n: u8| format!("00001:{}", "abcdef".split_at(n as usize).0);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("p", Arc::new(rows.iter().map(|row| row.0.map(text)).collect::<StringArray>())),
        ("q", Arc::new(rows.iter().map(|row| Some(row.1)).collect::<Int32Array>())),
        ("n", Arc::new(rows.iter().map(|row| row.2).collect::<Int64Array>())),
        ("d", Arc::new(rows.iter().map(|row| row.3).collect::<Date32Array>())),
        ("ts", Arc::new(rows.iter().map(|row| row.4).collect::<TimestampMicrosecondArray>())),
        ("v", Arc::new(rows.iter().map(|row| row.5.0).collect::<Int64Array>())),
        ("i", Arc::new(rows.iter().map(|row| row.5.1).collect::<Int32Array>())),
        ("b", Arc::new(rows.iter().map(|row| row.5.2).collect::<BooleanArray>())),
        ("t", Arc::new(rows.iter().map(|row| row.5.1.map(|_| text(row.5.3))).collect::<StringArray>())),
        ("f", Arc::new(rows.iter().map(|row| row.5.1.map(|n| f64::from(n) / 4.0)).collect::<Float64Array>())),
        (
            "m",
            Arc::new(
                rows.iter()
                    .map(|row| row.5.1.map(|n| i128::from(n) * 100_003))
                    .collect::<Decimal128Array>()
                    .with_precision_and_scale(12, 2)
                    .unwrap(),
            ),
        ),
    ];
    let fields: Vec<Field> =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, column)| column).collect())
        .unwrap()
}

const PARTITIONS: [&str; 4] = ["", "PARTITION BY p", "PARTITION BY q, p", "PARTITION BY p, d"];

const ORDERS: [&str; 11] = [
    "",
    "ORDER BY n",
    "ORDER BY n DESC",
    "ORDER BY n NULLS FIRST",
    "ORDER BY n DESC NULLS FIRST",
    "ORDER BY d",
    "ORDER BY d DESC",
    "ORDER BY d NULLS FIRST",
    "ORDER BY ts",
    "ORDER BY ts DESC NULLS FIRST",
    "ORDER BY d DESC, n, t",
];

/// Frames that go with any order, in three units.
const ANY: [&str; 22] = [
    "",
    "ROWS UNBOUNDED PRECEDING",
    "ROWS BETWEEN 3 PRECEDING AND CURRENT ROW",
    "ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING",
    "ROWS BETWEEN 4 PRECEDING AND 2 PRECEDING",
    "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING",
    "ROWS BETWEEN CURRENT ROW AND 3 FOLLOWING",
    "ROWS BETWEEN 2 FOLLOWING AND 4 FOLLOWING",
    "ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING",
    "ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
    "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
    "ROWS BETWEEN 1 PRECEDING AND UNBOUNDED FOLLOWING",
    "RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
    "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
    "RANGE BETWEEN CURRENT ROW AND CURRENT ROW",
    "RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
    "GROUPS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
    "GROUPS BETWEEN 2 PRECEDING AND CURRENT ROW",
    "GROUPS BETWEEN 3 PRECEDING AND 1 PRECEDING",
    "GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
    "GROUPS BETWEEN 1 FOLLOWING AND 2 FOLLOWING",
    "GROUPS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
];

/// Frames along a single key; each distance is filled in.
const AWAY: [&str; 7] = [
    "RANGE BETWEEN # PRECEDING AND CURRENT ROW",
    "RANGE BETWEEN # PRECEDING AND # FOLLOWING",
    "RANGE BETWEEN CURRENT ROW AND # FOLLOWING",
    "RANGE BETWEEN UNBOUNDED PRECEDING AND # PRECEDING",
    "RANGE BETWEEN # FOLLOWING AND UNBOUNDED FOLLOWING",
    "RANGE BETWEEN UNBOUNDED PRECEDING AND # FOLLOWING",
    "RANGE BETWEEN # PRECEDING AND UNBOUNDED FOLLOWING",
];

fn frame_of(order: &'static str) -> BoxedStrategy<String> {
    let distances: &[&str] = match order.split([' ', ',']).nth(2) {
        Some("n") => &["0", "1", "7", "9223372036854775807"],
        Some("d") => &["INTERVAL '5 days'", "INTERVAL '1 month'", "INTERVAL '1 month 2 days'", "INTERVAL '90 days'"],
        Some("ts") => &["INTERVAL '5 days'", "INTERVAL '3 seconds'", "INTERVAL '2 months 1 day 4 seconds'"],
        _ => &[],
    };
    // Without an order, or along several keys, only frames of whole groups are allowed.
    let any: Vec<&str> = ANY.into_iter().filter(|frame| !order.is_empty() || !frame.starts_with("GROUPS")).collect();
    if distances.is_empty() || order.contains(',') {
        return select(any).prop_map(str::to_owned).boxed();
    }
    let away = (select(AWAY.to_vec()), select(distances.to_vec()));
    prop_oneof![
        1 => select(any).prop_map(str::to_owned),
        2 => away.prop_map(|(frame, distance)| frame.replace('#', distance))
    ]
    .boxed()
}

const FUNCTIONS: [&str; 37] = [
    "row_number()",
    "rank()",
    "dense_rank()",
    "lag(v)",
    "lag(t, 2)",
    "lag(b, 3, true)",
    "lag(v, -1)",
    "lead(d)",
    "lead(t, 2, 'none')",
    "lead(i, 1, 7)",
    "lag(v, 2) IGNORE NULLS",
    "lag(t) IGNORE NULLS",
    "lead(v) IGNORE NULLS",
    "lead(t, 1, 'none') IGNORE NULLS",
    "first_value(v)",
    "first_value(t) IGNORE NULLS",
    "last_value(ts)",
    "last_value(v) IGNORE NULLS",
    "nth_value(v, 2)",
    "nth_value(t, 3) IGNORE NULLS",
    "count(*)",
    "count(v)",
    "count(t)",
    "sum(v)",
    "sum(i)",
    "sum(m)",
    "sum(f)",
    "avg(f)",
    "stddev(f)",
    "min(v)",
    "max(i)",
    "max(d)",
    "min(ts)",
    "max(t)",
    "min(m)",
    "max(f)",
    "max(b)",
];

fn context(table: &RecordBatch) -> SessionContext {
    let context = session().unwrap();
    let table = MemTable::try_new(table.schema(), vec![vec![table.clone()]]).unwrap();
    context.register_table("x", Arc::new(table)).unwrap();
    context
}

async fn planned(context: &SessionContext, sql: &str) -> Arc<dyn ExecutionPlan> {
    context.sql(sql).await.unwrap().create_physical_plan().await.unwrap()
}

fn use_frames(plan: &Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    UseFrames.optimize(Arc::clone(plan), &ConfigOptions::default()).unwrap()
}

/// All operators of a plan.
fn operators(plan: &Arc<dyn ExecutionPlan>) -> Vec<Arc<dyn ExecutionPlan>> {
    let below = plan.children().into_iter().flat_map(operators);
    std::iter::once(Arc::clone(plan)).chain(below).collect()
}

async fn run(plan: &Arc<dyn ExecutionPlan>, batch_size: usize) -> RecordBatch {
    let config = SessionConfig::new().with_batch_size(batch_size);
    let task = Arc::new(TaskContext::default().with_session_config(config));
    let batches = collect(Arc::clone(plan), task).await.unwrap();
    concat_batches(&plan.schema(), &batches).unwrap()
}

/// Runs the query both ways and compares; the windows must be ours.
fn compare(table: &RecordBatch, sql: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let context = context(table);
        let theirs = planned(&context, sql).await;
        let ours = use_frames(&theirs);
        let names: Vec<String> = operators(&ours).iter().map(|operator| operator.name().to_owned()).collect();
        assert!(names.contains(&"FrameExec".to_owned()), "{sql}: {names:?}");
        assert!(!names.iter().any(|name| name.ends_with("WindowAggExec")), "{sql}: {names:?}");
        assert_eq!(ours.schema(), theirs.schema());
        let (ours, theirs) = (run(&ours, 7).await, run(&theirs, 8192).await);
        assert_eq!(ours.num_rows(), table.num_rows());
        for (at, field) in theirs.schema().fields().iter().enumerate() {
            let (ours, theirs) = (ours.column(at), theirs.column(at));
            if *field.data_type() == DataType::Float64 {
                let pairs = ours.as_primitive::<Float64Type>().iter().zip(theirs.as_primitive::<Float64Type>());
                for (row, (a, b)) in pairs.enumerate() {
                    // A deviation that should be 0 is the root of a rounding error, which may be negative.
                    let near = |a: f64, b: f64| (a * a - if b.is_nan() { 0.0 } else { b * b }).abs() < 1e-6;
                    assert!(
                        a.zip(b).map_or(a == b, |(a, b)| near(a, b)),
                        "{sql}: {} row {row}: {a:?} {b:?}",
                        field.name()
                    );
                }
            } else {
                assert_eq!(ours, theirs, "{sql}: {}", field.name());
            }
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn every_function_is_as_datafusion_computes_it(
        rows in prop::collection::vec(row(), 0..60),
        partition in select(PARTITIONS.to_vec()),
        (order, frame) in select(ORDERS.to_vec()).prop_flat_map(|order| (Just(order), frame_of(order))),
    ) {
        let over = format!("OVER ({partition} {order} {frame})");
        let growing = frame.is_empty() || frame.contains("UNBOUNDED PRECEDING");
        let booleans = if growing { &["bool_and(b)", "bool_or(b)"][..] } else { &[] };
        let functions = FUNCTIONS.iter().chain(booleans).enumerate();
        let columns: Vec<String> = functions.map(|(at, function)| format!("{function} {over} AS c{at}")).collect();
        compare(&table(&rows), &format!("SELECT p, q, n, d, ts, {} FROM x", columns.join(", ")));
    }

    #[test]
    fn windows_of_several_frames_and_orders_share_an_operator(
        rows in prop::collection::vec(row(), 0..60),
        frames in prop::collection::vec((select(vec!["ORDER BY n", "ORDER BY p, n"]), select(ANY.to_vec())), 3),
    ) {
        let columns: Vec<String> = frames.iter().enumerate().map(|(at, (order, frame))| {
            let over = format!("OVER (PARTITION BY p {order} {frame})");
            format!("sum(v) {over} AS s{at}, rank() {over} AS r{at}, last_value(t) {over} AS t{at}")
        }).collect();
        compare(&table(&rows), &format!("SELECT p, n, {} FROM x", columns.join(", ")));
    }
}

#[test]
fn what_has_left_a_frame_leaves_nothing_behind() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let values = Float64Array::from(vec![1e16, 1.0, 1.0, 1.0, 3.0]);
    let places = Int64Array::from_iter_values(0..5);
    let fields = vec![Field::new("n", DataType::Int64, true), Field::new("f", DataType::Float64, true)];
    let table = RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![Arc::new(places), Arc::new(values)]).unwrap();
    runtime.block_on(async {
        let over = "OVER (ORDER BY n ROWS 1 PRECEDING)";
        let sql = format!("SELECT sum(f) {over} AS s, avg(f) {over} AS a, stddev(f) {over} AS d FROM x");
        let ours = run(&use_frames(&planned(&context(&table), &sql).await), 8192).await;
        let last = |at: usize| ours.column(at).as_primitive::<Float64Type>().value(4);
        assert_eq!((last(0), last(1), last(2)), (4.0, 2.0, 2f64.sqrt()));
    });
}

/// What stays with DataFusion, and why.
#[test]
fn what_cannot_be_said_exactly_is_left_alone() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let table = table(&[]);
    let cases = [
        ("sum(v) FILTER (WHERE b) OVER (ORDER BY n)", "FILTER"),
        ("lead(v, 2) IGNORE NULLS OVER (ORDER BY n)", "a lead of several rows with IGNORE NULLS"),
        ("median(v) OVER (PARTITION BY p)", "an aggregate that is not built in"),
        ("count(DISTINCT v) OVER (PARTITION BY p)", "DISTINCT, IGNORE NULLS or ORDER BY in an aggregate"),
        ("sum(v) OVER (ORDER BY m RANGE 1 PRECEDING)", "a distance along a key of this type"),
        ("sum(v) OVER (ORDER BY d RANGE INTERVAL '5 hours' PRECEDING)", "a distance finer than its key"),
        ("lag(v, 0) OVER (ORDER BY n)", "an offset of none or too many rows"),
        ("count(*) OVER (PARTITION BY [p])", "a key of this type"),
    ];
    runtime.block_on(async {
        for (column, reason) in cases {
            let plan = planned(&context(&table), &format!("SELECT {column} AS c FROM x")).await;
            let taken: Vec<_> = operators(&plan).iter().filter_map(|operator| take_over(operator.as_ref())).collect();
            let reasons: Vec<_> = taken.into_iter().map(|taken| taken.err().unwrap_or("taken over")).collect();
            assert_eq!(reasons, [reason], "{column}");
        }
    });
}

#[test]
fn evaluates_without_a_stream() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let fields = vec![Field::new("p", DataType::Utf8, true), Field::new("d", DataType::Date32, true)];
    let persons = StringArray::from(vec!["a", "a", "a", "b"]);
    let days = Date32Array::from(vec![0, 30, 60, 70]);
    let table = RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![Arc::new(persons), Arc::new(days)]).unwrap();
    let sql = "SELECT count(*) OVER (PARTITION BY p ORDER BY d RANGE INTERVAL '30 days' PRECEDING) AS c FROM x";
    let plan = runtime.block_on(planned(&context(&table), sql));
    let plan = operators(&use_frames(&plan));
    let frames = plan.iter().find_map(|operator| operator.downcast_ref::<FrameExec>()).unwrap();
    let sorted = table.project(&(0..frames.input().schema().fields().len()).collect::<Vec<_>>()).unwrap();
    let out = frames.plan().evaluate(&sorted).unwrap();
    assert_eq!(out.schema(), *frames.plan().schema());
    let counts = out.column(out.num_columns() - 1).as_primitive::<Int64Type>();
    assert_eq!(counts.values().to_vec(), [1, 2, 2, 1]);
    let none = frames.plan().evaluate(&sorted.slice(0, 0)).unwrap();
    assert_eq!((none.num_rows(), none.schema()), (0, out.schema()));
    // An instant's unit must not change.
    let unit = DataType::Timestamp(TimeUnit::Second, None);
    let month = ScalarValue::new_interval_mdn(1, 0, 0);
    assert!(Reach::along(&unit, &month).is_err());
    assert!(Reach::along(&DataType::Date32, &month).is_ok());
}
