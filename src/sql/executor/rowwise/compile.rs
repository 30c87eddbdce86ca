//! Compiles DataFusion's expressions to row-by-row ones.

use std::sync::Arc;

use arrow::datatypes::{DataType, IntervalUnit, Schema, TimeUnit};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{
    BinaryExpr, CaseExpr, CastExpr, Column, InListExpr, IsNotNullExpr, IsNullExpr, Literal, NotExpr,
};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};

use crate::sql::bounded::JOINED;
use crate::sql::executor::expr::Expr;
use crate::sql::executor::rowwise::{ColumnRef, Joined, Number, Part, Root, Rowwise, TextExpr};
use crate::sql::source::{is_number, is_whole_decimal};

type Physical = Arc<dyn PhysicalExpr>;
/// Conditions with their values, and the value if none is true.
type Branches<T> = (Vec<(Number, T)>, T);

const DAY_SECONDS: i64 = 86_400;
const DAY_NANOS: i64 = DAY_SECONDS * 1_000_000_000;
const DAY_MICROS: i64 = DAY_SECONDS * 1_000_000;
/// The range of days in which all calendars used here agree: about a thousand centuries around 1970.
const DAYS: i64 = 36_000_000;

impl Rowwise {
    /// `None` if row-by-row evaluation gains nothing.
    pub fn new(expr: &Physical, input: &Schema) -> Result<Option<Rowwise>> {
        let mut compiler = Compiler { input, columns: Vec::new(), inner: Vec::new() };
        let root = compiler.root(expr)?;
        Ok(root.map(|root| Rowwise { root, columns: compiler.columns, inner: compiler.inner }))
    }
}

struct Compiler<'a> {
    input: &'a Schema,
    columns: Vec<usize>,
    inner: Vec<Expr>,
}

impl Compiler<'_> {
    fn root(&mut self, expr: &Physical) -> Result<Option<Root>> {
        let ty = expr.data_type(self.input)?;
        if is_number(&ty) {
            return Ok(self.try_number(expr)?.map(|number| Root::Numbers(number, ty)));
        }
        if ty != DataType::Utf8 {
            return Ok(None);
        }
        match self.attempt(|own| own.joined(expr))? {
            Some(joined) => Ok(Some(Root::Joined(joined))),
            None => Ok(self.try_text(expr)?.map(Root::Texts)),
        }
    }

    fn column(&mut self, at: usize) -> ColumnRef {
        let known = self.columns.iter().position(|known| *known == at);
        ColumnRef::Batch(known.unwrap_or_else(|| {
            self.columns.push(at);
            self.columns.len() - 1
        }))
    }

    fn inner(&mut self, expr: &Physical) -> Result<ColumnRef> {
        self.inner.push(Expr::whole(expr, self.input)?);
        Ok(ColumnRef::Inner(self.inner.len() - 1))
    }

    /// Tries to compile; a failed attempt leaves no column requests behind.
    fn attempt<T>(&mut self, compile: impl FnOnce(&mut Self) -> Result<Option<T>>) -> Result<Option<T>> {
        let (columns, inner) = (self.columns.len(), self.inner.len());
        let found = compile(self)?;
        if found.is_none() {
            self.columns.truncate(columns);
            self.inner.truncate(inner);
        }
        Ok(found)
    }

    /// A number, computed by DataFusion if need be; `None` if the expression has another type.
    fn number(&mut self, expr: &Physical) -> Result<Option<Number>> {
        if !is_number(&expr.data_type(self.input)?) {
            return Ok(None);
        }
        Ok(Some(match self.attempt(|own| own.try_number(expr))? {
            Some(number) => number,
            None => Number::Column(self.inner(expr)?),
        }))
    }

    fn text(&mut self, expr: &Physical) -> Result<Option<TextExpr>> {
        if expr.data_type(self.input)? != DataType::Utf8 {
            return Ok(None);
        }
        Ok(Some(match self.attempt(|own| own.try_text(expr))? {
            Some(text) => text,
            None => TextExpr::Column(self.inner(expr)?),
        }))
    }

    fn boxed(&mut self, expr: &Physical) -> Result<Option<Box<Number>>> {
        Ok(self.number(expr)?.map(Box::new))
    }

    fn try_number(&mut self, expr: &Physical) -> Result<Option<Number>> {
        if let Some(column) = expr.downcast_ref::<Column>() {
            return Ok(Some(Number::Column(self.column(column.index()))));
        }
        if let Some(literal) = expr.downcast_ref::<Literal>() {
            return Ok(literal_number(literal.value()).map(Number::Literal));
        }
        if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
            return self.binary(binary);
        }
        if let Some(not) = expr.downcast_ref::<NotExpr>() {
            return Ok(self.boxed(not.arg())?.map(Number::Not));
        }
        if let Some(is_null) = expr.downcast_ref::<IsNullExpr>() {
            return self.is_null(is_null.arg());
        }
        if let Some(is_not_null) = expr.downcast_ref::<IsNotNullExpr>() {
            return Ok(self.is_null(is_not_null.arg())?.map(|is_null| Number::Not(Box::new(is_null))));
        }
        if let Some(case) = expr.downcast_ref::<CaseExpr>() {
            let branches = self.branches(case, Compiler::number, Number::Literal(None))?;
            return Ok(branches.map(|(whens, otherwise)| Number::Case(whens, Box::new(otherwise))));
        }
        if let Some(cast) = expr.downcast_ref::<CastExpr>() {
            return self.cast(cast.expr(), cast.cast_type());
        }
        if let Some(list) = expr.downcast_ref::<InListExpr>() {
            return self.in_list(list);
        }
        if let Some(function) = expr.downcast_ref::<ScalarFunctionExpr>() {
            return self.function(function);
        }
        Ok(None)
    }

    fn try_text(&mut self, expr: &Physical) -> Result<Option<TextExpr>> {
        if let Some(column) = expr.downcast_ref::<Column>() {
            return Ok(Some(TextExpr::Column(self.column(column.index()))));
        }
        if let Some(literal) = expr.downcast_ref::<Literal>() {
            return Ok(match literal.value() {
                ScalarValue::Utf8(text) => Some(TextExpr::Literal(text.as_deref().map(Into::into))),
                _ => None,
            });
        }
        if let Some(case) = expr.downcast_ref::<CaseExpr>() {
            let branches = self.branches(case, Compiler::text, TextExpr::Literal(None))?;
            return Ok(branches.map(|(whens, otherwise)| TextExpr::Case(whens, Box::new(otherwise))));
        }
        let Some(function) = expr.downcast_ref::<ScalarFunctionExpr>() else { return Ok(None) };
        match (function.fun().name(), function.args()) {
            ("severity", [rank]) => Ok(self.boxed(rank)?.map(TextExpr::Severity)),
            ("nullif", [a, b]) => match (self.text(a)?, self.text(b)?) {
                (Some(a), Some(b)) => Ok(Some(TextExpr::NullIf(Box::new(a), Box::new(b)))),
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// The branches of a `CASE`, each with its condition, and the value of `ELSE`.
    fn branches<T>(
        &mut self,
        case: &CaseExpr,
        then: impl Fn(&mut Self, &Physical) -> Result<Option<T>>,
        null: T,
    ) -> Result<Option<Branches<T>>> {
        let mut whens = Vec::new();
        for (when, value) in case.when_then_expr() {
            let condition = match case.expr() {
                None => self.number(when)?,
                Some(base) => self.compare(Operator::Eq, base, when)?,
            };
            let (Some(condition), Some(value)) = (condition, then(self, value)?) else { return Ok(None) };
            whens.push((condition, value));
        }
        let otherwise = match case.else_expr() {
            Some(expr) => then(self, expr)?,
            None => Some(null),
        };
        Ok(otherwise.map(|otherwise| (whens, otherwise)))
    }

    fn binary(&mut self, binary: &BinaryExpr) -> Result<Option<Number>> {
        use Operator::*;
        let (left, right) = (binary.left(), binary.right());
        match binary.op() {
            And | Or => {
                let (Some(a), Some(b)) = (self.boxed(left)?, self.boxed(right)?) else { return Ok(None) };
                Ok(Some(if *binary.op() == And { Number::And(a, b) } else { Number::Or(a, b) }))
            }
            Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom => {
                self.compare(*binary.op(), left, right)
            }
            Plus | Minus | Multiply | Divide | Modulo => self.calculate(binary, left, right),
            _ => Ok(None),
        }
    }

    fn compare(&mut self, operator: Operator, left: &Physical, right: &Physical) -> Result<Option<Number>> {
        let (ty, other) = (left.data_type(self.input)?, right.data_type(self.input)?);
        if ty != other && ![&ty, &other].into_iter().all(is_whole_decimal) {
            return Ok(None);
        }
        if ty == DataType::Utf8 {
            let (Some(a), Some(b)) = (self.text(left)?, self.text(right)?) else { return Ok(None) };
            return Ok(Some(Number::CompareTexts(operator, Box::new(a), Box::new(b))));
        }
        let (Some(a), Some(b)) = (self.boxed(left)?, self.boxed(right)?) else { return Ok(None) };
        Ok(Some(Number::Compare(operator, a, b)))
    }

    fn calculate(&mut self, binary: &BinaryExpr, left: &Physical, right: &Physical) -> Result<Option<Number>> {
        let operator = *binary.op();
        let (ty, other) = (left.data_type(self.input)?, right.data_type(self.input)?);
        let gives = binary.data_type(self.input)?;
        // The quotient of two decimals may have a fraction.
        let is_whole = !matches!(operator, Operator::Divide | Operator::Modulo);
        let is_plain = match (&ty, &other) {
            (DataType::Int64, DataType::Int64) => true,
            (DataType::Date32, DataType::Date32) => operator == Operator::Minus && gives == DataType::Int64,
            (a, b) => is_whole && [a, b, &gives].into_iter().all(is_whole_decimal),
        };
        match (&ty, &other) {
            _ if is_plain => {
                let (Some(a), Some(b)) = (self.boxed(left)?, self.boxed(right)?) else { return Ok(None) };
                Ok(Some(Number::Calculate(operator, a, b)))
            }
            (DataType::Date32 | DataType::Timestamp(_, None), DataType::Interval(IntervalUnit::MonthDayNano))
                if matches!(operator, Operator::Plus | Operator::Minus) =>
            {
                self.shift(operator, left, right, &ty)
            }
            _ => Ok(None),
        }
    }

    /// A day or instant shifted by a constant amount that does not depend on the calendar.
    fn shift(&mut self, operator: Operator, of: &Physical, by: &Physical, ty: &DataType) -> Result<Option<Number>> {
        let unit = match ty {
            DataType::Date32 => DAY_NANOS,
            DataType::Timestamp(TimeUnit::Microsecond, None) => 1_000,
            DataType::Timestamp(TimeUnit::Nanosecond, None) => 1,
            _ => return Ok(None),
        };
        let amount = if let Some(literal) = by.downcast_ref::<Literal>() {
            let ScalarValue::IntervalMonthDayNano(Some(interval)) = literal.value() else { return Ok(None) };
            let days = i64::from(interval.days).checked_mul(DAY_NANOS);
            let nanos = days.and_then(|days| days.checked_add(interval.nanoseconds));
            match nanos.filter(|nanos| interval.months == 0 && nanos % unit == 0) {
                Some(nanos) => Number::Literal(Some(nanos / unit)),
                None => return Ok(None),
            }
        } else {
            // `date + n` with a whole number becomes seconds, cast twice.
            let Some(seconds) = days_in_seconds(by) else { return Ok(None) };
            let Some(days) = self.boxed(&seconds)? else { return Ok(None) };
            Number::Times(days, DAY_NANOS / unit)
        };
        let Some(of) = self.boxed(of)? else { return Ok(None) };
        let moved = Number::Calculate(operator, of, Box::new(amount));
        Ok(Some(match ty {
            DataType::Date32 => Number::Within(Box::new(moved), -DAYS, DAYS),
            _ => moved,
        }))
    }

    fn is_null(&mut self, arg: &Physical) -> Result<Option<Number>> {
        if arg.data_type(self.input)? == DataType::Utf8 {
            return Ok(self.text(arg)?.map(|text| Number::TextIsNull(Box::new(text))));
        }
        Ok(self.boxed(arg)?.map(Number::IsNull))
    }

    fn cast(&mut self, of: &Physical, to: &DataType) -> Result<Option<Number>> {
        use DataType::{Boolean, Date32, Decimal128, Int32, Int64, Timestamp, UInt64};
        use TimeUnit::{Microsecond, Nanosecond};
        let from = of.data_type(self.input)?;
        let Some(number) = self.boxed(of)? else { return Ok(None) };
        Ok(match (&from, to) {
            (from, to) if from == to => Some(*number),
            (Int32 | Boolean | UInt64, Int64) => Some(*number),
            // Enough digits for any `i64`.
            (Int32 | Int64 | UInt64, Decimal128(19.., 0)) => Some(*number),
            (Decimal128(_, 0), Int64 | Decimal128(19.., 0)) => Some(*number),
            (Int64, Int32) => Some(Number::Within(number, i64::from(i32::MIN), i64::from(i32::MAX))),
            (Date32, Timestamp(Microsecond, None)) => Some(Number::Times(number, DAY_MICROS)),
            (Date32, Timestamp(Nanosecond, None)) => Some(Number::Times(number, DAY_NANOS)),
            (Timestamp(Microsecond, None), Timestamp(Nanosecond, None)) => Some(Number::Times(number, 1_000)),
            (Timestamp(Nanosecond, None), Timestamp(Microsecond, None)) => Some(Number::Over(number, 1_000)),
            (Timestamp(unit @ (Microsecond | Nanosecond), None), Date32) => {
                let day = if *unit == Microsecond { DAY_MICROS } else { DAY_NANOS };
                Some(Number::Within(Box::new(Number::OverDown(number, day)), -DAYS, DAYS))
            }
            _ => None,
        })
    }

    fn in_list(&mut self, list: &InListExpr) -> Result<Option<Number>> {
        let literals: Option<Vec<&ScalarValue>> =
            list.list().iter().map(|item| item.downcast_ref::<Literal>().map(Literal::value)).collect();
        let Some(literals) = literals else { return Ok(None) };
        let found = if list.expr().data_type(self.input)? == DataType::Utf8 {
            let texts = literals.iter().map(|literal| match literal {
                ScalarValue::Utf8(Some(text)) => Some(text.as_str().into()),
                _ => None,
            });
            let Some(texts) = texts.collect::<Option<Vec<Box<str>>>>() else { return Ok(None) };
            self.text(list.expr())?.map(|text| Number::TextIn(Box::new(text), texts))
        } else {
            let numbers = literals.iter().map(|literal| literal_number(literal).flatten());
            let Some(numbers) = numbers.collect::<Option<Vec<i64>>>() else { return Ok(None) };
            self.boxed(list.expr())?.map(|number| Number::In(number, numbers))
        };
        Ok(found.map(|found| if list.negated() { Number::Not(Box::new(found)) } else { found }))
    }

    fn function(&mut self, function: &ScalarFunctionExpr) -> Result<Option<Number>> {
        let name = function.fun().name();
        match (name, function.args()) {
            ("greatest" | "least", args) => {
                let mut all = Vec::new();
                for arg in args {
                    let Some(number) = self.number(arg)? else { return Ok(None) };
                    all.push(number);
                }
                Ok(Some(if name == "greatest" { Number::Greatest(all) } else { Number::Least(all) }))
            }
            ("nullif", [a, b]) if a.data_type(self.input)? == b.data_type(self.input)? => {
                let (Some(a), Some(b)) = (self.boxed(a)?, self.boxed(b)?) else { return Ok(None) };
                Ok(Some(Number::NullIf(a, b)))
            }
            ("add_months", [day, months]) => {
                let (Some(day), Some(months)) = (self.boxed(day)?, self.boxed(months)?) else { return Ok(None) };
                Ok(Some(Number::AddMonths(day, months)))
            }
            ("month_of", [day]) => Ok(self.boxed(day)?.map(Number::MonthOf)),
            ("agi_complete", [day]) => Ok(self.boxed(day)?.map(Number::AgiComplete)),
            ("abs", [number]) => Ok(self.boxed(number)?.map(Number::Abs)),
            ("severity_rank", [name]) => Ok(self.text(name)?.map(|name| Number::SeverityRank(Box::new(name)))),
            _ => Ok(None),
        }
    }

    /// Texts and dates, concatenated.
    fn joined(&mut self, expr: &Physical) -> Result<Option<Joined>> {
        let mut open: Vec<Physical> = Vec::new();
        let (separator, skips_nulls) = if let Some(binary) = expr.downcast_ref::<BinaryExpr>()
            && *binary.op() == Operator::StringConcat
        {
            concatenated(binary, &mut open);
            (String::new(), false)
        } else if let Some(function) = expr.downcast_ref::<ScalarFunctionExpr>() {
            match (function.fun().name(), function.args()) {
                (JOINED, args) => {
                    open.extend(args.iter().cloned());
                    (String::new(), false)
                }
                ("concat", args) => {
                    open.extend(args.iter().cloned());
                    (String::new(), true)
                }
                ("concat_ws", [separator, args @ ..]) => {
                    let literal = separator.downcast_ref::<Literal>().map(Literal::value);
                    let Some(ScalarValue::Utf8(Some(separator))) = literal else { return Ok(None) };
                    open.extend(args.iter().cloned());
                    (separator.clone(), true)
                }
                _ => return Ok(None),
            }
        } else {
            return Ok(None);
        };
        let mut parts = Vec::new();
        for part in &open {
            let day = part.downcast_ref::<CastExpr>().filter(|cast| *cast.cast_type() == DataType::Utf8);
            let part = match day {
                Some(cast) if cast.expr().data_type(self.input)? == DataType::Date32 => {
                    self.number(cast.expr())?.map(Part::Day)
                }
                _ => self.text(part)?.map(Part::Text),
            };
            let Some(part) = part else { return Ok(None) };
            parts.push(part);
        }
        Ok(Some(Joined { parts, separator: separator.into(), skips_nulls }))
    }
}

/// Collects the operands of `a || b || c`.
fn concatenated(binary: &BinaryExpr, open: &mut Vec<Physical>) {
    for side in [binary.left(), binary.right()] {
        match side.downcast_ref::<BinaryExpr>().filter(|inner| *inner.op() == Operator::StringConcat) {
            Some(inner) => concatenated(inner, open),
            None => open.push(Arc::clone(side)),
        }
    }
}

/// The `n` in `CAST(CAST(n * 86400 AS Duration(s)) AS Interval)`.
fn days_in_seconds(expr: &Physical) -> Option<Physical> {
    let outer = expr.downcast_ref::<CastExpr>()?;
    let inner = outer.expr().downcast_ref::<CastExpr>()?;
    if *inner.cast_type() != DataType::Duration(TimeUnit::Second) {
        return None;
    }
    let product = inner.expr().downcast_ref::<BinaryExpr>().filter(|product| *product.op() == Operator::Multiply)?;
    match product.right().downcast_ref::<Literal>()?.value() {
        ScalarValue::Int64(Some(DAY_SECONDS)) => Some(Arc::clone(product.left())),
        _ => None,
    }
}

/// A literal of a type that is read as a number; `Some(None)` if it is null.
fn literal_number(value: &ScalarValue) -> Option<Option<i64>> {
    Some(match value {
        ScalarValue::Boolean(value) => value.map(i64::from),
        ScalarValue::Date32(value) | ScalarValue::Int32(value) => value.map(i64::from),
        ScalarValue::Int64(value) => *value,
        ScalarValue::Decimal128(value, _, 0) => match value {
            Some(value) => Some(i64::try_from(*value).ok()?),
            None => None,
        },
        ScalarValue::UInt64(value) => match value {
            Some(value) => Some(i64::try_from(*value).ok()?),
            None => None,
        },
        ScalarValue::TimestampMicrosecond(value, None) | ScalarValue::TimestampNanosecond(value, None) => *value,
        _ => return None,
    })
}
