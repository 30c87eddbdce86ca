//! Functions of place: the number of a row, and the value of another row. The latter find row numbers and then take the values, so
//! they work for every type.

use std::sync::Arc;

use arrow::array::builder::NullBufferBuilder;
use arrow::array::{ArrayRef, UInt32Array, UInt64Array};
use arrow::buffer::NullBuffer;
use arrow::compute::interleave;
use datafusion::common::Result;

use crate::sql::budget::taken;
use crate::sql::frames::bounds::Bounds;
use crate::sql::frames::slide::seen;
use crate::sql::frames::spans;

pub(super) fn row_number(partitions: &[u32]) -> ArrayRef {
    let numbers = spans(partitions).flat_map(|(first, end)| 1..=u64::from(end - first));
    Arc::new(UInt64Array::from_iter_values(numbers))
}

/// Peers share a number: that of their first row or, if `dense`, of their group.
pub(super) fn rank(partitions: &[u32], groups: &[u32], dense: bool) -> ArrayRef {
    let mut numbers = Vec::with_capacity(partitions.last().map_or(0, |rows| *rows as usize));
    let mut partitions = partitions.iter().copied().peekable();
    let (mut partition, mut group) = (0, 0);
    for (first, end) in spans(groups) {
        if let Some(next) = partitions.next_if_eq(&first) {
            (partition, group) = (next, 0);
        }
        group += 1;
        let number = if dense { group } else { u64::from(first - partition) + 1 };
        numbers.extend(std::iter::repeat_n(number, (end - first) as usize));
    }
    Arc::new(UInt64Array::from(numbers))
}

/// The row `back` rows before, or after if negative, in the same partition.
pub(super) fn shift(partitions: &[u32], back: i64) -> UInt32Array {
    let count = partitions.last().map_or(0, |rows| *rows as usize);
    let mut rows = Vec::with_capacity(count);
    let mut nulls = NullBufferBuilder::new(count);
    for (first, end) in spans(partitions) {
        let away = u32::try_from(back.unsigned_abs()).unwrap_or(u32::MAX).min(end - first);
        let none = std::iter::repeat_n(0, away as usize);
        if back > 0 {
            nulls.append_n_nulls(away as usize);
            nulls.append_n_non_nulls((end - first - away) as usize);
            rows.extend(none.chain(first..end - away));
        } else {
            nulls.append_n_non_nulls((end - first - away) as usize);
            nulls.append_n_nulls(away as usize);
            rows.extend((first + away..end).chain(none));
        }
    }
    UInt32Array::new(rows.into(), nulls.finish())
}

/// The same, counting only rows with a value.
pub(super) fn shift_among_known(partitions: &[u32], back: i64, nulls: &NullBuffer) -> UInt32Array {
    let seen = seen(nulls);
    let known: Vec<u32> = nulls.valid_indices().map(|row| row as u32).collect();
    let mut rows = Vec::with_capacity(nulls.len());
    for (first, end) in spans(partitions) {
        rows.extend((first..end).map(|row| {
            // Rows with a value before this one; looking ahead, before the next one.
            let passed = if back > 0 { seen[row as usize] } else { seen[row as usize + 1] };
            let at = i64::from(passed) - back - i64::from(back < 0);
            let found = usize::try_from(at).ok().and_then(|at| known.get(at));
            found.copied().filter(|found| (first..end).contains(found))
        }));
    }
    UInt32Array::from(rows)
}

/// The nth row of each frame, from its end if negative; with `nulls`, of the rows that have a value.
pub(super) fn nth(bounds: &Bounds, n: i64, nulls: Option<&NullBuffer>) -> UInt32Array {
    let frames = bounds.start.iter().zip(&bounds.end).map(|(start, end)| (i64::from(*start), i64::from(*end)));
    let within = |start: i64, end: i64| {
        let at = if n > 0 { start + n - 1 } else { end + n };
        (start..end).contains(&at).then_some(at)
    };
    match nulls {
        None => frames.map(|(start, end)| within(start, end).map(|row| row as u32)).collect(),
        Some(nulls) => {
            let seen = seen(nulls);
            let known: Vec<u32> = nulls.valid_indices().map(|row| row as u32).collect();
            let among = |start: i64, end: i64| within(seen[start as usize].into(), seen[end as usize].into());
            frames.map(|(start, end)| among(start, end).and_then(|at| known.get(at as usize).copied())).collect()
        }
    }
}

/// Values by row numbers; null or the default where there is no row.
pub(super) fn values(of: &ArrayRef, rows: &UInt32Array, default: Option<&ArrayRef>) -> Result<ArrayRef> {
    match default {
        None => taken(of, rows),
        Some(default) => {
            let places: Vec<(usize, usize)> =
                rows.iter().map(|row| row.map_or((1, 0), |row| (0, row as usize))).collect();
            Ok(interleave(&[of.as_ref(), default.as_ref()], &places)?)
        }
    }
}
