//! Shorthand for column values.

use chrono::NaiveDate;

use super::Value;
use super::calendar::epoch_days;

pub(super) fn text(value: &str) -> Value {
    Value::Text(value.into())
}

pub(super) fn maybe_text(value: Option<&str>) -> Value {
    value.map_or(Value::Null, text)
}

pub(super) fn maybe_code(value: Option<&'static str>) -> Value {
    value.map_or(Value::Null, Value::Code)
}

pub(super) fn day(value: NaiveDate) -> Value {
    Value::Day(epoch_days(value))
}

pub(super) fn maybe_day(value: Option<NaiveDate>) -> Value {
    value.map_or(Value::Null, day)
}

pub(super) fn maybe_int(value: Option<i64>) -> Value {
    value.map_or(Value::Null, Value::Int)
}

pub(super) fn maybe_flag(value: Option<bool>) -> Value {
    value.map_or(Value::Null, Value::Flag)
}
