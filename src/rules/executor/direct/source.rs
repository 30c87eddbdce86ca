//! A column as single values.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringArray, UInt32Array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
    TimestampNanosecondType, UInt64Type,
};

use crate::rules::executor::direct::{Elsewhere, Found};
use crate::rules::executor::join::NO_ROW;

/// Picked rows of an array, or of plain values.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    values: Values<'a>,
    nulls: Option<&'a NullBuffer>,
    /// Which of the values, [`NO_ROW`] being null; `None`: as they stand.
    picks: Option<&'a [u32]>,
    /// Picks that are none.
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

/// Columns of this type can be read here as numbers.
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

/// A decimal without a fraction: what DataFusion takes whole numbers of two kinds to, to compare or add them.
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

    /// Of a whole array some rows.
    pub fn picked(self, picks: Option<&'a [u32]>) -> Source<'a> {
        Source { picks, ..self }
    }

    /// Where the value stands; `None` if there is none.
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
            Values::Unsigned(values) => i64::try_from(values[place]).map_err(|_| Elsewhere)?,
            Values::Wide(values) => i64::try_from(values[place]).map_err(|_| Elsewhere)?,
            Values::Truth(values) => i64::from(values.value(place)),
            Values::Text(_) | Values::Texts(_) => return Err(Elsewhere),
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
