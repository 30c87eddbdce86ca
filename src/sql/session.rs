//! The SQL session in which rules are planned: one partition, bounded plans, no files, no spilling, and only the listed functions.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::SessionStateDefaults;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::sql::functions;
use crate::sql::lists::ComputedLists;

/// Scalar functions of DataFusion that rules may call; all immutable, none reads a clock.
const SCALARS: [&str; 25] = [
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

/// Whether a function takes several rows: an aggregate, or one of a window.
pub fn takes_rows(name: &str) -> bool {
    AGGREGATES.contains(&name) || WINDOWS.contains(&name) || is_own_aggregate(name)
}

/// Whether a function is one of windows alone.
pub fn is_of_window(name: &str) -> bool {
    WINDOWS.contains(&name)
}

/// Whether an aggregate is one of ours, and so a macro in DuckDB.
pub fn is_own_aggregate(name: &str) -> bool {
    functions::aggregates().iter().any(|own| own.name() == name)
}

/// A session with only our functions and the listed ones.
pub fn session() -> Result<SessionContext> {
    let mut config = SessionConfig::new().with_target_partitions(1).with_collect_statistics(false);
    let options = config.options_mut();
    options.sql_parser.parse_float_as_decimal = true;
    options.sql_parser.default_null_ordering = "nulls_last".into();
    options.sql_parser.map_string_types_to_utf8view = false;
    // So that names in errors have their position in the text.
    options.sql_parser.collect_spans = true;
    options.optimizer.enable_dynamic_filter_pushdown = false;
    // Simplifying a condition that is never null, such as (x IS NOT FALSE) = y, makes of it one that could be by its type. Planning a
    // DISTINCT or GROUP BY over it would then fail.
    options.execution.skip_physical_aggregate_schema_check = true;
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
        .with_optimizer_rule(Arc::new(ComputedLists))
        .build();
    Ok(SessionContext::new_with_state(state))
}
