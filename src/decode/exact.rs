//! Converts the columns of a file to the schema's types: exactly, or not at all.
//!
//! Files come from many writers, so a type is accepted if each of its values is certainly one of ours: any width of integer, any
//! layout of text, dates and instants as text in the form that messages have. A value that would have to be cut, rounded or guessed
//! is a fault. So is one that a cast would make null, since a null says that nothing is known.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Int64Array, PrimitiveArray, RecordBatch,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date64Type, Decimal128Type, Field, Float64Type, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};

use crate::decode::columns::Faults;
use crate::decode::{BadRecord, day, day_or_instant_text, instant, month};
use crate::model::record::rows::{EVENT_TIME, OWN};
use crate::model::schema::{ColumnType, ENVELOPE, Table, TableId};
use crate::model::time::{MICROS_PER_DAY, MICROS_PER_SECOND};

/// A column of a file, as the schema wants it.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub name: &'static str,
    pub ty: ColumnType,
    /// Whether a day is accepted, as its first instant.
    pub takes_days: bool,
}

/// The columns of a recorded table, in the order of [`Table::file_schema`].
pub(crate) fn wanted(table: TableId) -> Vec<Wanted> {
    let of = |name, ty| Wanted { name, ty, takes_days: false };
    let mut columns = vec![of("person_id", ColumnType::Person)];
    columns.extend(ENVELOPE.iter().map(|column| of(column.name, column.ty)));
    columns.extend([of("known_time", ColumnType::Timestamp), of("arrival_no", ColumnType::Int)]);
    let own: &Table = table.def();
    columns.extend(own.columns.iter().map(|column| of(column.name, column.ty)));
    debug_assert_eq!(columns.len(), OWN + own.columns.len());
    columns[EVENT_TIME].takes_days = true;
    columns
}

/// The columns of the file of clock messages.
pub(crate) fn wanted_of_clocks() -> Vec<Wanted> {
    [("feed", ColumnType::Code), ("known_time", ColumnType::Timestamp)]
        .map(|(name, ty)| Wanted { name, ty, takes_days: false })
        .to_vec()
}

/// The columns of a batch, converted; `None` if that is not possible, with the reason in `faults`. `coded` says whether texts stay
/// dictionary-coded.
pub(crate) fn columns(
    wanted: &[Wanted],
    batch: &RecordBatch,
    coded: impl Fn(usize) -> bool,
    faults: &mut Faults,
) -> Vec<Option<ArrayRef>> {
    let schema = batch.schema();
    let column = |(at, wanted): (usize, &Wanted)| {
        let mut same = schema.fields().iter().enumerate().filter(|(_, field)| field.name() == wanted.name);
        let Some((found, _)) = same.next() else {
            faults.note(None, wanted.name, || {
                missing(&schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>())
            });
            return None;
        };
        if same.next().is_some() {
            faults.note(None, wanted.name, || "stands twice".to_owned());
            return None;
        }
        exact(batch.column(found), wanted, coded(at), faults)
    };
    wanted.iter().enumerate().map(column).collect()
}

fn missing(names: &[&str]) -> String {
    format!("is not there; the file has {}", names.join(", "))
}

/// The column, converted to the type that is wanted.
fn exact(array: &ArrayRef, wanted: &Wanted, coded: bool, faults: &mut Faults) -> Option<ArrayRef> {
    let before = faults.count();
    let target = if coded { dictionary() } else { wanted.ty.arrow() };
    let found = array.data_type();
    let out = if *found == target {
        Some(Arc::clone(array))
    } else if *found == DataType::Null {
        Some(new_null_array(&target, array.len()))
    } else {
        match &wanted.ty.arrow() {
            DataType::Int64 => whole_numbers(array, wanted.name, faults),
            DataType::Date32 => days(array, wanted, faults),
            DataType::Timestamp(..) => instants(array, wanted, faults),
            DataType::Boolean => flags(array, wanted.name, faults),
            DataType::List(_) => lists(array, wanted.name, faults),
            _ => texts(array, &target, wanted.name, faults),
        }
    };
    if out.is_none() && faults.count() == before {
        let is_zoned = matches!(found, DataType::Timestamp(_, Some(_)));
        let words = if is_zoned { "; in another time zone its day is another one" } else { "" };
        faults.note(None, wanted.name, || format!("is {found}, {} is wanted{words}", words_of(wanted.ty)));
    }
    out.filter(|_| faults.count() == before)
}

fn words_of(ty: ColumnType) -> &'static str {
    match ty.arrow() {
        DataType::Int64 => "a whole number",
        DataType::Date32 => "a date",
        DataType::Timestamp(..) => "an instant",
        DataType::Boolean => "true or false",
        DataType::List(_) => "a list of text",
        _ => "text",
    }
}

pub(crate) fn dictionary() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

fn is_text(ty: &DataType) -> bool {
    match ty {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// Casts; a value that becomes null is a fault.
fn kept(array: &ArrayRef, target: &DataType, name: &'static str, why: &str, faults: &mut Faults) -> Option<ArrayRef> {
    let out = cast(array, target).ok()?;
    if out.logical_null_count() > array.logical_null_count() {
        let (before, after) = (array.logical_nulls(), out.logical_nulls());
        let is_null =
            |nulls: &Option<arrow::buffer::NullBuffer>, row| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        for row in (0..array.len()).filter(|row| is_null(&after, *row) && !is_null(&before, *row)) {
            faults.note(Some(row), name, || format!("{name} {why}"));
        }
    }
    Some(out)
}

fn texts(array: &ArrayRef, target: &DataType, name: &'static str, faults: &mut Faults) -> Option<ArrayRef> {
    match array.data_type() {
        ty if is_text(ty) => kept(array, target, name, "is not UTF-8", faults),
        // Some writers do not mark their text columns as text.
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            let text = kept(array, &DataType::Utf8, name, "is not UTF-8", faults)?;
            cast(&text, target).ok()
        }
        _ => None,
    }
}

/// Converts each value by the given function.
fn each<T, V>(
    values: impl Iterator<Item = Option<V>>,
    name: &'static str,
    faults: &mut Faults,
    of: impl Fn(V) -> Result<T, String>,
) -> Vec<Option<T>> {
    let one = |(row, value): (usize, Option<V>)| match of(value?) {
        Ok(value) => Some(value),
        Err(why) => {
            faults.note(Some(row), name, || why);
            None
        }
    };
    values.enumerate().map(one).collect()
}

fn said(bad: BadRecord) -> String {
    bad.detail
}

fn whole_numbers(array: &ArrayRef, name: &'static str, faults: &mut Faults) -> Option<ArrayRef> {
    /// Up to this magnitude every whole number is exact in floating point.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let ty = array.data_type();
    let out: Int64Array = if ty.is_integer() {
        return kept(array, &DataType::Int64, name, "is not below 10^12", faults);
    } else if ty.is_floating() {
        let floats = cast(array, &DataType::Float64).ok()?;
        let whole = |number: f64| {
            let is_whole = number.is_finite() && number.fract() == 0.0 && number.abs() <= EXACT;
            is_whole.then_some(number as i64).ok_or_else(|| format!("{name} is not a whole number"))
        };
        each(floats.as_primitive::<Float64Type>().iter(), name, faults, whole).into_iter().collect()
    } else if let DataType::Decimal32(_, scale)
    | DataType::Decimal64(_, scale)
    | DataType::Decimal128(_, scale)
    | DataType::Decimal256(_, scale) = *ty
    {
        let decimals = kept(array, &DataType::Decimal128(38, scale), name, "is not below 10^12", faults)?;
        let unit = 10_i128.checked_pow(u32::from(scale.unsigned_abs()))?;
        let whole = |number: i128| {
            let whole =
                if scale < 0 { number.checked_mul(unit) } else { (number % unit == 0).then_some(number / unit) };
            let whole = whole.and_then(|number| i64::try_from(number).ok());
            whole.ok_or_else(|| format!("{name} is not a whole number below 10^12"))
        };
        each(decimals.as_primitive::<Decimal128Type>().iter(), name, faults, whole).into_iter().collect()
    } else {
        return None;
    };
    Some(Arc::new(out))
}

/// Flags. Databases without a boolean type write 0 and 1.
fn flags(array: &ArrayRef, name: &'static str, faults: &mut Faults) -> Option<ArrayRef> {
    if !array.data_type().is_integer() {
        return None;
    }
    let numbers = kept(array, &DataType::Int64, name, "is not true or false", faults)?;
    let flag = |number: i64| match number {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(format!("{name} is not true or false")),
    };
    let numbers = numbers.as_primitive::<arrow::datatypes::Int64Type>();
    let out: BooleanArray = each(numbers.iter(), name, faults, flag).into_iter().collect();
    Some(Arc::new(out))
}

fn days(array: &ArrayRef, wanted: &Wanted, faults: &mut Faults) -> Option<ArrayRef> {
    let name = wanted.name;
    let of_micros = |micros: i64| {
        if micros.rem_euclid(MICROS_PER_DAY) == 0 {
            return i32::try_from(micros.div_euclid(MICROS_PER_DAY))
                .map_err(|_| format!("{name} lies outside 1900-2199"));
        }
        Err(format!("{name} is an instant within a day, not 00:00 UTC: which day is meant is not said"))
    };
    let out: Date32Array = match array.data_type() {
        DataType::Date64 => {
            let millis = array.as_primitive::<Date64Type>().iter();
            each(millis, name, faults, |millis| of_micros(millis.saturating_mul(1_000))).into_iter().collect()
        }
        DataType::Timestamp(unit, zone) if is_utc(zone.as_deref()) => {
            let micros = micros(array, *unit)?;
            each(micros.into_iter(), name, faults, |micros| of_micros(micros?)).into_iter().collect()
        }
        ty if is_text(ty) => {
            let texts = kept(array, &DataType::Utf8, name, "is not UTF-8", faults)?;
            let is_month = wanted.ty == ColumnType::Month;
            let read = |text: &str| if is_month { month(name, text) } else { day(name, text) };
            each(texts.as_string::<i32>().iter(), name, faults, |text| read(text).map(|day| day.0).map_err(said))
                .into_iter()
                .collect()
        }
        _ => return None,
    };
    Some(Arc::new(out))
}

fn is_utc(zone: Option<&str>) -> bool {
    matches!(zone, None | Some("UTC" | "Etc/UTC" | "Z" | "+00:00" | "+0000"))
}

fn instants(array: &ArrayRef, wanted: &Wanted, faults: &mut Faults) -> Option<ArrayRef> {
    let name = wanted.name;
    let out: TimestampMicrosecondArray = match array.data_type() {
        // Whatever its time zone, a timestamp counts from 1970 in UTC.
        DataType::Timestamp(unit, _) => {
            each(micros(array, *unit)?.into_iter(), name, faults, |micros| micros).into_iter().collect()
        }
        DataType::Date32 if wanted.takes_days => {
            let days = array.as_primitive::<arrow::datatypes::Date32Type>();
            days.iter().map(|day| day.map(|day| i64::from(day) * MICROS_PER_DAY)).collect()
        }
        ty if is_text(ty) => {
            let texts = kept(array, &DataType::Utf8, name, "is not UTF-8", faults)?;
            let read = |text: &str| {
                if wanted.takes_days { day_or_instant_text(name, text) } else { instant(name, text) }
            };
            each(texts.as_string::<i32>().iter(), name, faults, |text| read(text).map_err(said)).into_iter().collect()
        }
        _ => return None,
    };
    Some(Arc::new(out))
}

/// Instants in microseconds, cut to them as in messages; of each value that cannot be one, the reason.
fn micros(array: &ArrayRef, unit: TimeUnit) -> Option<Vec<Option<Result<i64, String>>>> {
    fn of<T: ArrowPrimitiveType<Native = i64>>(
        array: &ArrayRef,
        each: impl Fn(i64) -> Option<i64>,
    ) -> Option<Vec<Option<Result<i64, String>>>> {
        let values: &PrimitiveArray<T> = array.as_primitive_opt()?;
        let one = |value: i64| each(value).ok_or_else(|| "lies outside 1900-2199".to_owned());
        Some(values.iter().map(|value| value.map(one)).collect())
    }
    match unit {
        TimeUnit::Second => of::<TimestampSecondType>(array, |value| value.checked_mul(MICROS_PER_SECOND)),
        TimeUnit::Millisecond => of::<TimestampMillisecondType>(array, |value| value.checked_mul(1_000)),
        TimeUnit::Microsecond => of::<TimestampMicrosecondType>(array, Some),
        TimeUnit::Nanosecond => of::<TimestampNanosecondType>(array, |value| Some(value.div_euclid(1_000))),
    }
}

fn lists(array: &ArrayRef, name: &'static str, faults: &mut Faults) -> Option<ArrayRef> {
    let items = match array.data_type() {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => item.data_type(),
        _ => return None,
    };
    if !is_text(items) && *items != DataType::Null {
        return None;
    }
    let target = DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)));
    kept(array, &target, name, "is not a list of text", faults)
}

#[cfg(test)]
mod tests;
