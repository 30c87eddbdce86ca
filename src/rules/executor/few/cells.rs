//! Columns as slices, in memory that is given back as a whole.

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray, UInt32Array, new_null_array};
use arrow::compute::take;
use arrow::datatypes::{DataType, SchemaRef};
use bumpalo::Bump;
use datafusion::common::{Result, internal_err};

use crate::rules::executor::column::{Batch, Column};
use crate::rules::executor::direct::{Elsewhere, Source, is_number, numbers};
use crate::rules::executor::join::NO_ROW;

/// Where cells, texts and arrays of one call lie.
#[derive(Default)]
pub struct Arena {
    cells: Bump,
    arrays: typed_arena::Arena<ArrayRef>,
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub enum Cells<'a> {
    /// Whole numbers, truth values (0, 1), days, and instants in the column's unit.
    Numbers(&'a [Option<i64>]),
    Texts(&'a [Option<&'a str>]),
    /// Values of any other type.
    Array(&'a ArrayRef),
}

/// Rows of several columns. Without rows there may be no columns.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    pub count: usize,
    pub columns: &'a [Cells<'a>],
}

impl Arena {
    pub fn slice<T: Copy>(&self, values: impl ExactSizeIterator<Item = T>) -> &[T] {
        self.cells.alloc_slice_fill_iter(values)
    }

    pub fn try_slice<T: Copy>(&self, values: impl ExactSizeIterator<Item = Result<T>>) -> Result<&[T]> {
        Ok(self.cells.alloc_slice_try_fill_iter(values)?)
    }

    /// The values of an expression; `None` where it is not for our evaluation.
    pub fn found<T: Copy>(&self, values: impl ExactSizeIterator<Item = std::result::Result<T, Elsewhere>>) -> Option<&[T]> {
        self.cells.alloc_slice_try_fill_iter(values).ok().map(|values| &*values)
    }

    /// Slices one after another, `count` values in all.
    pub fn joined<'s, T: Copy + 's>(&self, count: usize, parts: impl Iterator<Item = &'s [T]>) -> &[T] {
        let mut all = bumpalo::collections::Vec::with_capacity_in(count, &self.cells);
        parts.for_each(|part| all.extend_from_slice_copy(part));
        all.into_bump_slice()
    }

    pub fn text(&self, text: &str) -> &str {
        self.cells.alloc_str(text)
    }

    pub fn array(&self, array: ArrayRef) -> &ArrayRef {
        self.arrays.alloc(array)
    }

    /// The values of an array.
    pub fn cells_of(&self, array: ArrayRef) -> Cells<'_> {
        let array = self.array(array);
        let rows = array.len();
        let Some(source) = Source::of(array, None) else { return Cells::Array(array) };
        if array.data_type() == &DataType::Utf8 {
            return Cells::Texts(self.slice((0..rows).map(|at| source.text(at))));
        }
        // What no i64 holds stays an array.
        match self.cells.alloc_slice_try_fill_with(rows, |at| source.number(at)) {
            Ok(numbers) => Cells::Numbers(numbers),
            Err(_) => Cells::Array(array),
        }
    }

    /// So many nulls of a type.
    pub fn nulls(&self, ty: &DataType, count: usize) -> Cells<'_> {
        match ty {
            DataType::Utf8 => Cells::Texts(self.slice(std::iter::repeat_n(None, count))),
            ty if is_number(ty) => Cells::Numbers(self.slice(std::iter::repeat_n(None, count))),
            ty => Cells::Array(self.array(new_null_array(ty, count))),
        }
    }
}

impl<'a> Cells<'a> {
    pub fn numbers(self) -> Option<&'a [Option<i64>]> {
        if let Cells::Numbers(numbers) = self { Some(numbers) } else { None }
    }

    pub fn texts(self) -> Option<&'a [Option<&'a str>]> {
        if let Cells::Texts(texts) = self { Some(texts) } else { None }
    }

    pub fn array(self) -> Option<&'a ArrayRef> {
        if let Cells::Array(array) = self { Some(array) } else { None }
    }

    pub fn is_null(self, row: usize) -> bool {
        match self {
            Cells::Numbers(numbers) => numbers[row].is_none(),
            Cells::Texts(texts) => texts[row].is_none(),
            Cells::Array(array) => array.data_type() == &DataType::Null || array.is_null(row),
        }
    }

    /// To be asked for one row; `None` for an array whose values are neither numbers nor texts.
    pub fn source(self) -> Option<Source<'a>> {
        match self {
            Cells::Numbers(numbers) => Some(Source::of_numbers(numbers)),
            Cells::Texts(texts) => Some(Source::of_texts(texts)),
            Cells::Array(array) => Source::of(array, None),
        }
    }

    /// As an array of a type, which is the column's.
    pub fn to_array(self, ty: &DataType) -> Result<ArrayRef> {
        match self {
            Cells::Array(array) => Ok(ArrayRef::clone(array)),
            Cells::Texts(texts) => Ok(std::sync::Arc::new(texts.iter().copied().collect::<StringArray>())),
            Cells::Numbers(values) => match numbers(ty, values.iter().copied().map(Ok)) {
                Some(array) => Ok(array),
                None => internal_err!("numbers that are no {ty}"),
            },
        }
    }

    pub fn pick(self, rows: &[u32], arena: &'a Arena) -> Result<Cells<'a>> {
        Ok(match self {
            Cells::Numbers(numbers) => Cells::Numbers(arena.slice(rows.iter().map(|row| numbers[*row as usize]))),
            Cells::Texts(texts) => Cells::Texts(arena.slice(rows.iter().map(|row| texts[*row as usize]))),
            Cells::Array(array) => Cells::Array(arena.array(take(array, &UInt32Array::from(rows.to_vec()), None)?)),
        })
    }

    /// The same with null where there is [`NO_ROW`].
    pub fn pick_or_null(self, rows: &[u32], arena: &'a Arena) -> Result<Cells<'a>> {
        Ok(match self {
            Cells::Numbers(numbers) => {
                Cells::Numbers(arena.slice(rows.iter().map(|row| numbers.get(*row as usize).copied().flatten())))
            }
            Cells::Texts(texts) => {
                Cells::Texts(arena.slice(rows.iter().map(|row| texts.get(*row as usize).copied().flatten())))
            }
            Cells::Array(array) => {
                let rows: UInt32Array = rows.iter().map(|row| Some(*row).filter(|row| *row != NO_ROW)).collect();
                Cells::Array(arena.array(take(array, &rows, None)?))
            }
        })
    }
}

impl<'a> Rows<'a> {
    pub const NONE: Rows<'static> = Rows { count: 0, columns: &[] };

    /// Some of its columns.
    pub fn project(&self, columns: &[usize], arena: &'a Arena) -> Rows<'a> {
        Rows { count: self.count, columns: arena.slice(columns.iter().map(|at| self.columns[*at])) }
    }

    pub fn pick(&self, rows: &[u32], arena: &'a Arena) -> Result<Rows<'a>> {
        let columns = arena.try_slice(self.columns.iter().map(|cells| cells.pick(rows, arena)))?;
        Ok(Rows { count: rows.len(), columns })
    }

    /// Those of its rows, which come in their order.
    pub fn keep(&self, rows: &[u32], arena: &'a Arena) -> Result<Rows<'a>> {
        match rows.len() {
            0 => Ok(Rows::NONE),
            all if all == self.count => Ok(*self),
            _ => self.pick(rows, arena),
        }
    }

    pub fn of_batch(batch: &Batch, arena: &'a Arena) -> Result<Rows<'a>> {
        if batch.rows == 0 {
            return Ok(Rows::NONE);
        }
        let columns = arena.try_slice(batch.columns.iter().map(|column| Ok(arena.cells_of(column.array()?))))?;
        Ok(Rows { count: batch.rows, columns })
    }

    /// As arrays; `None` without rows.
    pub fn record_batch(&self, schema: &SchemaRef) -> Result<Option<RecordBatch>> {
        if self.count == 0 { Ok(None) } else { self.batch(schema)?.to_record_batch(schema).map(Some) }
    }

    pub fn batch(&self, schema: &SchemaRef) -> Result<Batch> {
        if self.count == 0 {
            return Ok(Batch::empty(schema));
        }
        let columns = self.columns.iter().zip(schema.fields()).map(|(cells, field)| cells.to_array(field.data_type()));
        let columns = columns.map(|array| array.map(Column::new)).collect::<Result<_>>()?;
        Ok(Batch { rows: self.count, columns })
    }
}
