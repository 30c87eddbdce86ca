//! Columns as rows picked from plain slices, in an arena that is freed as a whole.
//!
//! As with arrays, selecting or reordering rows keeps the values and only changes the row numbers, which columns that were picked
//! together share.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray, new_empty_array};
use arrow::datatypes::{DataType, SchemaRef};
use bumpalo::Bump;
use datafusion::common::{Result, internal_err};

use crate::sql::budget::{make, taken};
use crate::sql::column::{Batch, Column, NO_ROW, nullable};
use crate::sql::source::{NotCovered, Source, is_number, numbers};

/// Memory for the cells, texts and arrays of one call.
#[derive(Default)]
pub struct Arena {
    cells: Bump,
    arrays: typed_arena::Arena<ArrayRef>,
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Cells<'a> {
    pub(super) values: Values<'a>,
    /// Which of the values to pick, [`NO_ROW`] for null; `None`: all, in their order.
    pub(super) rows: Option<&'a [u32]>,
}

/// Values that columns pick from.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// Whole numbers, booleans (0, 1), days, and instants in the column's unit.
    Numbers(&'a [Option<i64>]),
    Texts(&'a [Option<&'a str>]),
    /// Values of any other type.
    Array(&'a ArrayRef),
}

/// Rows of several columns. If there are no rows, the columns may be missing.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    pub count: usize,
    pub columns: &'a [Cells<'a>],
}

/// Rows that are the same in every call.
#[derive(Debug)]
pub struct Fixed {
    count: usize,
    columns: Vec<FixedColumn>,
}

#[derive(Debug)]
enum FixedColumn {
    Numbers(Vec<Option<i64>>),
    Array(ArrayRef),
}

impl Arena {
    pub fn slice<T: Copy>(&self, values: impl ExactSizeIterator<Item = T>) -> &[T] {
        self.cells.alloc_slice_fill_iter(values)
    }

    pub fn try_slice<T: Copy>(&self, values: impl ExactSizeIterator<Item = Result<T>>) -> Result<&[T]> {
        Ok(self.cells.alloc_slice_try_fill_iter(values)?)
    }

    /// Collects the values of an expression; `None` if one of them is not covered by row-by-row evaluation.
    pub fn found<T: Copy>(&self, values: impl ExactSizeIterator<Item = Result<T, NotCovered>>) -> Option<&[T]> {
        self.cells.alloc_slice_try_fill_iter(values).ok().map(|values| &*values)
    }

    pub fn text(&self, text: &str) -> &str {
        self.cells.alloc_str(text)
    }

    pub fn numbers(&self, numbers: impl ExactSizeIterator<Item = Option<i64>>) -> Cells<'_> {
        Cells::of_numbers(self.slice(numbers))
    }

    pub fn texts<'a>(&'a self, texts: impl ExactSizeIterator<Item = Option<&'a str>>) -> Cells<'a> {
        Cells::of_texts(self.slice(texts))
    }

    /// The values of an array.
    pub fn cells_of(&self, array: ArrayRef) -> Cells<'_> {
        let array = self.arrays.alloc(array);
        let rows = array.len();
        let whole = Cells { values: Values::Array(array), rows: None };
        let Some(source) = Source::of(array, None) else { return whole };
        if array.data_type() == &DataType::Utf8 {
            return self.texts((0..rows).map(|at| source.text(at)));
        }
        // Numbers that do not fit an `i64` stay in the array.
        let numbers = self.found((0..rows).map(|at| source.number(at)));
        numbers.map_or(whole, Cells::of_numbers)
    }

    /// Picks rows of columns, some of which were picked together; [`NO_ROW`] gives null.
    pub fn pick<'a>(
        &'a self,
        columns: impl ExactSizeIterator<Item = Cells<'a>>,
        rows: &'a [u32],
    ) -> impl ExactSizeIterator<Item = Cells<'a>> {
        let mut known: Vec<(*const u32, &'a [u32])> = Vec::new();
        columns.map(move |cells| {
            let Some(own) = cells.rows else { return Cells { rows: Some(rows), ..cells } };
            let same = known.iter().find(|(place, _)| *place == own.as_ptr()).map(|(_, then)| *then);
            let then = same.unwrap_or_else(|| {
                let then = |row: &u32| own.get(*row as usize).copied().unwrap_or(NO_ROW);
                let then = self.slice(rows.iter().map(then));
                known.push((own.as_ptr(), then));
                then
            });
            Cells { rows: Some(then), ..cells }
        })
    }
}

/// Row numbers for `count` rows that all pick the first value.
fn zeros(count: usize, arena: &Arena) -> &[u32] {
    static ZEROS: [u32; 64] = [0; 64];
    ZEROS.get(..count).unwrap_or_else(|| arena.slice(std::iter::repeat_n(0, count)))
}

impl<'a> Cells<'a> {
    /// The cells of a column that no plan reads.
    pub const NONE: Cells<'static> = Cells { values: Values::Numbers(&[]), rows: None };

    pub fn of_numbers(numbers: &'a [Option<i64>]) -> Cells<'a> {
        Cells { values: Values::Numbers(numbers), rows: None }
    }

    pub fn of_texts(texts: &'a [Option<&'a str>]) -> Cells<'a> {
        Cells { values: Values::Texts(texts), rows: None }
    }

    /// No values of a type, for columns of nulls.
    pub fn empty(ty: &DataType, arena: &'a Arena) -> Cells<'a> {
        let values = match ty {
            DataType::Utf8 => Values::Texts(&[]),
            ty if is_number(ty) => Values::Numbers(&[]),
            ty => Values::Array(arena.arrays.alloc(new_empty_array(ty))),
        };
        Cells { values, rows: None }
    }

    /// The first value, `count` times.
    pub fn repeated(self, count: usize, arena: &'a Arena) -> Cells<'a> {
        Cells { rows: Some(zeros(count, arena)), ..self }
    }

    pub fn is_array(self) -> bool {
        matches!(self.values, Values::Array(_))
    }

    /// The index of a row's value; beyond all values if the row has none.
    fn place(self, row: usize) -> usize {
        self.rows.map_or(row, |rows| rows[row] as usize)
    }

    /// A row's number; `None` if it is null or the column holds no numbers.
    #[inline]
    pub fn number(self, row: usize) -> Option<i64> {
        match self.values {
            Values::Numbers(numbers) => numbers.get(self.place(row)).copied().flatten(),
            _ => None,
        }
    }

    #[inline]
    pub fn text(self, row: usize) -> Option<&'a str> {
        match self.values {
            Values::Texts(texts) => texts.get(self.place(row)).copied().flatten(),
            _ => None,
        }
    }

    pub fn is_null(self, row: usize) -> bool {
        match self.values {
            Values::Numbers(_) => self.number(row).is_none(),
            Values::Texts(_) => self.text(row).is_none(),
            Values::Array(array) => {
                let place = self.place(row);
                array.data_type() == &DataType::Null || place >= array.len() || array.is_null(place)
            }
        }
    }

    /// For reading single rows; `None` for an array of neither numbers nor texts.
    pub fn source(self) -> Option<Source<'a>> {
        match self.values {
            Values::Numbers(numbers) => Some(Source::of_numbers(numbers, self.rows)),
            Values::Texts(texts) => Some(Source::of_texts(texts, self.rows)),
            Values::Array(array) => Source::of(array, None).map(|source| source.picked(self.rows)),
        }
    }

    /// `count` rows as an array of type `ty`, which must be the column's.
    pub fn to_array(self, count: usize, ty: &DataType) -> Result<ArrayRef> {
        match (self.values, self.rows) {
            (Values::Array(array), None) => Ok(ArrayRef::clone(array)),
            (Values::Array(array), Some(rows)) => taken(array, nullable(rows.to_vec()).rows()),
            (Values::Texts(_), _) => {
                make((0..count).map(|row| self.text(row).map_or(0, |text| text.len() as u64)).sum())?;
                Ok(Arc::new((0..count).map(|row| self.text(row)).collect::<StringArray>()))
            }
            (Values::Numbers(_), _) => match numbers(ty, (0..count).map(|row| Ok(self.number(row)))) {
                Some(array) => Ok(array),
                None => internal_err!("numbers that are no {ty}"),
            },
        }
    }
}

impl<'a> Rows<'a> {
    pub const NONE: Rows<'static> = Rows { count: 0, columns: &[] };

    /// Some of the columns.
    pub fn project(&self, columns: &[usize], arena: &'a Arena) -> Rows<'a> {
        Rows { count: self.count, columns: arena.slice(columns.iter().map(|at| self.columns[*at])) }
    }

    pub fn pick(&self, rows: &[u32], arena: &'a Arena) -> Rows<'a> {
        let at = arena.slice(rows.iter().copied());
        Rows { count: rows.len(), columns: arena.slice(arena.pick(self.columns.iter().copied(), at)) }
    }

    /// The given rows, which must be in ascending order.
    pub fn keep(&self, rows: &[u32], arena: &'a Arena) -> Rows<'a> {
        match rows.len() {
            0 => Rows::NONE,
            all if all == self.count => *self,
            _ => self.pick(rows, arena),
        }
    }

    /// The rows with further columns.
    pub fn beside(&self, columns: &[Cells<'a>], arena: &'a Arena) -> Rows<'a> {
        let mut all = bumpalo::collections::Vec::with_capacity_in(self.columns.len() + columns.len(), &arena.cells);
        all.extend_from_slice_copy(self.columns);
        all.extend_from_slice_copy(columns);
        Rows { count: self.count, columns: all.into_bump_slice() }
    }

    pub fn of_batch(batch: &Batch, arena: &'a Arena) -> Result<Rows<'a>> {
        if batch.rows == 0 {
            return Ok(Rows::NONE);
        }
        let columns = arena.try_slice(batch.columns.iter().map(|column| Ok(arena.cells_of(column.array()?))))?;
        Ok(Rows { count: batch.rows, columns })
    }

    /// The rows as arrays.
    pub fn batch(&self, schema: &SchemaRef) -> Result<Batch> {
        if self.count == 0 {
            return Ok(Batch::empty(schema));
        }
        let columns = self.columns.iter().zip(schema.fields());
        let columns = columns.map(|(cells, field)| cells.to_array(self.count, field.data_type()).map(Column::new));
        Ok(Batch { rows: self.count, columns: columns.collect::<Result<_>>()? })
    }

    /// The same; `None` without rows.
    pub fn record_batch(&self, schema: &SchemaRef) -> Result<Option<RecordBatch>> {
        if self.count == 0 { Ok(None) } else { self.batch(schema)?.to_record_batch(schema).map(Some) }
    }
}

impl Fixed {
    pub fn of(batch: &Batch) -> Result<Fixed> {
        let column = |column: &Column| -> Result<FixedColumn> {
            let array = column.array()?;
            let source = Source::of(&array, None).filter(|_| array.data_type() != &DataType::Utf8);
            let numbers = source.and_then(|source| (0..array.len()).map(|at| source.number(at).ok()).collect());
            Ok(numbers.map_or(FixedColumn::Array(array), FixedColumn::Numbers))
        };
        Ok(Fixed { count: batch.rows, columns: batch.columns.iter().map(column).collect::<Result<_>>()? })
    }

    pub fn rows<'a>(&'a self, arena: &'a Arena) -> Rows<'a> {
        let column = |column: &'a FixedColumn| match column {
            FixedColumn::Numbers(numbers) => Cells::of_numbers(numbers),
            FixedColumn::Array(array) => arena.cells_of(ArrayRef::clone(array)),
        };
        if self.count == 0 {
            return Rows::NONE;
        }
        Rows { count: self.count, columns: arena.slice(self.columns.iter().map(column)) }
    }
}
