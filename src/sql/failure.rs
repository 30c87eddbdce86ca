//! What is told of a failed evaluation: what went wrong, never a value. Messages of the query engine quote values ("Cannot cast string
//! 'Anna' to value of Date32 type"), and what a failed rule leaves behind goes to logs and to the quarantine topic.

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;

/// What our own code says; these messages quote nothing.
pub const DAY_OUTSIDE: &str = "a day lies outside the calendar";
pub const WINDOW_TOO_LARGE: &str = "too many rows for one window";
pub const TEXTS_TOO_LARGE: &str = "the rule makes texts or lists beyond the budget of a call";
pub const ROWS_TOO_MANY: &str = "the rule multiplies its rows beyond the budget of a call";
pub const PANICKED: &str = "the query engine panicked";
pub const CALLED_OFF: &str = "the evaluation was called off";
const OWN: [&str; 6] = [DAY_OUTSIDE, WINDOW_TOO_LARGE, TEXTS_TOO_LARGE, ROWS_TOO_MANY, PANICKED, CALLED_OFF];

/// What went wrong, in words that hold no value.
pub fn described(error: &DataFusionError) -> &'static str {
    let text = error.strip_backtrace();
    if let Some(own) = OWN.into_iter().find(|own| text.contains(own)) {
        return own;
    }
    match error.find_root() {
        DataFusionError::ArrowError(error, _) => match error.as_ref() {
            ArrowError::CastError(_) | ArrowError::ParseError(_) => "a value cannot be cast to the wanted type",
            ArrowError::ArithmeticOverflow(_) => "a number overflows",
            ArrowError::DivideByZero => "a division by zero",
            ArrowError::ComputeError(_) => "a computation has no result",
            ArrowError::MemoryError(_) | ArrowError::OffsetOverflowError(_) => "too much memory is asked for",
            _ => "the query engine failed (Arrow)",
        },
        DataFusionError::ResourcesExhausted(_) => "too much memory is asked for",
        DataFusionError::Execution(_) => "a function refuses its arguments",
        DataFusionError::Internal(_) => "the query engine failed (internal error)",
        _ => "the query engine failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::session::session;

    #[tokio::test]
    async fn no_value_is_told() {
        let context = session().unwrap();
        for (sql, told) in [
            ("SELECT CAST(x AS DATE) FROM (VALUES ('Anna')) AS t(x)", "a value cannot be cast to the wanted type"),
            ("SELECT CAST(x AS INT) FROM (VALUES ('Anna')) AS t(x)", "a value cannot be cast to the wanted type"),
            ("SELECT 1 % x FROM (VALUES (0)) AS t(x)", "a division by zero"),
            ("SELECT substr(x, 1, -1) FROM (VALUES ('Anna')) AS t(x)", "a function refuses its arguments"),
            ("SELECT add_months(x, 2147483647) FROM (VALUES (DATE '2024-01-01')) AS t(x)", DAY_OUTSIDE),
        ] {
            let result = async { context.sql(sql).await?.collect().await }.await;
            let Err(error) = result else { panic!("{sql}: no error") };
            let found = described(&error);
            assert_eq!(found, told, "{sql}: {error}");
        }
    }
}
