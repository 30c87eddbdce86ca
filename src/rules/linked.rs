//! Reads the rows of a link's plan: what one unit shows to another.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{Date32Type, Int64Type, TimestampMicrosecondType};

use crate::model::record::Value;
use crate::model::schema::{ColumnType, TableId};
use crate::model::time::KnownTime;
use crate::rules::output::as_text;
use crate::units::untag;

/// A row that one unit shows to another.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkedRow {
    /// The showing unit.
    pub unit: u32,
    /// Subject of the receiving unit.
    pub to: String,
    pub record_key: String,
    /// Values of the table's columns.
    pub values: Vec<Value>,
}

impl LinkedRow {
    /// The instant in a column.
    pub fn instant(&self, column: usize) -> Option<KnownTime> {
        match self.values.get(column) {
            Some(Value::Instant(at)) => Some(KnownTime(*at)),
            _ => None,
        }
    }
}

/// Reads the rows of a link's plan. The tag in `record_key` or `to_id` names the showing unit.
pub fn read_rows(table: TableId, batches: &[RecordBatch]) -> Result<Vec<LinkedRow>, String> {
    let mut rows = Vec::new();
    for batch in batches {
        let column = |name: &str| batch.column_by_name(name).ok_or_else(|| format!("no output column {name}"));
        let texts = |name: &str| column(name).and_then(as_text);
        let (receivers, keys) = (texts("to_id")?, texts("record_key")?);
        let (receivers, keys) = (receivers.as_string::<i32>(), keys.as_string::<i32>());
        let mut columns = Vec::new();
        for def in table.def().columns {
            let array = cast(column(def.name)?, &def.ty.arrow()).map_err(|error| error.to_string())?;
            columns.push((def.ty, array));
        }
        for row in 0..batch.num_rows() {
            if receivers.is_null(row) || keys.is_null(row) {
                continue;
            }
            let ((to_unit, to), (key_unit, record_key)) = (untag(receivers.value(row)), untag(keys.value(row)));
            let unit = key_unit.or(to_unit).ok_or("record_key holds no identifier of the unit")?;
            let values = columns.iter().map(|(ty, array)| value(*ty, array, row)).collect::<Result<_, _>>()?;
            rows.push(LinkedRow { unit, to, record_key, values });
        }
    }
    rows.sort_by(|a, b| (a.unit, &a.to, &a.record_key).cmp(&(b.unit, &b.to, &b.record_key)));
    if let Some(pair) = rows.windows(2).find(|pair| {
        (pair[0].unit, &pair[0].to, &pair[0].record_key) == (pair[1].unit, &pair[1].to, &pair[1].record_key)
    }) {
        return Err(format!("two rows with one record_key for one receiver ({})", pair[0].record_key.len()));
    }
    Ok(rows)
}

fn value(ty: ColumnType, array: &ArrayRef, row: usize) -> Result<Value, String> {
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    Ok(match ty {
        ColumnType::Date | ColumnType::Month => Value::Day(array.as_primitive::<Date32Type>().value(row)),
        ColumnType::Timestamp => Value::Instant(array.as_primitive::<TimestampMicrosecondType>().value(row)),
        ColumnType::Int | ColumnType::Sek => Value::Int(array.as_primitive::<Int64Type>().value(row)),
        ColumnType::Bool => Value::Bool(array.as_boolean().value(row)),
        ColumnType::CodeList => return Err("a list cannot be shown".into()),
        _ => Value::Text(untag(array.as_string::<i32>().value(row)).1.into()),
    })
}
