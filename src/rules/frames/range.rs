//! RANGE frames whose ends are a distance away: 90 days, a month, 1,000 kronor.
//!
//! The order key is read once as whole numbers. Per row one target is computed, with the checks and the calendar of Arrow's
//! own arithmetic, and a pointer goes forward to it; so a partition costs its rows, however wide the frame is.
//!
//! A null sorts before or after everything and is the peer of nulls alone. A target that the type cannot hold is, as in
//! DataFusion, as far as the pointer has come (PRECEDING) or the end of the partition (FOLLOWING).

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::NullBuffer;
use arrow::compute::SortOptions;
use arrow::datatypes::{
    DataType, Date32Type, Int8Type, Int16Type, Int32Type, Int64Type, IntervalMonthDayNano, TimeUnit,
    TimestampMicrosecondType,
};
use chrono::{NaiveDate, NaiveDateTime};
use datafusion::common::ScalarValue;

use crate::rules::frames::bounds::spans;
use crate::time::MICROS_PER_DAY;

/// How far a frame reaches from its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Rows or groups.
    Count(u32),
    /// The key's own unit, and the least and the greatest that it can be.
    Number { distance: i64, least: i64, greatest: i64 },
    /// Calendar months, then days, then nanoseconds; of a date or of an instant in microseconds.
    Calendar { distance: IntervalMonthDayNano, instant: bool },
}

impl Reach {
    pub fn count(self) -> u32 {
        if let Reach::Count(count) = self { count } else { 0 }
    }

    /// A distance along a key of this type.
    pub fn along(key: &DataType, distance: &ScalarValue) -> Result<Reach, &'static str> {
        let number = |distance: i64, least: i64, greatest: i64| {
            if distance < 0 { Err("a negative distance") } else { Ok(Reach::Number { distance, least, greatest }) }
        };
        match (key, distance) {
            (DataType::Int8, ScalarValue::Int8(Some(n))) => number((*n).into(), i8::MIN.into(), i8::MAX.into()),
            (DataType::Int16, ScalarValue::Int16(Some(n))) => number((*n).into(), i16::MIN.into(), i16::MAX.into()),
            (DataType::Int32, ScalarValue::Int32(Some(n))) => number((*n).into(), i32::MIN.into(), i32::MAX.into()),
            (DataType::Int64, ScalarValue::Int64(Some(n))) => number(*n, i64::MIN, i64::MAX),
            (DataType::Date32, ScalarValue::IntervalMonthDayNano(Some(n))) => Reach::calendar(*n, false),
            (DataType::Timestamp(TimeUnit::Microsecond, None), ScalarValue::IntervalMonthDayNano(Some(n))) => {
                Reach::calendar(*n, true)
            }
            _ => Err("a distance along a key of this type"),
        }
    }

    fn calendar(distance: IntervalMonthDayNano, instant: bool) -> Result<Reach, &'static str> {
        let IntervalMonthDayNano { months, days, nanoseconds } = distance;
        if months < 0 || days < 0 || nanoseconds < 0 {
            return Err("a negative distance");
        }
        if nanoseconds % 1000 != 0 || (!instant && nanoseconds != 0) {
            return Err("a distance finer than its key");
        }
        if months != 0 {
            return Ok(Reach::Calendar { distance, instant });
        }
        // Without months a calendar is plain numbers, between the first and the last day that it knows.
        let days = i64::from(days);
        if instant {
            let distance = days.checked_mul(MICROS_PER_DAY).and_then(|micros| micros.checked_add(nanoseconds / 1000));
            let least = NaiveDateTime::MIN.and_utc().timestamp_micros();
            let greatest = NaiveDateTime::MAX.and_utc().timestamp_micros();
            distance.map(|distance| Reach::Number { distance, least, greatest }).ok_or("a distance beyond the calendar")
        } else {
            let day = |date: NaiveDate| i64::from(Date32Type::from_naive_date(date));
            Ok(Reach::Number { distance: days, least: day(NaiveDate::MIN), greatest: day(NaiveDate::MAX) })
        }
    }
}

/// The values of an order key, one per row.
pub(super) struct Keys {
    values: Vec<i64>,
    nulls: Option<NullBuffer>,
    order: SortOptions,
}

impl Keys {
    pub fn new(column: &ArrayRef, order: SortOptions) -> Option<Keys> {
        let values = match column.data_type() {
            DataType::Int8 => column.as_primitive::<Int8Type>().values().iter().map(|n| i64::from(*n)).collect(),
            DataType::Int16 => column.as_primitive::<Int16Type>().values().iter().map(|n| i64::from(*n)).collect(),
            DataType::Int32 => column.as_primitive::<Int32Type>().values().iter().map(|n| i64::from(*n)).collect(),
            DataType::Int64 => column.as_primitive::<Int64Type>().values().to_vec(),
            DataType::Date32 => column.as_primitive::<Date32Type>().values().iter().map(|n| i64::from(*n)).collect(),
            DataType::Timestamp(TimeUnit::Microsecond, None) => {
                column.as_primitive::<TimestampMicrosecondType>().values().to_vec()
            }
            _ => return None,
        };
        let nulls = column.nulls().filter(|nulls| nulls.null_count() > 0).cloned();
        Some(Keys { values, nulls, order })
    }

    /// The first rows (`START`), or the rows past the last, of frames that end so far away.
    pub fn edge<const START: bool>(&self, partitions: &[u32], reach: &Reach, back: bool) -> Vec<u32> {
        // Along a descending key, back is up.
        let add = back == self.order.descending;
        match *reach {
            Reach::Number { distance, least, greatest } => {
                let distance = if add { distance } else { -distance };
                let inside = move |key: &i64| (least..=greatest).contains(key);
                self.search::<START>(partitions, back, move |key| {
                    key.checked_add(distance).filter(inside).filter(|_| inside(&key))
                })
            }
            Reach::Calendar { distance, instant } => {
                self.search::<START>(partitions, back, move |key| shift(key, distance, instant, add))
            }
            Reach::Count(_) => Vec::new(),
        }
    }

    fn search<const START: bool>(
        &self,
        partitions: &[u32],
        back: bool,
        target: impl Fn(i64) -> Option<i64>,
    ) -> Vec<u32> {
        let mut out = Vec::with_capacity(self.values.len());
        for (first, end) in spans(partitions) {
            let mut at = first;
            for row in first..end {
                let key = self.key(row);
                let target = match key.map(&target) {
                    Some(None) => {
                        if !back {
                            at = end;
                        }
                        out.push(at);
                        continue;
                    }
                    Some(target) => target,
                    None => None,
                };
                while at < end {
                    let order = self.compare(self.key(at), target);
                    if !(order == Ordering::Less || (!START && order == Ordering::Equal)) {
                        break;
                    }
                    at += 1;
                }
                out.push(at);
            }
        }
        out
    }

    fn key(&self, row: u32) -> Option<i64> {
        let row = row as usize;
        let known = self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        known.then(|| self.values[row])
    }

    /// Which of two keys sorts first.
    fn compare(&self, left: Option<i64>, right: Option<i64>) -> Ordering {
        let null_first = |first: bool| if first { Ordering::Less } else { Ordering::Greater };
        match (left, right) {
            (Some(left), Some(right)) if self.order.descending => right.cmp(&left),
            (Some(left), Some(right)) => left.cmp(&right),
            (None, None) => Ordering::Equal,
            (None, Some(_)) => null_first(self.order.nulls_first),
            (Some(_), None) => null_first(!self.order.nulls_first),
        }
    }
}

/// Months later or earlier: the same day of the month, or that month's last. An instant keeps its time of day.
fn shift(key: i64, distance: IntervalMonthDayNano, instant: bool, add: bool) -> Option<i64> {
    let unit = if instant { MICROS_PER_DAY } else { 1 };
    let day = i32::try_from(key.div_euclid(unit)).ok()?;
    let whole = IntervalMonthDayNano::new(distance.months, distance.days, 0);
    let shifted = if add {
        Date32Type::add_month_day_nano_opt(day, whole)
    } else {
        Date32Type::subtract_month_day_nano_opt(day, whole)
    };
    let micros = distance.nanoseconds / 1000;
    let rest = key.rem_euclid(unit) + if add { micros } else { -micros };
    i64::from(shifted?).checked_mul(unit)?.checked_add(rest)
}
