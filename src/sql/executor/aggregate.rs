//! Aggregate functions over groups: least, greatest, sum and count are computed here, all others by DataFusion's accumulators.
//!
//! A least or greatest value is a value of some input row, so it is picked and not copied.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array};
use arrow::datatypes::{DataType, Int64Type, Schema};
use datafusion::common::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::GroupsAccumulatorAdapter;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;

use crate::sql::budget::{make, make_array};
use crate::sql::column::{Batch, Column, Picks};
use crate::sql::executor::expr::Expr;
use crate::sql::keys;

/// Bytes that an accumulator of DataFusion is taken to keep of a row: some keep every value, and each row costs a tenth of a
/// microsecond.
const KEPT_BYTES: u64 = 64;

/// An aggregate function.
pub(super) struct Aggregate {
    function: Arc<AggregateFunctionExpr>,
    pub own: Option<BuiltIn>,
    /// The arguments, and what the aggregate orders them by.
    pub arguments: Vec<Expr>,
    pub filter: Option<Expr>,
}

/// Functions that are computed here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum BuiltIn {
    Least,
    Greatest,
    Sum,
    Count,
}

/// Which group each row belongs to.
pub(super) struct Grouping {
    pub numbers: Vec<usize>,
    pub groups: usize,
}

impl Grouping {
    /// Whether each row is a group of its own, in the order of the rows.
    fn is_each(&self) -> bool {
        self.groups == self.numbers.len()
    }
}

impl Aggregate {
    pub fn new(
        function: &Arc<AggregateFunctionExpr>,
        arguments: &[Arc<dyn PhysicalExpr>],
        filter: Option<&Arc<dyn PhysicalExpr>>,
        input: &Schema,
    ) -> Result<Aggregate> {
        Ok(Aggregate {
            function: Arc::clone(function),
            own: own(function, arguments, input)?,
            arguments: arguments.iter().map(|argument| Expr::new(argument, input)).collect::<Result<_>>()?,
            filter: filter.map(|filter| Expr::new(filter, input)).transpose()?,
        })
    }

    /// The aggregate's value for each group.
    pub fn evaluate(&self, input: &Batch, grouping: &Grouping) -> Result<Column> {
        let filter = self.filter.as_ref().map(|filter| filter.array(input)).transpose()?;
        let filter = filter.as_ref().map(|filter| filter.as_boolean());
        match (self.own, self.arguments.as_slice()) {
            (Some(own), [argument]) => own.evaluate(&argument.column(input)?, grouping, filter),
            _ => self.accumulate(input, grouping, filter).map(Column::new),
        }
    }

    fn accumulate(&self, input: &Batch, grouping: &Grouping, filter: Option<&BooleanArray>) -> Result<ArrayRef> {
        let mut accumulator: Box<dyn GroupsAccumulator> = if self.function.groups_accumulator_supported() {
            self.function.create_groups_accumulator()?
        } else {
            let function = Arc::clone(&self.function);
            Box::new(GroupsAccumulatorAdapter::new(move || function.create_accumulator()))
        };
        // Some keep every value.
        make(KEPT_BYTES * grouping.numbers.len() as u64)?;
        let arguments = self.arguments.iter().map(|argument| argument.array(input)).collect::<Result<Vec<_>>>()?;
        accumulator.update_batch(&arguments, &grouping.numbers, filter, grouping.groups)?;
        let found = accumulator.evaluate(EmitTo::All)?;
        make_array(&found)?;
        Ok(found)
    }
}

fn own(
    function: &AggregateFunctionExpr,
    arguments: &[Arc<dyn PhysicalExpr>],
    input: &Schema,
) -> Result<Option<BuiltIn>> {
    let [argument] = arguments else { return Ok(None) };
    if function.is_distinct() || !function.order_bys().is_empty() {
        return Ok(None);
    }
    let ty = argument.data_type(input)?;
    let gives = function.field();
    let gives = gives.data_type();
    Ok(match function.fun().name() {
        "min" if ty == *gives && keys::is_supported(&ty) => Some(BuiltIn::Least),
        "max" if ty == *gives && keys::is_supported(&ty) => Some(BuiltIn::Greatest),
        "sum" if ty == DataType::Int64 && *gives == DataType::Int64 => Some(BuiltIn::Sum),
        "count" if *gives == DataType::Int64 => Some(BuiltIn::Count),
        _ => None,
    })
}

impl BuiltIn {
    fn evaluate(self, column: &Column, grouping: &Grouping, filter: Option<&BooleanArray>) -> Result<Column> {
        let counts = |row: usize| filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
        match self {
            BuiltIn::Least | BuiltIn::Greatest | BuiltIn::Sum if grouping.is_each() && filter.is_none() => {
                Ok(column.clone())
            }
            BuiltIn::Least => Ok(extreme(column, grouping, counts, false)),
            BuiltIn::Greatest => Ok(extreme(column, grouping, counts, true)),
            BuiltIn::Sum => {
                let array = column.array()?;
                let values = array.as_primitive::<Int64Type>();
                let mut sums: Vec<Option<i64>> = vec![None; grouping.groups];
                for (row, group) in grouping.numbers.iter().enumerate().filter(|(row, _)| counts(*row)) {
                    if values.is_valid(row) {
                        // Wraps as DataFusion's sum does; amounts never come near the limit.
                        sums[*group] = Some(sums[*group].unwrap_or(0).wrapping_add(values.value(row)));
                    }
                }
                Ok(Column::new(Arc::new(Int64Array::from(sums))))
            }
            BuiltIn::Count => {
                let mut count = vec![0; grouping.groups];
                let is_value = keys::validity(column);
                for (row, group) in grouping.numbers.iter().enumerate() {
                    count[*group] += i64::from(counts(row) && is_value(row));
                }
                Ok(Column::new(Arc::new(Int64Array::from(count))))
            }
        }
    }
}

/// The least or greatest value of each group, as a picked row of the column.
fn extreme(column: &Column, grouping: &Grouping, counts: impl Fn(usize) -> bool, greatest: bool) -> Column {
    let best = keys::extremes(column, (&grouping.numbers, grouping.groups), counts, greatest);
    if best.iter().all(Option::is_some) {
        return column.pick(&Picks::of(best.into_iter().flatten().collect()));
    }
    column.pick(&Picks::of_nullable(best.into_iter().collect()))
}
