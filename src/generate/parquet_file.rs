//! One Parquet file, written row by row.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Int64Builder, ListBuilder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::{GenerateError, Value};
use crate::output::OutFile;

/// Rows of a batch and row group.
const BATCH_ROWS: usize = 65_536;

/// A column of a batch under construction.
enum Builder {
    Text(StringBuilder),
    Codes(ListBuilder<StringBuilder>),
    Day(Date32Builder),
    Instant(TimestampMicrosecondBuilder),
    Int(Int64Builder),
    Flag(BooleanBuilder),
}

impl Builder {
    fn new(data_type: &DataType) -> Builder {
        match data_type {
            DataType::List(_) => Builder::Codes(ListBuilder::new(StringBuilder::new())),
            DataType::Date32 => Builder::Day(Date32Builder::new()),
            DataType::Timestamp(..) => Builder::Instant(TimestampMicrosecondBuilder::new()),
            DataType::Int64 => Builder::Int(Int64Builder::new()),
            DataType::Boolean => Builder::Flag(BooleanBuilder::new()),
            _ => Builder::Text(StringBuilder::new()),
        }
    }

    /// Appends a value of the column's kind; of another kind, null.
    fn push(&mut self, value: &Value) {
        match (self, value) {
            (Builder::Text(to), Value::Code(code)) => to.append_value(code),
            (Builder::Text(to), Value::Text(text)) => to.append_value(text),
            (Builder::Text(to), _) => to.append_null(),
            (Builder::Codes(to), Value::Codes(codes)) => to.append_value(codes.iter().map(Some)),
            (Builder::Codes(to), _) => to.append_null(),
            (Builder::Day(to), Value::Day(day)) => to.append_value(*day),
            (Builder::Day(to), _) => to.append_null(),
            (Builder::Instant(to), Value::Int(instant)) => to.append_value(*instant),
            (Builder::Instant(to), _) => to.append_null(),
            (Builder::Int(to), Value::Int(number)) => to.append_value(*number),
            (Builder::Int(to), _) => to.append_null(),
            (Builder::Flag(to), Value::Flag(flag)) => to.append_value(*flag),
            (Builder::Flag(to), _) => to.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Builder::Text(from) => Arc::new(from.finish()),
            Builder::Codes(from) => Arc::new(from.finish()),
            Builder::Day(from) => Arc::new(from.finish()),
            Builder::Instant(from) => Arc::new(from.finish()),
            Builder::Int(from) => Arc::new(from.finish()),
            Builder::Flag(from) => Arc::new(from.finish()),
        }
    }
}

/// Writes rows to one Parquet file, batch by batch.
pub struct TableWriter {
    name: &'static str,
    schema: SchemaRef,
    builders: Vec<Builder>,
    rows: usize,
    file: ArrowWriter<OutFile>,
}

impl TableWriter {
    pub fn create(name: &'static str, schema: SchemaRef, path: &Path) -> Result<TableWriter, GenerateError> {
        let file =
            OutFile::create(path).map_err(|source| GenerateError::File { path: path.display().to_string(), source })?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let file = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties))
            .map_err(|source| GenerateError::Parquet { table: name, source })?;
        let builders = schema.fields().iter().map(|field| Builder::new(field.data_type())).collect();
        Ok(TableWriter { name, schema, builders, rows: 0, file })
    }

    pub fn push(&mut self, values: &[Value]) -> Result<(), GenerateError> {
        for (place, builder) in self.builders.iter_mut().enumerate() {
            builder.push(values.get(place).unwrap_or(&Value::Null));
        }
        self.rows += 1;
        if self.rows == BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), GenerateError> {
        if self.rows == 0 {
            return Ok(());
        }
        self.rows = 0;
        let columns = self.builders.iter_mut().map(Builder::finish).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(|source| GenerateError::Arrow { table: self.name, source })?;
        self.file.write(&batch).map_err(|source| GenerateError::Parquet { table: self.name, source })
    }

    pub fn close(mut self) -> Result<(), GenerateError> {
        self.flush()?;
        let table = self.name;
        let file = self.file.into_inner().map_err(|source| GenerateError::Parquet { table, source })?;
        let path = file.path().display().to_string();
        file.finish().map_err(|source| GenerateError::File { path, source })
    }
}
