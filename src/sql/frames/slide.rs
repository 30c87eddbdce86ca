//! Aggregates over frames, in one pass over all rows and all partitions.
//!
//! Counts and sums of whole numbers are differences of running totals: with wrapping arithmetic these are exact, and equal to
//! adding what enters a frame and subtracting what leaves it. That is what DataFusion does, overflow included.
//!
//! All other aggregates never subtract. [`slide`] cuts each frame in two at the end of a former frame: the part before the cut has
//! been merged from the cut backwards and is looked up; the part after it has been merged as it came. So a row costs about two
//! merges however wide the frames are, extremes need no ordered queue, and a sum or deviation of floats depends on the frame's own
//! values alone: no value that has left the frame affects the last digits, as it does with adding and subtracting.

use std::sync::Arc;

use arrow::array::builder::NullBufferBuilder;
use arrow::array::{
    Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, AsArray, BooleanArray, Int64Array, PrimitiveArray,
    UInt32Array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt64Type,
};
use datafusion::common::{Result, internal_err};

use crate::sql::budget::taken;
use crate::sql::frames::bounds::Bounds;
use crate::sql::frames::spans;

/// The frames that an aggregate is computed over.
pub(super) struct Frames<'a> {
    pub partitions: &'a [u32],
    pub bounds: &'a Bounds,
}

impl Frames<'_> {
    fn rows(&self) -> usize {
        self.bounds.start.len()
    }

    fn iter(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let ends = self.bounds.start.iter().zip(&self.bounds.end);
        ends.map(|(start, end)| (*start as usize, (*end).max(*start) as usize))
    }

    /// The number of rows in each frame that have a value.
    pub fn count(&self, values: Option<&ArrayRef>) -> ArrayRef {
        let nulls = values.and_then(|values| values.logical_nulls()).filter(|nulls| nulls.null_count() > 0);
        let counts: Vec<i64> = match nulls {
            None => self.iter().map(|(start, end)| (end - start) as i64).collect(),
            Some(nulls) => {
                let seen = seen(&nulls);
                self.iter().map(|(start, end)| i64::from(seen[end] - seen[start])).collect()
            }
        };
        Arc::new(Int64Array::from(counts))
    }

    pub fn sum(&self, values: &ArrayRef, gives: &DataType) -> Result<ArrayRef> {
        match values.data_type() {
            DataType::Int64 => Ok(Arc::new(self.sum_of_whole::<Int64Type>(values))),
            DataType::Decimal128(..) => {
                Ok(Arc::new(self.sum_of_whole::<Decimal128Type>(values).with_data_type(gives.clone())))
            }
            DataType::Float64 => {
                Ok(Arc::new(self.moments(values, |moments| (moments.count > 0.0).then_some(moments.sum))))
            }
            other => internal_err!("no sum of {other}"),
        }
    }

    /// Differences of the running total.
    fn sum_of_whole<T: ArrowPrimitiveType>(&self, values: &ArrayRef) -> PrimitiveArray<T> {
        let values = values.as_primitive::<T>();
        let nulls = values.nulls().filter(|nulls| nulls.null_count() > 0);
        let mut total = T::Native::ZERO;
        let mut totals = Vec::with_capacity(values.len() + 1);
        totals.push(total);
        for (row, value) in values.values().iter().enumerate() {
            if nulls.is_none_or(|nulls| nulls.is_valid(row)) {
                total = total.add_wrapping(*value);
            }
            totals.push(total);
        }
        let sums: Vec<T::Native> = self.iter().map(|(start, end)| totals[end].sub_wrapping(totals[start])).collect();
        PrimitiveArray::new(sums.into(), self.known(nulls))
    }

    /// Which frames have a value; `None` if all do.
    fn known(&self, nulls: Option<&NullBuffer>) -> Option<NullBuffer> {
        let Bounds { start, end } = self.bounds;
        let known = match nulls.filter(|nulls| nulls.null_count() > 0).map(seen) {
            None => BooleanBuffer::collect_bool(start.len(), |row| start[row] < end[row]),
            Some(seen) => BooleanBuffer::collect_bool(start.len(), |row| {
                start[row] < end[row] && seen[start[row] as usize] < seen[end[row] as usize]
            }),
        };
        Some(NullBuffer::new(known)).filter(|known| known.null_count() > 0)
    }

    pub fn mean(&self, values: &ArrayRef) -> ArrayRef {
        Arc::new(self.moments(values, |moments| (moments.count > 0.0).then_some(moments.sum / moments.count)))
    }

    /// The sample standard deviation; null for a single value.
    pub fn deviation(&self, values: &ArrayRef) -> ArrayRef {
        let floats = values.as_primitive::<Float64Type>();
        let mut out = Built::<Float64Type>::new(self.rows());
        let at = |row: usize| {
            if floats.is_null(row) {
                Spread::NONE
            } else {
                Spread { count: 1.0, mean: floats.value(row), squares: 0.0 }
            }
        };
        slide(self, Spread::NONE, at, Spread::merge, |spread| {
            out.push((spread.count > 1.0).then(|| (spread.squares / (spread.count - 1.0)).sqrt()));
        });
        Arc::new(out.finish())
    }

    fn moments(&self, values: &ArrayRef, of: impl Fn(Moments) -> Option<f64>) -> PrimitiveArray<Float64Type> {
        let values = values.as_primitive::<Float64Type>();
        let mut out = Built::<Float64Type>::new(self.rows());
        let none = Moments { count: 0.0, sum: 0.0 };
        let at = |row: usize| {
            if values.is_null(row) { none } else { Moments { count: 1.0, sum: values.value(row) } }
        };
        let merge =
            |left: Moments, right: Moments| Moments { count: left.count + right.count, sum: left.sum + right.sum };
        slide(self, none, at, merge, |moments| out.push(of(moments)));
        out.finish()
    }

    /// The least value, or the greatest.
    pub fn extreme(&self, values: &ArrayRef, greatest: bool) -> Result<ArrayRef> {
        Ok(match values.data_type() {
            DataType::Boolean => self.boolean(values, greatest),
            DataType::Utf8 => self.text(values, greatest)?,
            DataType::Int8 => self.number::<Int8Type>(values, greatest),
            DataType::Int16 => self.number::<Int16Type>(values, greatest),
            DataType::Int32 => self.number::<Int32Type>(values, greatest),
            DataType::Int64 => self.number::<Int64Type>(values, greatest),
            DataType::UInt64 => self.number::<UInt64Type>(values, greatest),
            DataType::Float64 => self.number::<Float64Type>(values, greatest),
            DataType::Date32 => self.number::<Date32Type>(values, greatest),
            DataType::Timestamp(TimeUnit::Second, _) => self.number::<TimestampSecondType>(values, greatest),
            DataType::Timestamp(TimeUnit::Millisecond, _) => self.number::<TimestampMillisecondType>(values, greatest),
            DataType::Timestamp(TimeUnit::Microsecond, _) => self.number::<TimestampMicrosecondType>(values, greatest),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => self.number::<TimestampNanosecondType>(values, greatest),
            DataType::Decimal128(..) => self.number::<Decimal128Type>(values, greatest),
            other => return internal_err!("no extreme of {other}"),
        })
    }

    /// Floats in their total order, as in DataFusion. A null takes the last place in the order, so it needs no check; frames with
    /// only nulls are found by counting.
    fn number<T: ArrowPrimitiveType>(&self, values: &ArrayRef, greatest: bool) -> ArrayRef {
        let values = values.as_primitive::<T>();
        let nulls = values.nulls().filter(|nulls| nulls.null_count() > 0);
        let last = if greatest { T::Native::MIN_TOTAL_ORDER } else { T::Native::MAX_TOTAL_ORDER };
        let numbers = values.values();
        let at = |row: usize| if nulls.is_none_or(|nulls| nulls.is_valid(row)) { numbers[row] } else { last };
        let mut out: Vec<T::Native> = Vec::with_capacity(self.rows());
        // Two loops, so that neither checks at each row which extreme is wanted.
        if greatest {
            slide(self, last, at, |a, b| if b.is_gt(a) { b } else { a }, |number| out.push(number));
        } else {
            slide(self, last, at, |a, b| if b.is_lt(a) { b } else { a }, |number| out.push(number));
        }
        let out = PrimitiveArray::<T>::new(out.into(), self.known(nulls));
        Arc::new(out.with_data_type(values.data_type().clone()))
    }

    /// False sorts before true: "all are true" is the least value, "any is true" the greatest.
    fn boolean(&self, values: &ArrayRef, greatest: bool) -> ArrayRef {
        let values = values.as_boolean();
        let at = |row: usize| values.is_valid(row).then(|| values.value(row));
        let mut out = Vec::with_capacity(self.rows());
        slide(
            self,
            None,
            at,
            |left, right| better(left, right, |a, b| a != b && a == greatest),
            |value| out.push(value),
        );
        Arc::new(BooleanArray::from(out))
    }

    /// Texts are not copied until their rows are known.
    fn text(&self, values: &ArrayRef, greatest: bool) -> Result<ArrayRef> {
        let texts = values.as_string::<i32>();
        let at = |row: usize| texts.is_valid(row).then_some(row as u32);
        let is_better = |a: u32, b: u32| {
            let (a, b) = (texts.value(a as usize), texts.value(b as usize));
            if greatest { a > b } else { a < b }
        };
        let mut rows = Vec::with_capacity(self.rows());
        slide(self, None, at, |left, right| better(left, right, is_better), |row| rows.push(row));
        taken(values, &UInt32Array::from(rows))
    }
}

/// By row: how many rows before it have a value.
pub(super) fn seen(nulls: &NullBuffer) -> Vec<u32> {
    let mut count = 0;
    let mut seen = Vec::with_capacity(nulls.len() + 1);
    seen.push(0);
    for known in nulls.iter() {
        count += u32::from(known);
        seen.push(count);
    }
    seen
}

fn better<V: Copy>(left: Option<V>, right: Option<V>, is_better: impl Fn(V, V) -> bool) -> Option<V> {
    match (left, right) {
        (Some(a), Some(b)) => Some(if is_better(b, a) { b } else { a }),
        (Some(_), None) => left,
        _ => right,
    }
}

/// The number of values and their total.
#[derive(Clone, Copy)]
struct Moments {
    count: f64,
    sum: f64,
}

/// Number, mean, and sum of the squared distances from it.
#[derive(Clone, Copy)]
struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    const NONE: Spread = Spread { count: 0.0, mean: 0.0, squares: 0.0 };

    /// Chan, Golub and LeVeque (1979): avoids differences of large squares.
    fn merge(left: Spread, right: Spread) -> Spread {
        if left.count == 0.0 {
            return right;
        }
        if right.count == 0.0 {
            return left;
        }
        let count = left.count + right.count;
        let apart = right.mean - left.mean;
        Spread {
            count,
            mean: left.mean + apart * (right.count / count),
            squares: left.squares + right.squares + apart * apart * (left.count * right.count / count),
        }
    }
}

/// Merges the values of each frame, in the order of its rows, and passes the result to `give`.
fn slide<V: Copy>(
    frames: &Frames<'_>,
    none: V,
    at: impl Fn(usize) -> V,
    merge: impl Fn(V, V) -> V,
    mut give: impl FnMut(V),
) {
    let Bounds { start: starts, end: ends } = frames.bounds;
    // For each row before the cut: the merge from that row to the cut. Made when a frame first drops a row.
    let mut before: Vec<V> = Vec::new();
    for (first, end) in spans(frames.partitions) {
        let (first, end) = (first as usize, end as usize);
        let (mut cut, mut next, mut after) = (first, first, none);
        for (start, end) in starts[first..end].iter().zip(&ends[first..end]) {
            let (start, end) = (*start as usize, *end as usize);
            if start >= end {
                give(none);
                continue;
            }
            while next < end {
                after = merge(after, at(next));
                next += 1;
            }
            if start > cut {
                before.resize(frames.rows(), none);
                cut = next;
                after = none;
                let mut merged = none;
                for row in (start..cut).rev() {
                    merged = merge(at(row), merged);
                    before[row] = merged;
                }
            }
            give(if start < cut { merge(before[start], after) } else { after });
        }
    }
}

/// Numbers of an array that is being built.
struct Built<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    nulls: NullBufferBuilder,
}

impl<T: ArrowPrimitiveType> Built<T> {
    fn new(rows: usize) -> Built<T> {
        Built { values: Vec::with_capacity(rows), nulls: NullBufferBuilder::new(rows) }
    }

    fn push(&mut self, value: Option<T::Native>) {
        self.values.push(value.unwrap_or_default());
        self.nulls.append(value.is_some());
    }

    fn finish(mut self) -> PrimitiveArray<T> {
        PrimitiveArray::new(self.values.into(), self.nulls.finish())
    }
}
