//! The SQL session that rules are planned in: one partition, bounded plans, no files, no spilling, and only the
//! listed functions.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::common::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::SessionStateDefaults;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::rules::catalogue::Threshold;
use crate::rules::functions;
use crate::time::Day;

/// Scalar functions of DataFusion that rules may call; all immutable, none reads a clock.
const SCALARS: [&str; 26] = [
    "array_has",
    "array_has_all",
    "array_has_any",
    "array_length",
    "array_element",
    "btrim",
    "cardinality",
    "character_length",
    "coalesce",
    "concat",
    "concat_ws",
    "date_part",
    "date_trunc",
    "greatest",
    "least",
    "lower",
    "ltrim",
    "named_struct",
    "nullif",
    "nvl",
    "replace",
    "rtrim",
    "starts_with",
    "strpos",
    "substr",
    "upper",
];

const AGGREGATES: [&str; 14] = [
    "array_agg",
    "avg",
    "bool_and",
    "bool_or",
    "count",
    "first_value",
    "last_value",
    "max",
    "median",
    "min",
    "stddev",
    "string_agg",
    "sum",
    "nth_value",
];

const WINDOWS: [&str; 8] =
    ["row_number", "rank", "dense_rank", "lag", "lead", "first_value", "last_value", "nth_value"];

/// A session with nothing but our functions and the listed ones.
pub fn session() -> Result<SessionContext> {
    let mut config = SessionConfig::new().with_target_partitions(1).with_collect_statistics(false);
    let options = config.options_mut();
    options.sql_parser.parse_float_as_decimal = true;
    options.sql_parser.default_null_ordering = "nulls_last".into();
    options.sql_parser.map_string_types_to_utf8view = false;
    // Names in errors keep their place in the text.
    options.sql_parser.collect_spans = true;
    options.optimizer.enable_dynamic_filter_pushdown = false;
    options.catalog.information_schema = false;
    let runtime = RuntimeEnvBuilder::new()
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
        .build_arc()?;
    let keep = |names: &[&str], name: &str, aliases: &[String]| {
        names.contains(&name) || aliases.iter().any(|alias| names.contains(&alias.as_str()))
    };
    let mut scalars = SessionStateDefaults::default_scalar_functions();
    scalars.retain(|function| keep(&SCALARS, function.name(), function.aliases()));
    scalars.retain(|function| !functions::all().iter().any(|own| own.name() == function.name()));
    scalars.extend(functions::all());
    let mut aggregates = SessionStateDefaults::default_aggregate_functions();
    aggregates.retain(|function| keep(&AGGREGATES, function.name(), function.aliases()));
    aggregates.extend(functions::aggregates());
    let mut windows = SessionStateDefaults::default_window_functions();
    windows.retain(|function| keep(&WINDOWS, function.name(), function.aliases()));
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_expr_planners(SessionStateDefaults::default_expr_planners())
        .with_scalar_functions(scalars)
        .with_aggregate_functions(aggregates)
        .with_window_functions(windows)
        .build();
    Ok(SessionContext::new_with_state(state))
}

/// First and last year of the calendars: from before AGI (2019) to past any validity in force.
pub const CALENDAR_YEARS: (i32, i32) = (2015, 2060);

/// Tables of nobody: `months`, `days` and `parameters`.
pub fn calendars(thresholds: &[Threshold]) -> Vec<(&'static str, RecordBatch)> {
    let start = |year: i32| chrono::NaiveDate::from_ymd_opt(year, 1, 1).map_or(Day(0), Day::from_date);
    let (first, end) = (start(CALENDAR_YEARS.0), start(CALENDAR_YEARS.1 + 1));
    let months: Vec<Day> = (0..).map_while(|n| first.add_months(n)).take_while(|month| *month < end).collect();
    let dates = |days: &mut dyn Iterator<Item = Day>| -> ArrayRef {
        Arc::new(days.map(|day| Some(day.0)).collect::<Date32Array>())
    };
    let month_table = batch(
        &[("month", DataType::Date32), ("next_month", DataType::Date32), ("complete_at", micros())],
        vec![
            dates(&mut months.iter().copied()),
            dates(&mut months.iter().filter_map(|month| month.add_months(1))),
            Arc::new(months.iter().map(|month| month.agi_complete()).collect::<TimestampMicrosecondArray>()),
        ],
    );
    let day_table = batch(&[("day", DataType::Date32)], vec![dates(&mut (first.0..end.0).map(Day))]);
    let parameter_table = batch(
        &[
            ("name", DataType::Utf8),
            ("valid_from", DataType::Date32),
            ("valid_to", DataType::Date32),
            ("value", DataType::Int64),
        ],
        vec![
            Arc::new(thresholds.iter().map(|t| Some(t.name.as_str())).collect::<StringArray>()),
            dates(&mut thresholds.iter().map(|t| t.valid_from)),
            Arc::new(thresholds.iter().map(|t| t.valid_to.map(|day| day.0)).collect::<Date32Array>()),
            Arc::new(thresholds.iter().map(|t| Some(t.value)).collect::<Int64Array>()),
        ],
    );
    vec![("months", month_table), ("days", day_table), ("parameters", parameter_table)]
}

fn micros() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

fn batch(fields: &[(&str, DataType)], columns: Vec<ArrayRef>) -> RecordBatch {
    let fields: Vec<Field> = fields.iter().map(|(name, ty)| Field::new(*name, ty.clone(), true)).collect();
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    RecordBatch::try_new(Arc::clone(&schema), columns).unwrap_or_else(|_| RecordBatch::new_empty(schema))
}
