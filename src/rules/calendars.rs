//! Tables that belong to no person and that every rule may read: calendars, and the thresholds of `parameters.csv`.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::{cast, max, min};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit};

use crate::catalogue::Threshold;
use crate::model::time::Day;
use crate::proofs::keys::Table;

/// First and last year of the calendars: from before AGI (2019) to after the end of any permit in force.
pub const CALENDAR_YEARS: (i32, i32) = (2015, 2060);

/// The tables `months`, `days` and `parameters`.
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
    vec![("months", month_table), ("days", day_table), (PARAMETERS, parameter_table)]
}

/// The table of thresholds.
pub const PARAMETERS: &str = "parameters";

/// What tells the rows of such a table apart; `of` is the calendar that it is. Thresholds of one name that overlap are refused when they are read.
pub fn rows_of(name: &str, of: &str, batch: &RecordBatch) -> Table {
    let schema = batch.schema();
    let mut table = Table::new(name, schema.fields().iter().map(|field| field.name().as_str()));
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        // Days and numbers lie between the least and the greatest of them.
        let numbers =
            cast(column, &DataType::Int64).ok().filter(|_| !matches!(field.data_type(), DataType::Timestamp(..)));
        let numbers = numbers.as_ref().and_then(|numbers| numbers.as_primitive_opt::<Int64Type>());
        if let Some((least, most)) = numbers.and_then(|numbers| Some((min(numbers)?, max(numbers)?))) {
            table = table.with_bounds(field.name(), (least.into(), most.into()));
        }
    }
    match of {
        "months" => table.with_key(&["month"]).with_key(&["next_month"]).with_key(&["complete_at"]).without_null(&[
            "month",
            "next_month",
            "complete_at",
        ]),
        "days" => table.with_key(&["day"]).without_null(&["day"]),
        PARAMETERS => table
            .with_key(&["name", "valid_from"])
            .without_overlap(&["name"], "valid_from", "valid_to")
            .without_null(&["name", "valid_from", "value"]),
        _ => table,
    }
}

fn micros() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

fn batch(fields: &[(&str, DataType)], columns: Vec<ArrayRef>) -> RecordBatch {
    let fields: Vec<Field> = fields.iter().map(|(name, ty)| Field::new(*name, ty.clone(), true)).collect();
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    RecordBatch::try_new(Arc::clone(&schema), columns).unwrap_or_else(|_| RecordBatch::new_empty(schema))
}
