//! The rows of one table as Arrow columns: appended, sealed into segments, gathered by row number.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanBuilder, Date32Builder, Int64Builder, ListBuilder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::compute::{concat_batches, interleave};
use arrow::datatypes::{Field, Int64Type, Schema, SchemaRef};
use arrow::error::ArrowError;

use crate::record::{Record, Value};
use crate::schema::{ColumnType, ENVELOPE, TableId};

/// Number of a row in its table, in the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowId(pub u32);

/// Segments of this many rows are left as they are.
const SEGMENT_ROWS: usize = 65_536;

#[derive(Debug)]
struct Segment {
    start: u32,
    batch: RecordBatch,
}

/// Envelope (see [`ENVELOPE`]), `known_time`, then the table's own columns.
#[derive(Debug)]
pub struct Store {
    table: TableId,
    schema: SchemaRef,
    segments: Vec<Segment>,
    tail: Vec<ColumnBuilder>,
    tail_rows: usize,
    rows: u32,
}

impl Store {
    pub fn new(table: TableId) -> Store {
        let columns: Vec<(&str, ColumnType)> = stored_columns(table);
        let fields: Vec<Field> = columns.iter().map(|(name, ty)| Field::new(*name, ty.arrow(), true)).collect();
        Store {
            table,
            schema: Arc::new(Schema::new(fields)),
            segments: Vec::new(),
            tail: columns.iter().map(|(_, ty)| ColumnBuilder::new(*ty)).collect(),
            tail_rows: 0,
            rows: 0,
        }
    }

    pub fn rows(&self) -> u32 {
        self.rows
    }

    pub fn bytes(&self) -> usize {
        self.segments.iter().map(|segment| segment.batch.get_array_memory_size()).sum()
    }

    /// Position of a column among those stored.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.schema.index_of(name).ok()
    }

    /// Appends a row; it can be gathered after the next [`Store::seal`].
    pub fn append(&mut self, record: &Record) -> RowId {
        let mut builders = self.tail.iter_mut();
        let mut push = |value: ValueRef<'_>| {
            if let Some(builder) = builders.next() {
                builder.append(value);
            }
        };
        push(ValueRef::Int(record.schema_ver));
        push(ValueRef::Text(&record.record_key));
        push(ValueRef::Int(record.version));
        push(ValueRef::Text(record.op.name()));
        push(ValueRef::Int(record.event_time.0));
        push(ValueRef::Int(record.registered_at));
        push(ValueRef::Text(&record.source));
        push(ValueRef::Text(&record.purpose));
        push(ValueRef::Int(record.secrecy_class));
        push(ValueRef::Int(record.known_time.0));
        for column in 0..self.table.def().columns.len() {
            push(record.values.get(column).map_or(ValueRef::Null, ValueRef::from));
        }
        let row = RowId(self.rows);
        self.rows += 1;
        self.tail_rows += 1;
        row
    }

    /// Turns the open tail into a segment and merges segments of like size.
    pub fn seal(&mut self) {
        if self.tail_rows == 0 {
            return;
        }
        let columns: Vec<ArrayRef> = self.tail.iter_mut().map(ColumnBuilder::finish).collect();
        let start = self.rows - self.tail_rows as u32;
        self.tail_rows = 0;
        // The builders follow the schema by construction; a mismatch would be a fault of this file.
        let Ok(batch) = RecordBatch::try_new(Arc::clone(&self.schema), columns) else {
            unreachable!("columns follow the schema");
        };
        self.segments.push(Segment { start, batch });
        while let [.., left, right] = &self.segments[..] {
            let (left_rows, right_rows) = (left.batch.num_rows(), right.batch.num_rows());
            if left_rows >= SEGMENT_ROWS || right_rows * 2 < left_rows {
                break;
            }
            let Ok(batch) = concat_batches(&self.schema, [&left.batch, &right.batch]) else {
                break;
            };
            let start = left.start;
            self.segments.truncate(self.segments.len() - 2);
            self.segments.push(Segment { start, batch });
        }
    }

    /// A text of one row; `None` if it is null, not text, or not sealed yet.
    pub fn text(&self, column: &str, row: RowId) -> Option<&str> {
        let (array, at) = self.cell(column, row)?;
        let array = array.as_string_opt::<i32>()?;
        (!array.is_null(at)).then(|| array.value(at))
    }

    /// A whole number of one row, likewise.
    pub fn int(&self, column: &str, row: RowId) -> Option<i64> {
        let (array, at) = self.cell(column, row)?;
        let array = array.as_primitive_opt::<Int64Type>()?;
        (!array.is_null(at)).then(|| array.value(at))
    }

    fn cell(&self, column: &str, row: RowId) -> Option<(&ArrayRef, usize)> {
        let column = self.column(column)?;
        let segment = self.segments.partition_point(|segment| segment.start <= row.0).checked_sub(1)?;
        let segment = &self.segments[segment];
        let at = (row.0 - segment.start) as usize;
        (at < segment.batch.num_rows()).then(|| (segment.batch.column(column), at))
    }

    /// Where rows stand, for [`Store::gather`].
    pub fn locate(&self, rows: impl Iterator<Item = RowId>) -> Vec<(usize, usize)> {
        rows.map(|row| {
            let segment = self.segments.partition_point(|segment| segment.start <= row.0) - 1;
            (segment, (row.0 - self.segments[segment].start) as usize)
        })
        .collect()
    }

    /// The values of one column at the located rows.
    pub fn gather(&self, column: usize, at: &[(usize, usize)]) -> Result<ArrayRef, ArrowError> {
        if self.segments.is_empty() {
            return Ok(arrow::array::new_empty_array(self.schema.field(column).data_type()));
        }
        let arrays: Vec<&dyn Array> =
            self.segments.iter().map(|segment| segment.batch.column(column).as_ref()).collect();
        interleave(&arrays, at)
    }

    /// The arrays of one column, a segment each; `None` if it does not hold text.
    pub fn text_segments(&self, column: usize) -> Option<Vec<&arrow::array::StringArray>> {
        self.segments.iter().map(|segment| segment.batch.column(column).as_any().downcast_ref()).collect()
    }
}

fn stored_columns(table: TableId) -> Vec<(&'static str, ColumnType)> {
    let mut columns: Vec<_> = ENVELOPE.iter().map(|c| (c.name, c.ty)).collect();
    columns.push(("known_time", ColumnType::Timestamp));
    columns.extend(table.def().columns.iter().map(|c| (c.name, c.ty)));
    columns
}

/// A value on its way into a builder. Instants and days travel as `Int`.
enum ValueRef<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Text(&'a str),
    List(&'a [Box<str>]),
}

impl<'a> From<&'a Value> for ValueRef<'a> {
    fn from(value: &'a Value) -> ValueRef<'a> {
        match value {
            Value::Null => ValueRef::Null,
            Value::Bool(value) => ValueRef::Bool(*value),
            Value::Int(value) | Value::Instant(value) => ValueRef::Int(*value),
            Value::Day(day) => ValueRef::Int(i64::from(*day)),
            Value::Text(text) => ValueRef::Text(text),
            Value::List(items) => ValueRef::List(items),
        }
    }
}

#[derive(Debug)]
enum ColumnBuilder {
    Text(StringBuilder),
    List(ListBuilder<StringBuilder>),
    Day(Date32Builder),
    Instant(TimestampMicrosecondBuilder),
    Int(Int64Builder),
    Bool(BooleanBuilder),
}

impl ColumnBuilder {
    fn new(ty: ColumnType) -> ColumnBuilder {
        match ty {
            ColumnType::CodeList => ColumnBuilder::List(ListBuilder::new(StringBuilder::new())),
            ColumnType::Date | ColumnType::Month => ColumnBuilder::Day(Date32Builder::new()),
            ColumnType::Timestamp => ColumnBuilder::Instant(TimestampMicrosecondBuilder::new()),
            ColumnType::Int | ColumnType::Sek => ColumnBuilder::Int(Int64Builder::new()),
            ColumnType::Bool => ColumnBuilder::Bool(BooleanBuilder::new()),
            _ => ColumnBuilder::Text(StringBuilder::new()),
        }
    }

    /// A value of another kind than the column's is stored as null; decode has checked the kinds.
    fn append(&mut self, value: ValueRef<'_>) {
        match (self, value) {
            (ColumnBuilder::Text(builder), ValueRef::Text(text)) => builder.append_value(text),
            (ColumnBuilder::Text(builder), _) => builder.append_null(),
            (ColumnBuilder::List(builder), ValueRef::List(items)) => {
                for item in items {
                    builder.values().append_value(item);
                }
                builder.append(true);
            }
            (ColumnBuilder::List(builder), _) => builder.append_null(),
            (ColumnBuilder::Day(builder), ValueRef::Int(day)) => builder.append_value(day as i32),
            (ColumnBuilder::Day(builder), _) => builder.append_null(),
            (ColumnBuilder::Instant(builder), ValueRef::Int(micros)) => builder.append_value(micros),
            (ColumnBuilder::Instant(builder), _) => builder.append_null(),
            (ColumnBuilder::Int(builder), ValueRef::Int(value)) => builder.append_value(value),
            (ColumnBuilder::Int(builder), _) => builder.append_null(),
            (ColumnBuilder::Bool(builder), ValueRef::Bool(value)) => builder.append_value(value),
            (ColumnBuilder::Bool(builder), _) => builder.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            ColumnBuilder::Text(builder) => Arc::new(builder.finish()),
            ColumnBuilder::List(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Day(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Instant(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Int(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Bool(builder) => Arc::new(builder.finish()),
        }
    }
}
