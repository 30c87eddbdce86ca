//! Compares with DataFusion, expression by expression.

use arrow::array::{
    Array, BooleanArray, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute::take_record_batch;
use arrow::datatypes::{Field, Schema, TimeUnit};
use datafusion::common::DFSchema;
use datafusion::physical_expr::PhysicalExpr;
use proptest::prelude::*;

use super::*;
use crate::sql::column::{Column, NO_ROW};
use crate::sql::session::session;

/// Over columns d, e (dates), t, u (instants), n, m (whole numbers), b, c (booleans), x, y (texts).
const EXPRESSIONS: &[&str] = &[
    "d < e",
    "d = e OR b",
    "NOT (d >= e AND c)",
    "b AND c",
    "b OR c",
    "(b AND n > 2) OR (c AND NOT b)",
    "d IS NULL",
    "x IS NOT NULL AND n IS NULL",
    "d IS DISTINCT FROM e",
    "x IS NOT DISTINCT FROM y",
    "x = y",
    "x <> 'a' AND y > 'b'",
    "x IN ('a', 'b', 'c', 'd', 'e')",
    "x NOT IN ('a', 'bb')",
    "n IN (1, 2, 3)",
    "n NOT IN (1, 2, 3, 4, 5, 6)",
    "n BETWEEN 1 AND 3",
    "CASE WHEN b THEN d WHEN c THEN e END",
    "CASE WHEN n > 1 THEN 'many' WHEN n = 1 THEN x ELSE y END",
    "CASE x WHEN 'a' THEN 1 WHEN 'b' THEN 2 ELSE n END",
    "CASE n WHEN 1 THEN t ELSE u END",
    "CASE WHEN n <> 0 THEN m / n ELSE 0 END",
    "CASE WHEN n <> 0 THEN m % n END",
    "CASE WHEN d IS NOT NULL THEN d ELSE e END",
    "CASE WHEN x IS NOT NULL THEN x WHEN y IS NOT NULL THEN y ELSE 'none' END",
    "nullif(n, m)",
    "d - e",
    "CAST(n AS DECIMAL(20, 0)) * 2 > CAST(m AS DECIMAL(20, 0)) + 1",
    "CAST(n AS DECIMAL(20, 0)) - CAST(m AS DECIMAL(21, 0))",
    "CAST(n AS DECIMAL(20, 0)) * CAST(m AS DECIMAL(19, 0)) = n",
    "CAST(CAST(n AS DECIMAL(20, 0)) AS BIGINT) + m",
    "CASE CAST(n AS DECIMAL(20, 0)) WHEN 1 THEN 'one' ELSE x END",
    "CAST(n AS DECIMAL(4, 1)) > m",
    "CAST(n AS DECIMAL(20, 0)) / 2",
    "nullif(x, y)",
    "n + m * 2 - 1",
    "n * 100000000 + m",
    "CAST(d AS TIMESTAMP)",
    "CAST(d AS TIMESTAMP) > t",
    "CAST(t AS DATE)",
    "CAST(t AS DATE) = d",
    "greatest(d, e)",
    "least(t, u)",
    "greatest(CAST(d AS TIMESTAMP), t)",
    "greatest(n, m, 3)",
    "d + 10",
    "d - 3 > e",
    "d + n",
    "d + INTERVAL '1 day'",
    "d + INTERVAL '1 month'",
    "d - INTERVAL '2 years'",
    "t + INTERVAL '3 days'",
    "t - INTERVAL '90 minutes'",
    "t + INTERVAL '1 month'",
    "add_months(d, n)",
    "add_months(d, -n) <= e",
    "month_of(d) = month_of(e)",
    "agi_complete(d)",
    "abs(n - m)",
    "severity(n)",
    "severity_rank(x)",
    "severity_rank(severity(n)) + 1",
    "x || '-' || y",
    "CAST(d AS VARCHAR) || ' ' || x",
    "concat(x, '/', y)",
    "concat_ws(',', x, y, CAST(e AS VARCHAR))",
    "concat_ws(',', x, nullif(y, x))",
    "length(x) > n",
    "CASE WHEN length(x) > 1 THEN upper(y) ELSE x END",
    "x LIKE 'a%' OR b",
    "CAST(n AS VARCHAR) = x",
    "CAST(b AS BIGINT) + n",
];

fn schema() -> Schema {
    let instant = DataType::Timestamp(TimeUnit::Microsecond, None);
    let types = [
        ("d", DataType::Date32),
        ("e", DataType::Date32),
        ("t", instant.clone()),
        ("u", instant),
        ("n", DataType::Int64),
        ("m", DataType::Int64),
        ("b", DataType::Boolean),
        ("c", DataType::Boolean),
        ("x", DataType::Utf8),
        ("y", DataType::Utf8),
    ];
    Schema::new(types.map(|(name, ty)| Field::new(name, ty, true)).to_vec())
}

fn expressions() -> Vec<(&'static str, Arc<dyn PhysicalExpr>)> {
    let context = session().unwrap();
    let schema = DFSchema::try_from(schema()).unwrap();
    let physical = |sql: &&'static str| {
        let logical = context.parse_sql_expr(sql, &schema).unwrap();
        (*sql, context.create_physical_expr(logical, &schema).unwrap())
    };
    EXPRESSIONS.iter().map(physical).collect()
}

/// A row's values; instants in half hours, days around 1970 and the end of February.
type Cells = (Option<i32>, Option<i32>, Option<i64>, Option<i64>, Option<i64>, Option<i64>);
type Rest = (Option<bool>, Option<bool>, Option<String>, Option<String>);

fn row() -> impl Strategy<Value = (Cells, Rest)> {
    let day = || proptest::option::weighted(0.8, prop_oneof![-3..3, 19_750..19_800, 0..40_000]);
    let instant = || proptest::option::weighted(0.8, (-100i64..2_000_000).prop_map(|half| half * 1_800_000_000 + 1));
    let number = || proptest::option::weighted(0.8, -2i64..6);
    let truth = || proptest::option::weighted(0.8, any::<bool>());
    let text =
        || proptest::option::weighted(0.8, prop_oneof!["[a-c]{0,2}", Just("weak".to_owned()), Just("é€".to_owned())]);
    let cells = (day(), day(), instant(), instant(), number(), number());
    (cells, (truth(), truth(), text(), text()))
}

fn batch(rows: &[(Cells, Rest)]) -> RecordBatch {
    let days = |of: fn(&Cells) -> Option<i32>| -> ArrayRef {
        Arc::new(rows.iter().map(|(cells, _)| of(cells)).collect::<Date32Array>())
    };
    let instants = |of: fn(&Cells) -> Option<i64>| -> ArrayRef {
        Arc::new(rows.iter().map(|(cells, _)| of(cells)).collect::<TimestampMicrosecondArray>())
    };
    let numbers = |of: fn(&Cells) -> Option<i64>| -> ArrayRef {
        Arc::new(rows.iter().map(|(cells, _)| of(cells)).collect::<Int64Array>())
    };
    let truths = |of: fn(&Rest) -> Option<bool>| -> ArrayRef {
        Arc::new(rows.iter().map(|(_, rest)| of(rest)).collect::<BooleanArray>())
    };
    let texts = |of: fn(&Rest) -> &Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(|(_, rest)| of(rest).as_deref()).collect::<StringArray>())
    };
    let columns = vec![
        days(|cells| cells.0),
        days(|cells| cells.1),
        instants(|cells| cells.2),
        instants(|cells| cells.3),
        numbers(|cells| cells.4),
        numbers(|cells| cells.5),
        truths(|rest| rest.0),
        truths(|rest| rest.1),
        texts(|rest| &rest.2),
        texts(|rest| &rest.3),
    ];
    RecordBatch::try_new(Arc::new(schema()), columns).unwrap()
}

/// DataFusion's result for the picked rows.
fn theirs(expr: &Arc<dyn PhysicalExpr>, batch: &RecordBatch, picks: &UInt32Array) -> Option<ArrayRef> {
    let picked = take_record_batch(batch, picks).unwrap();
    expr.evaluate(&picked).ok()?.into_array(picked.num_rows()).ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn an_expression_says_what_it_says_in_datafusion(
        rows in proptest::collection::vec(row(), 1..12),
        picks in proptest::collection::vec(proptest::option::weighted(0.9, 0u32..12), 1..16),
    ) {
        let table = batch(&rows);
        let picks: UInt32Array = picks.iter().map(|pick| pick.map(|pick| pick % rows.len() as u32)).collect();
        let columns: Vec<Column> = table.columns().iter().map(|array| Column::new(Arc::clone(array))).collect();
        let whole = Batch { rows: rows.len(), columns };
        let picked = whole.pick(&Picks::of_nullable(picks.clone()));
        let arena = Arena::default();
        let rows: Vec<u32> = picks.iter().map(|row| row.unwrap_or(NO_ROW)).collect();
        let single = Rows::of_batch(&whole, &arena).unwrap().pick(&rows, &arena);
        for (sql, expr) in expressions() {
            let Some(rowwise) = Rowwise::new(&expr, &schema()).unwrap() else { continue };
            let ours = rowwise.array(&picked);
            let theirs = theirs(&expr, &table, &picks);
            let cells = rowwise.cells(&single, &arena).map(|cells| cells.to_array(single.count, ours.as_ref().unwrap().data_type()));
            prop_assert_eq!(cells.is_some(), ours.is_some(), "{} of {:?}", sql, picks);
            if let Some(ours) = ours {
                let cells = cells.unwrap().unwrap();
                prop_assert_eq!(&ours.to_data(), &cells.to_data(), "single: {} of {:?}", sql, picks);
                let theirs = theirs.expect("what fails there must not succeed here");
                prop_assert_eq!(&ours.to_data(), &theirs.to_data(), "{} of {:?}", sql, picks);
                if *ours.data_type() == DataType::Boolean {
                    let holding = rowwise.holding(&picked).unwrap();
                    let true_rows = arrow::array::AsArray::as_boolean(&theirs).iter().enumerate();
                    let expected: Vec<u32> =
                        true_rows.filter(|(_, holds)| *holds == Some(true)).map(|(at, _)| at as u32).collect();
                    prop_assert_eq!(rowwise.holding_single(&single, &arena), Some(holding.clone()), "single: {}", sql);
                    prop_assert_eq!(holding, expected, "{}", sql);
                }
            }
        }
    }
}

#[test]
fn all_but_the_calendar_and_fractions_are_covered() {
    let elsewhere: Vec<&str> = expressions()
        .into_iter()
        .filter(|(_, expr)| Rowwise::new(expr, &schema()).unwrap().is_none())
        .map(|(sql, _)| sql)
        .collect();
    let fractions = ["CAST(n AS DECIMAL(4, 1)) > m", "CAST(n AS DECIMAL(20, 0)) / 2"];
    let calendar = ["d + INTERVAL '1 month'", "d - INTERVAL '2 years'", "t + INTERVAL '1 month'"];
    assert_eq!(elsewhere, [fractions.as_slice(), calendar.as_slice()].concat());
}

#[test]
fn a_guarded_failure_is_left_to_datafusion() {
    let expressions = expressions();
    let find = |sql: &str| expressions.iter().find(|(known, _)| *known == sql).unwrap().1.clone();
    let guarded = Rowwise::new(&find("CASE WHEN n <> 0 THEN m / n ELSE 0 END"), &schema()).unwrap().unwrap();
    let row = |n, m| ((None, None, None, None, Some(n), Some(m)), (None, None, None, None));
    let columns = |rows: &[(Cells, Rest)]| Batch::from_record_batch(&batch(rows));
    let found = guarded.array(&columns(&[row(0, 1), row(2, 5)])).unwrap();
    assert_eq!(found.to_data(), Int64Array::from(vec![0, 2]).to_data());
    // More than 64 bits: DataFusion decides the result.
    let large = Rowwise::new(&find("n * 100000000 + m"), &schema()).unwrap().unwrap();
    assert!(large.array(&columns(&[row(i64::MAX, 1)])).is_none());
}
