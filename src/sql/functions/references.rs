//! `records(a, ...)` and the aggregate `records_of(a)`: collect the references of records (see `record::reference`) from texts that
//! are references or lists of them, each once and sorted, so that the order of rows does not show. Nulls are ignored; without
//! references the result is null.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

use crate::model::record::reference::{self, BETWEEN};
use crate::sql::budget::make;

pub(super) fn records(args: &[ArrayRef]) -> Result<ArrayRef> {
    let args: Vec<&StringArray> = args.iter().map(|array| array.as_string::<i32>()).collect();
    let rows = args.first().map_or(0, |array| array.len());
    let of = |row: usize| args.iter().filter(move |array| !array.is_null(row)).map(move |array| array.value(row));
    Ok(Arc::new((0..rows).map(|row| reference::union(of(row))).collect::<StringArray>()))
}

pub(super) fn aggregate() -> Arc<AggregateUDF> {
    let signature = Signature::exact(vec![DataType::Utf8], Volatility::Immutable);
    Arc::new(AggregateUDF::from(RecordsOf { signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct RecordsOf {
    signature: Signature,
}

impl AggregateUDFImpl for RecordsOf {
    fn name(&self) -> &'static str {
        "records_of"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Found::default()))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format!("{}[records]", args.name), DataType::Utf8, true))])
    }
}

/// The references of a group.
#[derive(Debug, Default)]
struct Found {
    references: BTreeSet<String>,
}

impl Accumulator for Found {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let texts = cast(&values[0], &DataType::Utf8)?;
        for reference in texts.as_string::<i32>().iter().flatten().flat_map(|text| text.split(BETWEEN)) {
            if !self.references.contains(reference) {
                self.references.insert(reference.to_owned());
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let all = reference::union(self.references.iter().map(String::as_str));
        make(all.as_ref().map_or(0, |all| all.len() as u64))?;
        Ok(ScalarValue::Utf8(all))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    /// A partial result is a list of references, which is an ordinary value.
    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn size(&self) -> usize {
        size_of::<Found>() + self.references.iter().map(|text| size_of::<String>() + text.capacity()).sum::<usize>()
    }
}
