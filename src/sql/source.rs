//! Reads a column as single values.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Int32Array, Int64Array, StringArray,
    TimestampMicrosecondArray, TimestampNanosecondArray, UInt32Array, UInt64Array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
    TimestampNanosecondType, UInt64Type,
};

use crate::sql::column::NO_ROW;

/// The row cannot be evaluated here.
#[derive(Debug)]
pub struct NotCovered;

pub type Found<T> = Result<Option<T>, NotCovered>;

/// Numbers as an array of type `ty`.
pub fn numbers(ty: &DataType, values: impl ExactSizeIterator<Item = Found<i64>>) -> Option<ArrayRef> {
    let mut known = Vec::with_capacity(values.len());
    let mut valid = Vec::new();
    for (at, value) in values.enumerate() {
        let value = value.ok()?;
        if value.is_none() && valid.is_empty() {
            valid.resize(at, true);
        }
        if value.is_none() || !valid.is_empty() {
            valid.push(value.is_some());
        }
        known.push(value.unwrap_or_default());
    }
    let nulls = (!valid.is_empty()).then(|| NullBuffer::from(valid));
    let small = |known: Vec<i64>| -> Option<ScalarBuffer<i32>> {
        known.into_iter().map(|value| i32::try_from(value).ok()).collect::<Option<Vec<i32>>>().map(ScalarBuffer::from)
    };
    Some(match ty {
        DataType::Boolean => {
            let bits = BooleanBuffer::collect_bool(known.len(), |at| known[at] != 0);
            Arc::new(BooleanArray::new(bits, nulls)) as ArrayRef
        }
        DataType::Date32 => Arc::new(Date32Array::new(small(known)?, nulls)),
        DataType::Int32 => Arc::new(Int32Array::new(small(known)?, nulls)),
        DataType::Int64 => Arc::new(Int64Array::new(known.into(), nulls)),
        DataType::UInt64 => {
            let known: Option<Vec<u64>> = known.into_iter().map(|value| u64::try_from(value).ok()).collect();
            Arc::new(UInt64Array::new(known?.into(), nulls))
        }
        DataType::Decimal128(precision, 0) => {
            let known = Decimal128Array::new(known.into_iter().map(i128::from).collect(), nulls);
            Arc::new(known.with_precision_and_scale(*precision, 0).ok()?)
        }
        DataType::Timestamp(TimeUnit::Microsecond, None) => {
            Arc::new(TimestampMicrosecondArray::new(known.into(), nulls))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, None) => Arc::new(TimestampNanosecondArray::new(known.into(), nulls)),
        _ => return None,
    })
}

/// Picked rows of an array, or of plain values.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    values: Values<'a>,
    nulls: Option<&'a NullBuffer>,
    /// Which of the values to pick, [`NO_ROW`] for null; `None`: all, in their order.
    picks: Option<&'a [u32]>,
    /// Which picks are missing.
    missing: Option<&'a NullBuffer>,
}

#[derive(Clone, Copy)]
enum Values<'a> {
    Numbers(&'a [Option<i64>]),
    Texts(&'a [Option<&'a str>]),
    Small(&'a [i32]),
    Long(&'a [i64]),
    Unsigned(&'a [u64]),
    Wide(&'a [i128]),
    Truth(&'a BooleanArray),
    Text(&'a StringArray),
}

/// Whether columns of this type can be read here as numbers.
pub fn is_number(ty: &DataType) -> bool {
    use TimeUnit::{Microsecond, Nanosecond};
    matches!(
        ty,
        DataType::Boolean
            | DataType::Date32
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt64
            | DataType::Timestamp(Microsecond | Nanosecond, None)
    ) || is_whole_decimal(ty)
}

/// Whether it is a decimal without a fraction: DataFusion converts whole numbers of two types to one, to compare or add them.
pub fn is_whole_decimal(ty: &DataType) -> bool {
    matches!(ty, DataType::Decimal128(_, 0))
}

impl<'a> Source<'a> {
    pub fn of(array: &'a ArrayRef, picks: Option<&'a UInt32Array>) -> Option<Source<'a>> {
        let values = match array.data_type() {
            DataType::Date32 => Values::Small(array.as_primitive::<Date32Type>().values()),
            DataType::Int32 => Values::Small(array.as_primitive::<Int32Type>().values()),
            DataType::Int64 => Values::Long(array.as_primitive::<Int64Type>().values()),
            DataType::UInt64 => Values::Unsigned(array.as_primitive::<UInt64Type>().values()),
            DataType::Decimal128(..) if is_whole_decimal(array.data_type()) => {
                Values::Wide(array.as_primitive::<Decimal128Type>().values())
            }
            DataType::Boolean => Values::Truth(array.as_boolean()),
            DataType::Timestamp(TimeUnit::Microsecond, None) => {
                Values::Long(array.as_primitive::<TimestampMicrosecondType>().values())
            }
            DataType::Timestamp(TimeUnit::Nanosecond, None) => {
                Values::Long(array.as_primitive::<TimestampNanosecondType>().values())
            }
            DataType::Utf8 => Values::Text(array.as_string()),
            _ => return None,
        };
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        let missing = picks.and_then(UInt32Array::nulls).filter(|missing| missing.null_count() > 0);
        Some(Source { values, nulls, picks: picks.map(|picks| &**picks.values()), missing })
    }

    pub fn of_numbers(numbers: &'a [Option<i64>], picks: Option<&'a [u32]>) -> Source<'a> {
        Source { values: Values::Numbers(numbers), nulls: None, picks, missing: None }
    }

    pub fn of_texts(texts: &'a [Option<&'a str>], picks: Option<&'a [u32]>) -> Source<'a> {
        Source { values: Values::Texts(texts), nulls: None, picks, missing: None }
    }

    /// The given rows of a source that has all.
    pub fn picked(self, picks: Option<&'a [u32]>) -> Source<'a> {
        Source { picks, ..self }
    }

    /// The index of the value; `None` if there is none.
    #[inline]
    fn place(&self, at: usize) -> Option<usize> {
        let place = match self.picks {
            None => at,
            Some(_) if self.missing.is_some_and(|missing| missing.is_null(at)) => return None,
            Some(picks) if picks[at] == NO_ROW => return None,
            Some(picks) => picks[at] as usize,
        };
        match self.nulls {
            Some(nulls) if nulls.is_null(place) => None,
            _ => Some(place),
        }
    }

    #[inline]
    pub fn number(&self, at: usize) -> Found<i64> {
        let Some(place) = self.place(at) else { return Ok(None) };
        Ok(Some(match &self.values {
            Values::Numbers(numbers) => return Ok(numbers[place]),
            Values::Small(values) => i64::from(values[place]),
            Values::Long(values) => values[place],
            Values::Unsigned(values) => i64::try_from(values[place]).map_err(|_| NotCovered)?,
            Values::Wide(values) => i64::try_from(values[place]).map_err(|_| NotCovered)?,
            Values::Truth(values) => i64::from(values.value(place)),
            Values::Text(_) | Values::Texts(_) => return Err(NotCovered),
        }))
    }

    #[inline]
    pub fn text(&self, at: usize) -> Option<&'a str> {
        let place = self.place(at)?;
        match &self.values {
            Values::Texts(texts) => texts[place],
            Values::Text(values) => Some(values.value(place)),
            _ => None,
        }
    }
}
