//! RANGE frames whose ends are a distance away: 90 days, a month, 1,000 kronor.
//!
//! The order key is read once as whole numbers. For each row one target is computed, with the checks and the calendar of Arrow's
//! own arithmetic, and a pointer moves forward to it; so the cost of a partition is proportional to its rows, however wide the
//! frame is.
//!
//! A null sorts before or after everything and is a peer of nulls only. A target that the type cannot hold is treated as in
//! DataFusion: the edge stays where the pointer is (PRECEDING) or is the end of the partition (FOLLOWING).

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

use crate::model::time::{MICROS_PER_DAY, first_day, month_of};
use crate::sql::frames::spans;

/// How far a frame reaches from its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sql) enum Reach {
    /// Rows or groups.
    Count(u32),
    /// In the key's own unit; with the least and the greatest value of the key's type.
    Number { distance: i64, least: i64, greatest: i64 },
    /// Calendar months, then days, then nanoseconds; of a date or of an instant in microseconds.
    Calendar { distance: IntervalMonthDayNano, instant: bool },
}

impl Reach {
    pub fn count(self) -> u32 {
        if let Reach::Count(count) = self { count } else { 0 }
    }

    /// The distance along a key of this type.
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
        // Without months, calendar arithmetic is plain arithmetic between the first and the last representable day.
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
pub(in crate::sql) struct Keys {
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

    /// The first rows (`START`), or the rows past the last, of frames that end this far away.
    pub fn edge<const START: bool>(&self, partitions: &[u32], reach: &Reach, back: bool) -> Vec<u32> {
        // Along a descending key, backwards means greater keys.
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
            let past = |order: Ordering| order == Ordering::Greater || (START && order == Ordering::Equal);
            match (&self.nulls, self.order.descending) {
                // Nearly every key has neither nulls nor descending order; the others do not deserve a loop of their own.
                (None, false) => {
                    let keys = &self.values[first as usize..end as usize];
                    out.extend(keys.iter().map(|key| {
                        match target(*key) {
                            Some(target) => {
                                let ahead = &keys[(at - first) as usize..];
                                let passed = |key: &&i64| if START { **key < target } else { **key <= target };
                                at += ahead.iter().take_while(passed).count() as u32;
                            }
                            None if back => {}
                            None => at = end,
                        }
                        at
                    }));
                }
                _ => out.extend((first..end).map(|row| {
                    let key = self.key(row);
                    let wanted = key.and_then(&target);
                    if key.is_some() && wanted.is_none() {
                        at = if back { at } else { end };
                    } else {
                        while at < end && !past(self.compare(self.key(at), wanted)) {
                            at += 1;
                        }
                    }
                    at
                })),
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

/// Shifts by months: to the same day of the month, or that month's last. An instant keeps its time of day.
fn shift(key: i64, distance: IntervalMonthDayNano, instant: bool, add: bool) -> Option<i64> {
    if !instant {
        return shift_day(i32::try_from(key).ok()?, distance, add);
    }
    let day = i32::try_from(key.div_euclid(MICROS_PER_DAY)).ok()?;
    let micros = distance.nanoseconds / 1000;
    let rest = key.rem_euclid(MICROS_PER_DAY) + if add { micros } else { -micros };
    shift_day(day, distance, add)?.checked_mul(MICROS_PER_DAY)?.checked_add(rest)
}

fn shift_day(day: i32, distance: IntervalMonthDayNano, add: bool) -> Option<i64> {
    // 400 years have 146,097 days; within a few millennia this arithmetic replaces the calendar library, about ten times as fast.
    if (-1_000_000..1_000_000).contains(&day) && distance.months < 12_000 && distance.days < 1_000_000 {
        let sign = if add { 1 } else { -1 };
        let (month, of_month) = month_of(i64::from(day));
        let first = first_day(month + sign * i64::from(distance.months));
        let length = first_day(month + sign * i64::from(distance.months) + 1) - first;
        return Some(first + of_month.min(length - 1) + sign * i64::from(distance.days));
    }
    let whole = IntervalMonthDayNano::new(distance.months, distance.days, 0);
    let shifted = if add {
        Date32Type::add_month_day_nano_opt(day, whole)
    } else {
        Date32Type::subtract_month_day_nano_opt(day, whole)
    };
    shifted.map(i64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_as_arrow_counts_them() {
        // A step that reaches every day of the month in every month, leap years included.
        for day in (-1_000_000..1_000_000).step_by(37).chain(10_000..12_000) {
            for (months, days) in [(0, 3), (1, 0), (2, 31), (11, 1), (12, 0), (13, 0), (4801, 70)] {
                let distance = IntervalMonthDayNano::new(months, days, 0);
                let later = Date32Type::add_month_day_nano_opt(day, distance).map(i64::from);
                let earlier = Date32Type::subtract_month_day_nano_opt(day, distance).map(i64::from);
                assert_eq!(shift_day(day, distance, true), later, "{day} + {months} months {days} days");
                assert_eq!(shift_day(day, distance, false), earlier, "{day} - {months} months {days} days");
            }
        }
    }
}
