//! Functions that rules may use beside SQL's own. All are immutable; a scalar function of a null is null, an aggregate ignores
//! nulls. A result outside the calendar is an error: null would mean that no such day is waited for.
//! `queries/duckdb.sql` defines each as a macro for DuckDB.
//!
//! | function | result |
//! | --- | --- |
//! | `add_months(date, int)` | the same day `n` calendar months later, or that month's last day |
//! | `month_of(date)` | first day of the month |
//! | `agi_complete(date)` | 00:00 on the 7th of the second month after the date's month |
//! | `severity(int)` | info 0, weak 1, medium 2, strong 3; clamped |
//! | `severity_rank(text)` | the inverse |
//! | `name_agreement(text, text)` | how far two names agree (`names`): `same`, `part`, `none`, `script` (a person must tell); null if one is empty |
//! | `is_state(text)` | whether a country code is a state's: not stateless, unknown or refugee (`states`) |
//! | `same_state(text, text)` | 2 the same state, 1 one of several successors of the other, 0 different states, or no state |
//! | `has_citizenship(list, text)` | whether the list has the same state, or a successor or predecessor of it |
//! | `citizenship_change(list, list)` | the first list against the second: `same`, `added`, `lost` (or replaced); null if either names no state |
//! | `abs(int)` | absolute value |
//! | `beta_tail_bp(k, n, a, b, rate_bp)` | probability that a rate is above a limit, in basis points (`posterior`); null outside its domain |
//! | `records(text, ...)` | the record references in its arguments, each once and in order; null arguments are ignored, null if there are none |
//! | `records_of(text)` | the same as an aggregate (`references`) |
//! | `median_low(int)`, `mad_low(int)` | aggregates: lower median, lower median of the distances from it (`order_statistics`) |

mod names;
mod order_statistics;
mod posterior;
mod references;
mod states;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, Int64Array, ListArray, StringArray};
use arrow::compute::{cast, try_binary};
use arrow::datatypes::{DataType, Date32Type, Field, Int64Type, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use datafusion::common::Result;
use datafusion::logical_expr::{
    AggregateUDF, ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use crate::model::alert::Severity;
use crate::model::time::Day;
use crate::sql::budget::make_array;
use crate::sql::failure::DAY_OUTSIDE;

/// The aggregates; they may also be used as windows.
pub fn aggregates() -> Vec<Arc<AggregateUDF>> {
    [order_statistics::all(), vec![references::aggregate()]].concat()
}

/// The scalar functions.
pub fn all() -> Vec<Arc<ScalarUDF>> {
    let (date, int, text) = (DataType::Date32, DataType::Int64, DataType::Utf8);
    let instant = DataType::Timestamp(TimeUnit::Microsecond, None);
    let codes = DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)));
    let define = |name, takes: &[DataType], gives: &DataType, call| {
        Arc::new(ScalarUDF::from(Function {
            name,
            signature: Signature::exact(takes.to_vec(), Volatility::Immutable),
            gives: gives.clone(),
            call,
        }))
    };
    let records = Function {
        name: "records",
        signature: Signature::variadic(vec![text.clone()], Volatility::Immutable),
        gives: text.clone(),
        call: references::records,
    };
    vec![
        define("add_months", &[date.clone(), int.clone()], &date, add_months),
        define("month_of", std::slice::from_ref(&date), &date, month_of),
        define("agi_complete", std::slice::from_ref(&date), &instant, agi_complete),
        define("severity", std::slice::from_ref(&int), &text, severity),
        define("severity_rank", std::slice::from_ref(&text), &int, severity_rank),
        define("name_agreement", &[text.clone(), text.clone()], &text, name_agreement),
        define("is_state", std::slice::from_ref(&text), &DataType::Boolean, is_state),
        define("same_state", &[text.clone(), text.clone()], &int, same_state),
        define("has_citizenship", &[codes.clone(), text.clone()], &DataType::Boolean, has_citizenship),
        define("citizenship_change", &[codes.clone(), codes.clone()], &text, citizenship_change),
        define("abs", std::slice::from_ref(&int), &int, abs),
        define("beta_tail_bp", &std::array::from_fn::<_, 5, _>(|_| int.clone()), &int, beta_tail_bp),
        Arc::new(ScalarUDF::from(records)),
    ]
}

type Call = fn(&[ArrayRef]) -> Result<ArrayRef>;

#[derive(Debug)]
struct Function {
    name: &'static str,
    signature: Signature,
    gives: DataType,
    call: Call,
}

/// A function is identified by its name: no two share one.
impl PartialEq for Function {
    fn eq(&self, other: &Function) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl std::hash::Hash for Function {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.gives.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let arrays: Vec<ArrayRef> = arrays
            .into_iter()
            .enumerate()
            .map(|(at, array)| match wanted(&self.signature, at) {
                Some(ty) if array.data_type() != ty => cast(&array, ty),
                _ => Ok(array),
            })
            .collect::<Result<_, _>>()?;
        let out = (self.call)(&arrays)?;
        make_array(&out)?;
        if scalar {
            return datafusion::common::ScalarValue::try_from_array(&out, 0).map(ColumnarValue::Scalar);
        }
        Ok(ColumnarValue::Array(out))
    }
}

/// The type of an argument.
fn wanted(signature: &Signature, at: usize) -> Option<&DataType> {
    match &signature.type_signature {
        TypeSignature::Exact(types) => types.get(at),
        TypeSignature::Variadic(types) => types.first(),
        _ => None,
    }
}

fn add_months(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (days, months) = (args[0].as_primitive::<Date32Type>(), args[1].as_primitive::<Int64Type>());
    let moved = |day: i32, months: i64| Day(day).add_months(i32::try_from(months).ok()?).map(|day| day.0);
    Ok(Arc::new(try_binary::<_, _, _, Date32Type>(days, months, |day, months| {
        moved(day, months).ok_or_else(elsewhere)
    })?))
}

fn month_of(args: &[ArrayRef]) -> Result<ArrayRef> {
    of_days::<Date32Type>(&args[0], |day| day.first_of_month().map(|day| day.0))
}

fn agi_complete(args: &[ArrayRef]) -> Result<ArrayRef> {
    of_days::<TimestampMicrosecondType>(&args[0], Day::agi_complete)
}

/// A value for each day, null for null.
fn of_days<T: ArrowPrimitiveType>(days: &ArrayRef, of: impl Fn(Day) -> Option<T::Native>) -> Result<ArrayRef> {
    let days = days.as_primitive::<Date32Type>();
    Ok(Arc::new(days.try_unary::<_, T, ArrowError>(|day| of(Day(day)).ok_or_else(elsewhere))?))
}

fn elsewhere() -> ArrowError {
    ArrowError::ComputeError(DAY_OUTSIDE.to_owned())
}

fn severity(args: &[ArrayRef]) -> Result<ArrayRef> {
    let ranks = args[0].as_primitive::<Int64Type>();
    let name = |rank: i64| Severity::ALL[rank.clamp(0, 3) as usize].name();
    Ok(Arc::new(ranks.iter().map(|rank| rank.map(name)).collect::<StringArray>()))
}

fn severity_rank(args: &[ArrayRef]) -> Result<ArrayRef> {
    let names = args[0].as_string::<i32>();
    let rank = |name| Severity::from_name(name).map(|severity| severity as i64);
    Ok(Arc::new(names.iter().map(|name| name.and_then(rank)).collect::<Int64Array>()))
}

fn abs(args: &[ArrayRef]) -> Result<ArrayRef> {
    let values = args[0].as_primitive::<Int64Type>();
    Ok(Arc::new(values.iter().map(|value| value.map(i64::saturating_abs)).collect::<Int64Array>()))
}

fn beta_tail_bp(args: &[ArrayRef]) -> Result<ArrayRef> {
    let [k, n, a, b, rate_bp] = std::array::from_fn(|at| args[at].as_primitive::<Int64Type>());
    let at = |array: &Int64Array, row: usize| (!array.is_null(row)).then(|| array.value(row));
    let tail = |row| posterior::tail_bp(at(k, row)?, at(n, row)?, at(a, row)?, at(b, row)?, at(rate_bp, row)?);
    Ok(Arc::new((0..k.len()).map(tail).collect::<Int64Array>()))
}

fn name_agreement(args: &[ArrayRef]) -> Result<ArrayRef> {
    let agreement = |(left, right): (Option<&str>, Option<&str>)| names::agreement(left?, right?);
    let pairs = args[0].as_string::<i32>().iter().zip(args[1].as_string::<i32>());
    Ok(Arc::new(pairs.map(|pair| agreement(pair).map(names::Agreement::name)).collect::<StringArray>()))
}

fn is_state(args: &[ArrayRef]) -> Result<ArrayRef> {
    Ok(Arc::new(args[0].as_string::<i32>().iter().map(|code| code.map(states::is_state)).collect::<BooleanArray>()))
}

fn same_state(args: &[ArrayRef]) -> Result<ArrayRef> {
    let pairs = args[0].as_string::<i32>().iter().zip(args[1].as_string::<i32>());
    Ok(Arc::new(pairs.map(|(left, right)| Some(states::sameness(left?, right?))).collect::<Int64Array>()))
}

fn has_citizenship(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (lists, codes) = (args[0].as_list::<i32>(), args[1].as_string::<i32>());
    let held = |row: usize| {
        let code = codes.is_valid(row).then(|| codes.value(row))?;
        with_codes(lists, row, |list| states::holds(list, code))
    };
    Ok(Arc::new((0..lists.len()).map(held).collect::<BooleanArray>()))
}

fn citizenship_change(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (now, before) = (args[0].as_list::<i32>(), args[1].as_list::<i32>());
    let change =
        |row: usize| with_codes(now, row, |now| with_codes(before, row, |before| states::change(now, before)))??;
    Ok(Arc::new((0..now.len()).map(change).collect::<StringArray>()))
}

/// Passes a row's codes to `of`, without nulls. `None` for a null list.
fn with_codes<T>(lists: &ListArray, row: usize, of: impl FnOnce(&[&str]) -> T) -> Option<T> {
    lists.is_valid(row).then(|| {
        let list = lists.value(row);
        of(&list.as_string::<i32>().iter().flatten().collect::<Vec<_>>())
    })
}

#[cfg(test)]
mod tests {
    use arrow::array::Date32Array;

    use super::*;

    #[test]
    fn null_in_null_out() {
        let days: ArrayRef = Arc::new(Date32Array::from(vec![None, Some(0)]));
        let months: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(1)]));
        let out = add_months(&[days, months]).unwrap();
        assert!(out.is_null(0));
        assert_eq!(out.as_primitive::<Date32Type>().value(1), 31);
    }

    #[test]
    fn what_the_calendar_does_not_reach_is_no_null() {
        let days = |days: &[i32]| -> ArrayRef { Arc::new(Date32Array::from(days.to_vec())) };
        let refused = |out: Result<ArrayRef>| out.unwrap_err().to_string().contains("outside the calendar");
        for months in [i64::from(i32::MAX), i64::MAX, i64::MIN] {
            assert!(refused(add_months(&[days(&[0]), Arc::new(Int64Array::from(vec![months]))])), "{months}");
        }
        assert!(refused(month_of(&[days(&[0, i32::MIN])])));
        assert!(refused(agi_complete(&[days(&[0, i32::MAX])])));
    }
}
