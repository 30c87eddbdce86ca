//! Columns as rows picked from arrays, and batches of such columns.

use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::Result;

use crate::sql::budget::taken;
use crate::sql::values;

/// Row numbers; null for a missing row (on the empty side of an outer join).
#[derive(Clone, Debug)]
pub struct Picks(Arc<UInt32Array>);

impl Picks {
    pub fn of(rows: Vec<u32>) -> Picks {
        Picks(Arc::new(UInt32Array::from(rows)))
    }

    pub fn of_nullable(rows: UInt32Array) -> Picks {
        Picks(Arc::new(rows))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn rows(&self) -> &UInt32Array {
        &self.0
    }

    /// Of the picked rows, those at positions `at`.
    pub fn then(&self, at: &Picks) -> Picks {
        let (rows, at) = (&*self.0, &*at.0);
        if rows.null_count() == 0 && at.null_count() == 0 {
            return Picks::of(at.values().iter().map(|at| rows.value(*at as usize)).collect());
        }
        let rows =
            at.iter().map(|at| at.map(|at| at as usize).filter(|at| rows.is_valid(*at)).map(|at| rows.value(at)));
        Picks::of_nullable(rows.collect())
    }
}

/// Row number of a missing row.
pub const NO_ROW: u32 = u32::MAX;

/// Row numbers of which some may be [`NO_ROW`].
pub fn nullable(rows: Vec<u32>) -> Picks {
    if !rows.contains(&NO_ROW) {
        return Picks::of(rows);
    }
    Picks::of_nullable(rows.into_iter().map(|row| Some(row).filter(|row| *row != NO_ROW)).collect())
}

/// An array that columns pick rows from; several may share it.
#[derive(Debug)]
pub struct Base {
    pub array: ArrayRef,
    hashes: OnceLock<Box<[u64]>>,
    ranks: OnceLock<Box<[u32]>>,
}

impl Base {
    /// Hashes of all values, computed once.
    pub fn hashes(&self) -> &[u64] {
        self.hashes.get_or_init(|| values::hash_array(&self.array))
    }

    pub fn has_hashes(&self) -> bool {
        self.hashes.get().is_some()
    }

    /// The rank of each text among the texts of the array, from 1; equal texts share a rank, and nulls have 0. Computed once.
    pub fn ranks(&self) -> &[u32] {
        self.ranks.get_or_init(|| values::rank_texts(&self.array))
    }

    pub fn known_ranks(&self) -> Option<&[u32]> {
        self.ranks.get().map(AsRef::as_ref)
    }
}

/// Rows of an array, in any order.
#[derive(Clone, Debug)]
pub struct Column {
    pub(super) base: Arc<Base>,
    pub(super) picks: Option<Picks>,
    made: OnceLock<ArrayRef>,
}

impl Column {
    pub fn new(array: ArrayRef) -> Column {
        Column {
            base: Arc::new(Base { array, hashes: OnceLock::new(), ranks: OnceLock::new() }),
            picks: None,
            made: OnceLock::new(),
        }
    }

    pub fn pick(&self, at: &Picks) -> Column {
        let picks = self.picks.as_ref().map_or_else(|| at.clone(), |picks| picks.then(at));
        Column { base: Arc::clone(&self.base), picks: Some(picks), made: OnceLock::new() }
    }

    pub fn data_type(&self) -> &DataType {
        self.base.array.data_type()
    }

    pub fn rows(&self) -> usize {
        self.picks.as_ref().map_or(self.base.array.len(), Picks::len)
    }

    /// The column as an array of its own, made once.
    pub fn array(&self) -> Result<ArrayRef> {
        let Some(picks) = &self.picks else { return Ok(Arc::clone(&self.base.array)) };
        if let Some(made) = self.made.get() {
            return Ok(Arc::clone(made));
        }
        let made = taken(&self.base.array, picks.rows())?;
        Ok(Arc::clone(self.made.get_or_init(|| made)))
    }
}

/// Picks rows of each column. Columns that share their row numbers still share them afterwards.
pub fn pick_all(columns: &[Column], at: &Picks) -> Vec<Column> {
    let mut known: Vec<(*const UInt32Array, Picks)> = Vec::new();
    let mut pick = |column: &Column| {
        let picks = match &column.picks {
            None => at.clone(),
            Some(picks) => {
                let place = Arc::as_ptr(&picks.0);
                match known.iter().find(|(known, _)| *known == place) {
                    Some((_, picks)) => picks.clone(),
                    None => {
                        let then = picks.then(at);
                        known.push((place, then.clone()));
                        then
                    }
                }
            }
        };
        Column { base: Arc::clone(&column.base), picks: Some(picks), made: OnceLock::new() }
    };
    columns.iter().map(&mut pick).collect()
}

/// The schema of some columns. Every field is nullable: only the values tell whether there are nulls.
pub fn narrow_schema(input: &Schema, columns: &[usize]) -> SchemaRef {
    let field = |at: &usize| Field::new(input.field(*at).name(), input.field(*at).data_type().clone(), true);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

/// Rows of several columns.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub rows: usize,
    pub columns: Vec<Column>,
}

impl Batch {
    /// No rows, with a schema.
    pub fn empty(schema: &SchemaRef) -> Batch {
        let columns = schema.fields().iter().map(|field| Column::new(arrow::array::new_empty_array(field.data_type())));
        Batch { rows: 0, columns: columns.collect() }
    }

    pub fn from_record_batch(batch: &RecordBatch) -> Batch {
        let columns = batch.columns().iter().map(|array| Column::new(Arc::clone(array))).collect();
        Batch { rows: batch.num_rows(), columns }
    }

    pub fn to_record_batch(&self, schema: &SchemaRef) -> Result<RecordBatch> {
        self.of_arrays(self.columns.iter(), schema)
    }

    /// Some of the columns; see [`narrow_schema`].
    pub fn narrow(&self, columns: &[usize], schema: &SchemaRef) -> Result<RecordBatch> {
        self.of_arrays(columns.iter().map(|at| &self.columns[*at]), schema)
    }

    fn of_arrays<'a>(&self, columns: impl Iterator<Item = &'a Column>, schema: &SchemaRef) -> Result<RecordBatch> {
        let arrays = columns.map(Column::array).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)?)
    }

    pub fn pick(&self, at: &Picks) -> Batch {
        Batch { rows: at.len(), columns: pick_all(&self.columns, at) }
    }
}
