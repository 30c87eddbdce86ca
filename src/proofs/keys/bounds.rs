//! Between which numbers, or days, an expression lies; and arithmetic that could leave what its type can hold. DataFusion would go on
//! with another number, DuckDB would stop, and a day outside the calendar stops both.
//!
//! Premises: what decoding refuses is not there (`decode::NUMBER_LIMIT`, days of 1900 to 2199); of one person at most as many rows are
//! counted or added up as the calendar has days, and the sum stays below 10^14, a hundred times what one number may be.

use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano, TimeUnit};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, Operator, WindowFrame, WindowFrameBound, WindowFrameUnits,
};

use crate::catalogue::refused::Highlight;
use crate::decode::NUMBER_LIMIT;
use crate::model::schema::ColumnType;
use crate::model::time::Day;
use crate::proofs::keys::Rows;
use crate::proofs::refusal::{Finding, Refusal, of_columns};

/// The least and the greatest value, both inclusive. A day is the number of days since 1970; so is an instant, whose time does not matter
/// here.
pub type Bounds = (i128, i128);

/// Rows of a person that are counted or added up: a row for each day of 2015 to 2060.
const MOST_ROWS: i128 = 16_802;
/// Of a day.
const SECONDS: i128 = 86_400;
/// What they add up to.
const MOST_SUM: i128 = 100_000_000_000_000;
/// Places in a text: DuckDB knows none beyond.
const LETTERS: i128 = u32::MAX as i128;
/// Places in a list: DataFusion fails beyond.
const PLACES: i128 = i32::MAX as i128;
/// The years 1 to 9999.
const CALENDAR: Bounds = (-719_162, 2_932_896);
/// Days whose first instant has a number of nanoseconds: DataFusion compares days with instants so.
const INSTANTS: Bounds = (-106_751, 106_751);
const OF_INSTANTS: &str = "the calendar of instants (years 1678 to 2261)";

/// Between what a column of a record lies.
pub(super) fn of_column(name: &str, ty: ColumnType) -> Option<Bounds> {
    let limit = i128::from(NUMBER_LIMIT);
    match ty {
        _ if name == "version" => None,
        ColumnType::Int | ColumnType::Sek => Some((-limit, limit)),
        ColumnType::Date | ColumnType::Month | ColumnType::Timestamp => Some((Day::FIRST.0.into(), Day::LAST.0.into())),
        _ => None,
    }
}

impl Rows {
    /// Between what an expression over the columns of `schema` lies; `None` if it is neither a number nor a day nor an instant.
    pub(super) fn bounds_of(&self, expr: &Expr, schema: &DFSchema) -> Option<Bounds> {
        let of = |expr: &Expr| self.bounds_of(expr, schema);
        let all = |exprs: &mut dyn Iterator<Item = &Expr>| {
            // A null lies nowhere.
            let mut exprs = exprs.filter(|expr| !is_null(expr)).map(of);
            let first = exprs.next()??;
            exprs.try_fold(first, |all, bounds| Some(either(all, bounds?)))
        };
        let found = match expr {
            Expr::Alias(alias) => return of(&alias.expr),
            // What is computed from a null is null.
            Expr::Literal(value, _) if value.is_null() => Some((0, 0)),
            Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(span)), _) => Some(days_of(*span)),
            Expr::Literal(value, _) => number(value).map(|number| (number, number)),
            Expr::Column(column) => self.column(column, schema).and_then(|column| self.bounds.get(&column).copied()),
            // So DataFusion writes a day plus a number of days.
            Expr::Cast(cast) if *cast.field.data_type() == DataType::Duration(TimeUnit::Second) => {
                of(&cast.expr).map(|(low, high)| (low.div_euclid(SECONDS), -(-high).div_euclid(SECONDS)))
            }
            Expr::Cast(cast) if of_type(cast.field.data_type()).is_some() || is_span(cast.field.data_type()) => {
                match cast.expr.get_type(schema) {
                    Ok(DataType::Boolean) => Some((0, 1)),
                    _ => of(&cast.expr),
                }
            }
            Expr::Negative(inner) => of(inner).map(|(low, high)| (-high, -low)),
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                of(left).zip(of(right)).and_then(|(left, right)| computed(left, *op, right))
            }
            Expr::Case(case) => {
                all(&mut case.when_then_expr.iter().map(|(_, then)| then.as_ref()).chain(case.else_expr.as_deref()))
            }
            Expr::ScalarFunction(ScalarFunction { func, args }) => match func.name() {
                "coalesce" => all(&mut args.iter()),
                // A null is passed over, so only what has a value bounds the others.
                "greatest" => all(&mut args.iter()).map(|(low, high)| {
                    let filled = args.iter().filter(|arg| self.is_filled(arg, schema)).filter_map(of);
                    (filled.map(|bounds| bounds.0).max().unwrap_or(low), high)
                }),
                "least" => all(&mut args.iter()).map(|(low, high)| {
                    let filled = args.iter().filter(|arg| self.is_filled(arg, schema)).filter_map(of);
                    (low, filled.map(|bounds| bounds.1).min().unwrap_or(high))
                }),
                "agi_complete" => args.first().and_then(of).map(|(low, high)| (low, high + 70)),
                "date_trunc" => args.get(1).and_then(of).map(|(low, high)| (low - 366, high)),
                "nullif" => args.first().and_then(of),
                "abs" => args.first().and_then(of).map(|(low, high)| (0, low.abs().max(high.abs()))),
                "character_length" | "strpos" => Some((0, 1 << 30)),
                "cardinality" | "array_length" => Some((0, MOST_ROWS)),
                "date_part" => Some((0, 9_999)),
                "severity_rank" | "same_state" => Some((0, 3)),
                "beta_tail_bp" => Some((0, 10_000)),
                "month_of" => args.first().and_then(of).map(|(low, high)| (low - 31, high)),
                "add_months" => args.first().and_then(of).zip(args.get(1).and_then(of)).map(|(day, months)| {
                    let moved = |months: i128| months * 31 + if months < 0 { -3 } else { 3 };
                    (day.0 + moved(months.0).min(0), day.1 + moved(months.1).max(0))
                }),
                _ => None,
            },
            _ => None,
        };
        found.or_else(|| of_type(&expr.get_type(schema).ok()?))
    }

    /// Between what a function over several rows lies; `rows` is how many it sees at most.
    pub(super) fn bounds_of_call(
        &self,
        name: &str,
        args: &[Expr],
        rows: Option<i128>,
        schema: &DFSchema,
    ) -> Option<Bounds> {
        let first = || self.bounds_of(args.first()?, schema);
        match name {
            "count" | "row_number" | "rank" | "dense_rank" => Some((0, rows.unwrap_or(MOST_ROWS))),
            "sum" => {
                let (low, high) = first()?;
                let rows = rows.unwrap_or(MOST_ROWS);
                let total = |one: i128| {
                    let most = one.saturating_mul(rows);
                    if one.abs() <= MOST_SUM { most.clamp(-MOST_SUM, MOST_SUM) } else { most }
                };
                Some((total(low.min(0)), total(high.max(0))))
            }
            "min" | "max" | "first_value" | "last_value" | "nth_value" | "median_low" => first(),
            "lag" | "lead" => match args.get(2).filter(|other| !is_null(other)) {
                Some(other) => Some(either(first()?, self.bounds_of(other, schema)?)),
                None => first(),
            },
            "mad_low" => first().map(|(low, high)| (0, high - low)),
            _ => None,
        }
    }
}

impl Rows {
    /// Between what an output column lies.
    #[cfg(test)]
    pub fn bounds_at(&self, column: usize) -> Option<Bounds> {
        self.bounds.get(self.columns.get(column)?).copied()
    }
}

/// Between what literals lie, if they are numbers or days; null lies nowhere.
pub(super) fn of_cells<'a>(cells: impl Iterator<Item = &'a Expr>) -> Option<Bounds> {
    let cell = |cell: &Expr| match cell {
        Expr::Literal(value, _) => number(value),
        _ => None,
    };
    let mut numbers = cells.filter(|cell| !is_null(cell)).map(cell);
    let first = numbers.next()??;
    numbers.try_fold((first, first), |all, number| Some(either(all, (number?, number?))))
}

/// How many rows a frame has at most.
pub(super) fn rows_of(frame: &WindowFrame) -> Option<i128> {
    let at = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::CurrentRow => Some(0),
        WindowFrameBound::Preceding(by) => number(by).map(|by| -by),
        WindowFrameBound::Following(by) => number(by),
    };
    let is_rows = frame.units == WindowFrameUnits::Rows;
    Some(at(&frame.end_bound)? - at(&frame.start_bound)? + 1).filter(|rows| is_rows && *rows >= 0)
}

/// Arithmetic in an expression over these rows that may leave what its type can hold.
pub fn check(expr: &Expr, rows: &Rows, schema: &DFSchema) -> Vec<Finding> {
    let mut found = Vec::new();
    // The closure never fails, so the walk does not either.
    let _ = expr.apply(|expr| {
        if let Some(of) = leaves(expr, rows, schema) {
            let place = of_columns(std::iter::once(expr)).map_or(Highlight::Output(None), Highlight::Span);
            found.push(Refusal::TooLarge { what: expr.human_display().to_string(), of }.at(place));
            // What it is part of would only say so again.
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    });
    found
}

/// The same of the CASTs to whole numbers and DECIMAL alone, in a plan as written: where a number with a CAST is compared, the optimiser
/// casts the other side instead, and DuckDB does not.
pub fn check_casts(expr: &Expr, rows: &Rows, schema: &DFSchema) -> Vec<Finding> {
    let mut found = Vec::new();
    // The closure never fails, so the walk does not either.
    let _ = expr.apply(|expr| {
        if is_narrow_cast(expr)
            && let Some(of) = leaves(expr, rows, schema)
        {
            let place = of_columns(std::iter::once(expr)).map_or(Highlight::Output(None), Highlight::Span);
            found.push(Refusal::TooLarge { what: expr.human_display().to_string(), of }.at(place));
        }
        Ok(TreeNodeRecursion::Continue)
    });
    found
}

/// A CAST to a type that holds less than BIGINT.
pub fn is_narrow_cast(expr: &Expr) -> bool {
    let is_narrow =
        |ty: &DataType| matches!(ty, DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Decimal128(..));
    matches!(expr, Expr::Cast(cast) if is_narrow(cast.field.data_type()))
}

/// What an expression may leave.
fn leaves(expr: &Expr, rows: &Rows, schema: &DFSchema) -> Option<&'static str> {
    let outside = |bounds: Bounds, limits: Bounds| bounds.0 < limits.0 || bounds.1 > limits.1;
    let of = |expr: &Expr| rows.bounds_of(expr, schema);
    match expr {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: op @ (Operator::Plus | Operator::Minus | Operator::Multiply),
            right,
        }) => {
            let ty = expr.get_type(schema).ok()?;
            let limits = of_type(&ty)?;
            let found = computed(of(left)?, *op, of(right)?)?;
            let what = match ty {
                DataType::Timestamp(..) => OF_INSTANTS,
                DataType::Date32 => "the calendar",
                _ => "whole numbers",
            };
            outside(found, limits).then_some(what)
        }
        Expr::Negative(inner) => {
            let (low, high) = of(inner)?;
            outside((-high, -low), of_type(&expr.get_type(schema).ok()?)?).then_some("whole numbers")
        }
        Expr::Cast(cast) => {
            let found = of(&cast.expr)?;
            match (cast.expr.get_type(schema).ok()?, cast.field.data_type()) {
                (from, to) if from.is_integer() && to.is_integer() => {
                    outside(found, of_type(to)?).then_some("its type")
                }
                (from, DataType::Decimal128(digits, scale)) if from.is_integer() => {
                    let most = 10_i128.checked_pow(u32::try_from(i32::from(*digits) - i32::from(*scale)).ok()?)?;
                    outside(found, (1 - most, most - 1)).then_some("its type")
                }
                (from, DataType::Timestamp(TimeUnit::Nanosecond, _)) if is_day(&from) => {
                    outside(found, INSTANTS).then_some(OF_INSTANTS)
                }
                _ => None,
            }
        }
        Expr::ScalarFunction(call) if call.name() == "add_months" => {
            let months = of(call.args.get(1)?)?;
            let found = of(expr)?;
            (outside(months, (i32::MIN.into(), i32::MAX.into())) || outside(found, CALENDAR)).then_some("the calendar")
        }
        Expr::ScalarFunction(call) if call.name() == "substr" => {
            let place = |arg: &Expr| of(arg).is_none_or(|found| found.1 > LETTERS);
            call.args.iter().skip(1).any(place).then_some("the letters that a text can have (2^32)")
        }
        Expr::ScalarFunction(call) if call.name() == "array_element" => {
            let place = |arg: &Expr| of(arg).is_none_or(|found| found.0 < -PLACES || found.1 > PLACES);
            call.args.iter().skip(1).any(place).then_some("the places that a list can have (2^31)")
        }
        _ => None,
    }
}

fn computed(left: Bounds, op: Operator, right: Bounds) -> Option<Bounds> {
    Some(match op {
        Operator::Plus => (left.0.saturating_add(right.0), left.1.saturating_add(right.1)),
        Operator::Minus => (left.0.saturating_sub(right.1), left.1.saturating_sub(right.0)),
        Operator::Multiply => {
            let ends = [(left.0, right.0), (left.0, right.1), (left.1, right.0), (left.1, right.1)];
            let ends = ends.map(|(one, other)| one.saturating_mul(other));
            (ends.into_iter().min()?, ends.into_iter().max()?)
        }
        Operator::Modulo => {
            let most = right.0.abs().max(right.1.abs()) - 1;
            (if left.0 < 0 { -most } else { 0 }, most)
        }
        _ => return None,
    })
}

fn either(one: Bounds, other: Bounds) -> Bounds {
    (one.0.min(other.0), one.1.max(other.1))
}

fn of_type(ty: &DataType) -> Option<Bounds> {
    match ty {
        DataType::Int8 => Some((i8::MIN.into(), i8::MAX.into())),
        DataType::Int16 => Some((i16::MIN.into(), i16::MAX.into())),
        DataType::Int32 => Some((i32::MIN.into(), i32::MAX.into())),
        DataType::Int64 => Some((i64::MIN.into(), i64::MAX.into())),
        DataType::UInt8 => Some((0, u8::MAX.into())),
        DataType::UInt16 => Some((0, u16::MAX.into())),
        DataType::UInt32 => Some((0, u32::MAX.into())),
        DataType::UInt64 => Some((0, u64::MAX.into())),
        DataType::Date32 => Some(CALENDAR),
        DataType::Timestamp(..) => Some(INSTANTS),
        _ => None,
    }
}

fn is_day(ty: &DataType) -> bool {
    matches!(ty, DataType::Date32)
}

/// The days of an INTERVAL.
fn days_of(span: IntervalMonthDayNano) -> Bounds {
    let (months, days, time) = (i128::from(span.months), i128::from(span.days), i128::from(span.nanoseconds));
    let day = SECONDS * 1_000_000_000;
    (
        months * if months < 0 { 31 } else { 28 } + days + time.div_euclid(day),
        months * if months < 0 { 28 } else { 31 } + days - (-time).div_euclid(day),
    )
}

fn is_span(ty: &DataType) -> bool {
    matches!(ty, DataType::Interval(_) | DataType::Duration(_))
}

fn is_null(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(value, _) => value.is_null(),
        Expr::Cast(cast) => is_null(&cast.expr),
        Expr::Alias(alias) => is_null(&alias.expr),
        _ => false,
    }
}

fn number(value: &ScalarValue) -> Option<i128> {
    match value {
        ScalarValue::Date32(day) => day.map(i128::from),
        instant @ (ScalarValue::TimestampNanosecond(Some(_), None)
        | ScalarValue::TimestampMicrosecond(Some(_), None)) => match instant.cast_to(&DataType::Date32) {
            Ok(ScalarValue::Date32(day)) => day.map(i128::from),
            _ => None,
        },
        ScalarValue::UInt64(number) => number.map(i128::from),
        other if other.data_type().is_integer() && !other.is_null() => match other.cast_to(&DataType::Int64) {
            Ok(ScalarValue::Int64(number)) => number.map(i128::from),
            _ => None,
        },
        _ => None,
    }
}
