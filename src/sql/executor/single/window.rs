//! Windows over few rows: each frame is walked, from where the previous one ended if possible.

use arrow::datatypes::{DataType, Schema};
use datafusion::common::{Result, internal_err};

use crate::sql::cells::{Arena, Cells, Rows, Values};
use crate::sql::column::NO_ROW;
use crate::sql::executor::expr::Expr;
use crate::sql::executor::single::{SingleRun, same};
use crate::sql::executor::window::Window;
use crate::sql::frames::{Along, Bounds, Edge, Frame, FramePlan, Function, Unit, boundaries};
use crate::sql::source::is_number;

/// Beyond this many rows, walking each frame costs more than the one pass over arrays.
const MOST_ROWS: usize = 128;

/// The window expressions of an operator.
pub struct SingleWindow {
    columns: Vec<Column>,
    frames: Vec<Frame>,
}

struct Column {
    function: Function,
    of: Option<Expr>,
    frame: usize,
}

impl SingleWindow {
    /// `None` if a function or frame needs arrays: ranks, means, distances along a key, defaults.
    pub fn new(plan: &FramePlan, input: &Schema) -> Result<Option<SingleWindow>> {
        let mut columns = Vec::new();
        for column in plan.columns() {
            let ty = column.of.as_ref().map(|of| of.data_type(input)).transpose()?;
            let is_plain = |ty: &DataType| *ty == DataType::Utf8 || is_number(ty);
            let is_single = match (&column.function, &ty) {
                (Function::RowNumber | Function::Count { .. } | Function::Nth { .. }, _) => true,
                (Function::Shift { default, .. }, _) => default.is_none(),
                (Function::Sum, Some(ty)) => *ty == DataType::Int64 && column.gives == DataType::Int64,
                (Function::Min | Function::Max | Function::All | Function::Any, Some(ty)) => {
                    is_plain(ty) && column.gives == *ty
                }
                _ => false,
            };
            if !is_single {
                return Ok(None);
            }
            let of = column.of.as_ref().map(|of| Expr::new(of, input)).transpose()?;
            columns.push(Column { function: column.function.clone(), of, frame: column.along });
        }
        let frames = plan.frames().to_vec();
        let is_of_rows = frames.iter().all(|frame| frame.unit == Unit::Rows || is_whole(frame));
        Ok(is_of_rows.then_some(SingleWindow { columns, frames }))
    }
}

fn is_whole(frame: &Frame) -> bool {
    frame.start == Edge::Unbounded && frame.end == Edge::Unbounded
}

impl Window {
    pub fn single<'a>(&'a self, run: &SingleRun<'_, 'a>) -> Result<Rows<'a>> {
        let (input, arena) = (self.input().single(run)?, run.arena);
        if input.count == 0 {
            return Ok(Rows::NONE);
        }
        let keys = arena.try_slice(self.partition_by.iter().map(|key| key.cells(&input, arena)))?;
        let is_plain = !keys.iter().any(|cells| cells.is_array());
        let over_arrays = || Rows::of_batch(&self.beside(input.batch(&self.input().schema)?)?, arena);
        let Some(single) = self.single.as_ref().filter(|_| is_plain && input.count <= MOST_ROWS) else {
            return over_arrays();
        };
        let of = |column: &'a Column| column.of.as_ref().map(|of| of.cells(&input, arena)).transpose();
        let values = single.columns.iter().map(of).collect::<Result<Vec<_>>>()?;
        // Numbers that do not fit 64 bits.
        if values.iter().flatten().any(|cells| cells.is_array()) {
            return over_arrays();
        }
        let is_first = |row: usize| row == 0 || !keys.iter().all(|cells| same(*cells, row - 1, *cells, row));
        let partitions = boundaries(&(0..input.count).map(is_first).collect::<Vec<_>>());
        let along = Along { partitions: &partitions, groups: &[], keys: None };
        let bounds: Vec<Bounds> = single.frames.iter().map(|frame| along.bounds(frame)).collect();
        // Functions of place have no frame.
        let none = Bounds { start: Vec::new(), end: Vec::new() };
        let mut columns = Vec::with_capacity(single.columns.len());
        for (column, of) in single.columns.iter().zip(values) {
            columns.push(column.cells(of, &partitions, bounds.get(column.frame).unwrap_or(&none), arena)?);
        }
        Ok(input.beside(&columns, arena))
    }
}

impl Column {
    fn cells<'a>(
        &self,
        of: Option<Cells<'a>>,
        partitions: &[u32],
        bounds: &Bounds,
        arena: &'a Arena,
    ) -> Result<Cells<'a>> {
        let rows = partitions.last().map_or(0, |rows| *rows as usize);
        let is_known = |row: u32| of.is_none_or(|of| !of.is_null(row as usize));
        let picked = |of: Cells<'a>, rows: Vec<u32>| {
            let picked = arena.pick(std::iter::once(of), arena.slice(rows.into_iter()));
            picked.last().unwrap_or(of)
        };
        Ok(match (&self.function, of) {
            (Function::RowNumber, _) => {
                let numbers = partitions.windows(2).flat_map(|ends| 1..=i64::from(ends[1] - ends[0]));
                arena.numbers(numbers.map(Some).collect::<Vec<_>>().into_iter())
            }
            (Function::Shift { back, ignore_nulls, .. }, Some(of)) => {
                let counts = |row: &u32| !ignore_nulls || is_known(*row);
                let away = back.unsigned_abs() as usize - 1;
                let mut found = Vec::with_capacity(rows);
                for ends in partitions.windows(2) {
                    let shifted = |row: u32| match *back > 0 {
                        true => (ends[0]..row).rev().filter(counts).nth(away),
                        false => (row + 1..ends[1]).filter(counts).nth(away),
                    };
                    found.extend((ends[0]..ends[1]).map(|row| shifted(row).unwrap_or(NO_ROW)));
                }
                picked(of, found)
            }
            (Function::Nth { n, ignore_nulls }, Some(of)) => {
                let counts = |row: &u32| !ignore_nulls || is_known(*row);
                let away = n.unsigned_abs() as usize - 1;
                let nth = |row: usize| {
                    let mut frame = (bounds.start[row]..bounds.end[row]).filter(counts);
                    if *n > 0 { frame.nth(away) } else { frame.nth_back(away) }.unwrap_or(NO_ROW)
                };
                picked(of, (0..rows).map(nth).collect())
            }
            (Function::Count { .. }, _) => {
                let count = |row: usize| (bounds.start[row]..bounds.end[row]).filter(|row| is_known(*row)).count();
                arena.numbers((0..rows).map(|row| Some(count(row) as i64)))
            }
            (function, Some(of)) => match (function, of.values) {
                (Function::Sum, Values::Numbers(_)) => {
                    arena.numbers(folded(|row| of.number(row), bounds, i64::wrapping_add).into_iter())
                }
                (Function::Min | Function::All, Values::Numbers(_)) => {
                    arena.numbers(folded(|row| of.number(row), bounds, i64::min).into_iter())
                }
                (Function::Max | Function::Any, Values::Numbers(_)) => {
                    arena.numbers(folded(|row| of.number(row), bounds, i64::max).into_iter())
                }
                (Function::Min, Values::Texts(_)) => {
                    arena.texts(folded(|row| of.text(row), bounds, <&str>::min).into_iter())
                }
                (Function::Max, Values::Texts(_)) => {
                    arena.texts(folded(|row| of.text(row), bounds, <&str>::max).into_iter())
                }
                (other, _) => return internal_err!("{other:?} over few rows"),
            },
            (other, None) => return internal_err!("{other:?} of nothing"),
        })
    }
}

/// Folds the values of each frame; null if it has none.
fn folded<T: Copy>(value: impl Fn(usize) -> Option<T>, bounds: &Bounds, put: impl Fn(T, T) -> T) -> Vec<Option<T>> {
    let mut found = vec![None; bounds.start.len()];
    // The previous frame: its begin, its end, its result.
    let (mut from, mut to, mut all) = (0, 0, None);
    let add = |all: Option<T>, rows: std::ops::Range<usize>| {
        rows.filter_map(&value).fold(all, |all, value| Some(all.map_or(value, |all| put(all, value))))
    };
    // If all frames end at the same row, walk backwards.
    let is_backwards = bounds.end.first() == bounds.end.last();
    for step in 0..found.len() {
        let row = if is_backwards { found.len() - 1 - step } else { step };
        let (start, end) = (bounds.start[row] as usize, bounds.end[row].max(bounds.start[row]) as usize);
        all = match (start == from && end >= to, end == to && start <= from) {
            (true, _) => add(all, to..end),
            (false, true) => add(all, start..from),
            (false, false) => add(None, start..end),
        };
        (from, to) = (start, end);
        found[row] = all;
    }
    found
}
