//! Which window functions are computed here, and how a function is read out of a physical expression.
//!
//! DataFusion does not expose IGNORE NULLS, the direction of a reversed window and the effective offset of `lag` and `nth_value`.
//! So, once, when a plan is made, the function's own evaluator is asked about rows made up for the purpose: what is computed is
//! then what DataFusion would have computed. If an answer is not one of those expected, DataFusion's operator stays.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::PartitionEvaluator;
use datafusion::physical_expr::expressions::Literal;
use datafusion::physical_expr::window::{SlidingAggregateWindowExpr, StandardWindowExpr};
use datafusion::physical_expr::{PhysicalExpr, aggregate::AggregateFunctionExpr};
use datafusion::physical_plan::windows::{PlainAggregateWindowExpr, WindowExpr, WindowUDFExpr};

/// What is computed for a row.
#[derive(Clone, Debug)]
pub(in crate::sql) enum Function {
    RowNumber,
    Rank,
    DenseRank,
    /// The value `back` rows before, or after if negative; outside the partition a default (an array of one row), or null.
    Shift {
        back: i64,
        ignore_nulls: bool,
        default: Option<ArrayRef>,
    },
    /// The nth value of the frame, from 1; from its end if negative.
    Nth {
        n: i64,
        ignore_nulls: bool,
    },
    /// Counts rows, or values that are not null.
    Count {
        rows: bool,
    },
    Sum,
    Min,
    Max,
    Mean,
    Deviation,
    All,
    Any,
}

impl Function {
    /// Reads the function out of the expression, or returns why it is left to DataFusion.
    pub fn of(expr: &dyn WindowExpr, argument: Option<&DataType>) -> Result<Function, &'static str> {
        let any = expr.as_any();
        let aggregate =
            any.downcast_ref::<PlainAggregateWindowExpr>().map(PlainAggregateWindowExpr::get_aggregate_expr);
        let sliding = any.downcast_ref::<SlidingAggregateWindowExpr>();
        let sliding = sliding.map(SlidingAggregateWindowExpr::get_aggregate_expr);
        if let Some(found) = aggregate.or(sliding) {
            // The filter is not accessible, but the last field of the debug output shows whether there is one.
            if !format!("{expr:?}").ends_with("filter: None }") {
                return Err("FILTER");
            }
            return aggregate_function(found, argument, sliding.is_some());
        }
        let standard = any.downcast_ref::<StandardWindowExpr>().ok_or("an unknown kind of window expression")?;
        let found = standard.get_standard_func_expr();
        let function = found.as_any().downcast_ref::<WindowUDFExpr>().ok_or("an unknown kind of window function")?;
        let mut evaluator = found.create_evaluator().map_err(|_| "a function without an evaluator")?;
        match function.fun().name() {
            "row_number" => Ok(Function::RowNumber),
            "rank" => Ok(Function::Rank),
            "dense_rank" => Ok(Function::DenseRank),
            "lag" | "lead" => shift(function.args(), evaluator.as_ref(), argument),
            "first_value" | "last_value" if function.args().len() == 1 => nth(1, evaluator.as_mut()),
            "nth_value" => nth(whole_number(function.args(), 1)?.ok_or("no n")?, evaluator.as_mut()),
            _ => Err("an unknown window function"),
        }
    }

    /// Whether the function reads a frame; the others read the whole partition.
    pub fn is_framed(&self) -> bool {
        !matches!(self, Function::RowNumber | Function::Rank | Function::DenseRank | Function::Shift { .. })
    }

    pub fn is_ranked(&self) -> bool {
        matches!(self, Function::Rank | Function::DenseRank)
    }
}

fn aggregate_function(
    found: &AggregateFunctionExpr,
    argument: Option<&DataType>,
    sliding: bool,
) -> Result<Function, &'static str> {
    let expressions = found.expressions();
    let [of] = expressions.as_slice() else { return Err("an aggregate of several arguments") };
    if found.is_distinct() || found.ignore_nulls() || !found.order_bys().is_empty() {
        return Err("DISTINCT, IGNORE NULLS or ORDER BY in an aggregate");
    }
    let argument = argument.ok_or("an aggregate without a type")?;
    let gives = found.field();
    match found.fun().name() {
        "count" => {
            let literal = of.downcast_ref::<Literal>();
            Ok(Function::Count { rows: literal.is_some_and(|literal| !literal.value().is_null()) })
        }
        "sum" => match (argument, gives.data_type()) {
            (DataType::Int64, DataType::Int64)
            | (DataType::Float64, DataType::Float64)
            | (DataType::Decimal128(..), DataType::Decimal128(..)) => Ok(Function::Sum),
            _ => Err("a sum of this type"),
        },
        "avg" if *argument == DataType::Float64 => Ok(Function::Mean),
        "stddev" if *argument == DataType::Float64 => Ok(Function::Deviation),
        "avg" | "stddev" => Err("a mean or deviation of this type"),
        "min" | "max" if argument != gives.data_type() || !is_ordered(argument) => Err("an extreme of this type"),
        "min" => Ok(Function::Min),
        "max" => Ok(Function::Max),
        // DataFusion cannot slide these, so a rule that used them would fail as a batch query.
        "bool_and" | "bool_or" if sliding => Err("a sliding bool_and or bool_or"),
        "bool_and" if *argument == DataType::Boolean => Ok(Function::All),
        "bool_or" if *argument == DataType::Boolean => Ok(Function::Any),
        _ => Err("an aggregate that is not built in"),
    }
}

/// Types whose least and greatest value is found here.
fn is_ordered(ty: &DataType) -> bool {
    matches!(
        ty,
        DataType::Boolean
            | DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt64
            | DataType::Float64
            | DataType::Date32
            | DataType::Timestamp(..)
            | DataType::Decimal128(..)
            | DataType::Utf8
    )
}

/// The row to ask about, in the middle of made-up rows: so far from both ends that no offset can be mistaken for an end.
const ASKED_ROW: usize = 1 << 40;

/// `lag` and `lead`, which DataFusion turns into one another when it reads the input backwards.
fn shift(
    args: &[Arc<dyn PhysicalExpr>],
    evaluator: &dyn PartitionEvaluator,
    argument: Option<&DataType>,
) -> Result<Function, &'static str> {
    let offset = whole_number(args, 1)?.unwrap_or(1);
    let size = i64::try_from(offset.unsigned_abs()).ok().filter(|size| (1..1 << 31).contains(size));
    let size = size.ok_or("an offset of none or too many rows")?;
    let asked = evaluator.get_range(ASKED_ROW, 2 * ASKED_ROW).map_err(|_| "an offset that cannot be asked for")?;
    let lag = evaluator.is_causal();
    let seen = if lag { ASKED_ROW.checked_sub(asked.start) } else { asked.end.checked_sub(ASKED_ROW) };
    let ignore_nulls = match seen {
        Some(seen) if seen as i64 == size => false,
        Some(ASKED_ROW) => true,
        _ => return Err("an offset that is not the one written"),
    };
    if ignore_nulls && !lag && size > 1 {
        // One of DataFusion's operators miscounts the values ahead, the other does not.
        return Err("a lead of several rows with IGNORE NULLS");
    }
    let ty = argument.filter(|ty| !ty.is_null()).ok_or("a shifted null")?;
    let default = literal(args, 2)?.filter(|value| !value.is_null());
    let default = default.map(|value| value.cast_to(ty).and_then(|value| value.to_array()));
    let default = default.transpose().map_err(|_| "a default of another type")?;
    Ok(Function::Shift { back: if lag { size } else { -size }, ignore_nulls, default })
}

/// Most made-up rows to ask about.
const MOST_ROWS: i64 = 1000;

/// `first_value`, `last_value` and `nth_value`: `n` as written, with the sign that the evaluator uses.
fn nth(n: i64, evaluator: &mut dyn PartitionEvaluator) -> Result<Function, &'static str> {
    let size = n.checked_abs().filter(|size| (1..=MOST_ROWS).contains(size)).ok_or("an nth value too far away")?;
    let rows = 2 * size + 1;
    let mut ask = |values: Vec<Option<i64>>| -> Result<Option<i64>, &'static str> {
        let values: ArrayRef = Arc::new(Int64Array::from(values));
        let range = 0..values.len();
        let given = evaluator.evaluate(&[values], &range).map_err(|_| "an nth value that cannot be asked for")?;
        let given = given.to_array().map_err(|_| "an nth value that is no value")?;
        let given = given.as_primitive_opt::<Int64Type>().ok_or("an nth value of another type")?;
        Ok(given.iter().next().flatten())
    };
    let n = match ask((0..rows).map(Some).collect())? {
        Some(given) if given == size - 1 => size,
        Some(given) if given == rows - size => -size,
        _ => return Err("an nth value that is not the one written"),
    };
    // Surrounded by nulls, only an evaluator that ignores nulls finds the value.
    let nulls = std::iter::repeat_n(None, size as usize);
    let between = nulls.clone().chain((0..rows).map(Some)).chain(nulls).collect();
    Ok(Function::Nth { n, ignore_nulls: ask(between)?.is_some() })
}

fn literal(args: &[Arc<dyn PhysicalExpr>], at: usize) -> Result<Option<ScalarValue>, &'static str> {
    let Some(arg) = args.get(at) else { return Ok(None) };
    arg.downcast_ref::<Literal>().map(|literal| Some(literal.value().clone())).ok_or("an argument that is no literal")
}

fn whole_number(args: &[Arc<dyn PhysicalExpr>], at: usize) -> Result<Option<i64>, &'static str> {
    match literal(args, at)? {
        None => Ok(None),
        Some(value) => match value.cast_to(&DataType::Int64) {
            Ok(ScalarValue::Int64(Some(value))) => Ok(Some(value)),
            _ => Err("an argument that is no whole number"),
        },
    }
}
