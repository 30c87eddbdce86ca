//! Evaluates expressions row by row, without arrays for intermediate results.
//!
//! DataFusion evaluates each step of an expression as an array, and a `CASE` by splitting its input. That pays for thousands of
//! rows; most executions see a handful, and for those the arrays cost more than the values. Here an expression is a tree over the
//! picked columns that is evaluated for one row after another; only its result becomes an array. A branch is evaluated only when it
//! is needed, as in DataFusion.
//!
//! Covered is what rules consist of: comparisons, three-valued logic, `CASE`, dates and times, whole numbers, the functions of
//! `functions`. For a part that is not covered, DataFusion computes a further column beforehand (`Inner`). If a row is not covered
//! (a number overflows), or such a column cannot be computed, DataFusion evaluates the whole expression, and its result or error
//! counts.

mod compile;
#[cfg(test)]
mod tests;

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringBuilder};
use arrow::datatypes::DataType;
use datafusion::logical_expr::Operator;

use crate::model::alert::Severity;
use crate::model::time::Day;
use crate::sql::budget::{make, room};
use crate::sql::cells::{Arena, Cells, Rows};
use crate::sql::column::{Batch, Picks};
use crate::sql::executor::expr::Expr;
use crate::sql::source::{Found, NotCovered, Source, numbers};

/// An expression that is evaluated row by row.
pub struct Rowwise {
    root: Root,
    /// Columns of the batch that it reads.
    columns: Vec<usize>,
    /// Parts that DataFusion evaluates; their values are further columns.
    inner: Vec<Expr>,
}

/// The kind of the result.
enum Root {
    Numbers(Number, DataType),
    Texts(TextExpr),
    Joined(Joined),
}

/// Where a column is: among the columns read from the batch, or among the inner ones.
#[derive(Clone, Copy)]
enum ColumnRef {
    Batch(usize),
    Inner(usize),
}

/// A whole number, boolean (0, 1), day or instant.
enum Number {
    Column(ColumnRef),
    Literal(Option<i64>),
    Compare(Operator, Box<Number>, Box<Number>),
    CompareTexts(Operator, Box<TextExpr>, Box<TextExpr>),
    And(Box<Number>, Box<Number>),
    Or(Box<Number>, Box<Number>),
    Not(Box<Number>),
    IsNull(Box<Number>),
    TextIsNull(Box<TextExpr>),
    /// Whether the number is in a list without nulls.
    In(Box<Number>, Vec<i64>),
    TextIn(Box<TextExpr>, Vec<Box<str>>),
    Case(Vec<(Number, Number)>, Box<Number>),
    Calculate(Operator, Box<Number>, Box<Number>),
    /// Multiplied by a constant.
    Times(Box<Number>, i64),
    /// Divided by a constant: rounded towards zero, or downwards.
    Over(Box<Number>, i64),
    OverDown(Box<Number>, i64),
    /// An error outside these bounds.
    Within(Box<Number>, i64, i64),
    Greatest(Vec<Number>),
    Least(Vec<Number>),
    NullIf(Box<Number>, Box<Number>),
    AddMonths(Box<Number>, Box<Number>),
    MonthOf(Box<Number>),
    AgiComplete(Box<Number>),
    SeverityRank(Box<TextExpr>),
    Abs(Box<Number>),
}

enum TextExpr {
    Column(ColumnRef),
    Literal(Option<Box<str>>),
    Case(Vec<(Number, TextExpr)>, Box<TextExpr>),
    NullIf(Box<TextExpr>, Box<TextExpr>),
    Severity(Box<Number>),
}

/// Bytes of a text that is joined here; a longer one is looked at before it is made (see `bounded`).
const MOST_JOINED: usize = 1 << 16;

/// Concatenated texts.
struct Joined {
    parts: Vec<Part>,
    separator: Box<str>,
    /// Whether a null part is skipped; otherwise it makes the result null.
    skips_nulls: bool,
}

enum Part {
    Text(TextExpr),
    Day(Number),
}

impl Rowwise {
    /// The value for every row; `None` if DataFusion must evaluate the expression.
    pub fn array(&self, batch: &Batch) -> Option<ArrayRef> {
        let inner = self.inner(batch)?;
        let (columns, inner) = self.bind(batch, &inner)?;
        let row = Row { columns: &columns, inner: &inner };
        match &self.root {
            Root::Numbers(number, ty) => numbers(ty, (0..batch.rows).map(|at| row.number(number, at))),
            Root::Texts(text) => {
                let mut out = StringBuilder::with_capacity(batch.rows, batch.rows * 12);
                for at in 0..batch.rows {
                    out.append_option(row.text(text, at).ok()?);
                }
                Some(Arc::new(out.finish()))
            }
            Root::Joined(joined) => {
                let mut out = StringBuilder::with_capacity(batch.rows, batch.rows * 24);
                let mut text = String::new();
                for at in 0..batch.rows {
                    text.clear();
                    let is_some = row.join(joined, at, &mut text).ok()?;
                    out.append_option(is_some.then_some(&text));
                }
                Some(Arc::new(out.finish()))
            }
        }
    }

    /// The rows for which the expression is true; `None` if DataFusion must evaluate it.
    pub fn holding(&self, batch: &Batch) -> Option<Vec<u32>> {
        let Root::Numbers(number, DataType::Boolean) = &self.root else { return None };
        let inner = self.inner(batch)?;
        let (columns, inner) = self.bind(batch, &inner)?;
        Row { columns: &columns, inner: &inner }.holding(number, batch.rows)
    }

    fn inner(&self, batch: &Batch) -> Option<Vec<ArrayRef>> {
        self.inner.iter().map(|expr| expr.array(batch).ok()).collect()
    }

    fn bind<'a>(&self, batch: &'a Batch, inner: &'a [ArrayRef]) -> Option<(Vec<Source<'a>>, Vec<Source<'a>>)> {
        let of_batch = self.columns.iter().map(|at| &batch.columns[*at]);
        let of_batch = of_batch.map(|column| Source::of(&column.base.array, column.picks.as_ref().map(Picks::rows)));
        let inner = inner.iter().map(|array| Source::of(array, None));
        Some((of_batch.collect::<Option<_>>()?, inner.collect::<Option<_>>()?))
    }
}

/// The same over cells.
impl Rowwise {
    pub fn cells<'a>(&'a self, rows: &Rows<'a>, arena: &'a Arena) -> Option<Cells<'a>> {
        let row = self.bind_single(rows, arena)?;
        match &self.root {
            Root::Numbers(number, _) => {
                arena.found((0..rows.count).map(|at| row.number(number, at))).map(Cells::of_numbers)
            }
            Root::Texts(text) => arena.found((0..rows.count).map(|at| row.text(text, at))).map(Cells::of_texts),
            Root::Joined(joined) => {
                let (mut text, mut bytes) = (String::new(), 0);
                let join = |at: usize| -> Found<&'a str> {
                    text.clear();
                    let is_some = row.join(joined, at, &mut text)?;
                    bytes += text.len() as u64;
                    room(bytes).map_err(|_| NotCovered)?;
                    Ok(is_some.then(|| arena.text(&text)))
                };
                let found = arena.found((0..rows.count).map(join))?;
                make(bytes).ok()?;
                Some(Cells::of_texts(found))
            }
        }
    }

    pub fn holding_single<'a>(&'a self, rows: &Rows<'a>, arena: &'a Arena) -> Option<Vec<u32>> {
        let Root::Numbers(number, DataType::Boolean) = &self.root else { return None };
        self.bind_single(rows, arena)?.holding(number, rows.count)
    }

    fn bind_single<'a>(&'a self, rows: &Rows<'a>, arena: &'a Arena) -> Option<Row<'a, 'a>> {
        let columns = self.columns.iter().map(|at| rows.columns[*at].source().ok_or(NotCovered));
        let inner =
            self.inner.iter().map(|expr| expr.cells(rows, arena).ok().and_then(Cells::source).ok_or(NotCovered));
        Some(Row { columns: arena.found(columns)?, inner: arena.found(inner)? })
    }
}

/// The columns, read one row at a time.
struct Row<'r, 'a> {
    columns: &'r [Source<'a>],
    inner: &'r [Source<'a>],
}

impl<'a> Row<'_, 'a> {
    /// The rows for which the number is true; `None` if DataFusion must evaluate the expression.
    fn holding(&self, number: &'a Number, rows: usize) -> Option<Vec<u32>> {
        let mut holding = Vec::new();
        for at in 0..rows {
            if self.number(number, at).ok()? == Some(1) {
                holding.push(at as u32);
            }
        }
        Some(holding)
    }

    fn source(&self, place: ColumnRef) -> &Source<'a> {
        match place {
            ColumnRef::Batch(at) => &self.columns[at],
            ColumnRef::Inner(at) => &self.inner[at],
        }
    }

    #[inline]
    fn number(&self, number: &'a Number, at: usize) -> Found<i64> {
        let of = |number: &'a Number| self.number(number, at);
        Ok(match number {
            Number::Column(column) => self.source(*column).number(at)?,
            Number::Literal(value) => *value,
            Number::Compare(operator, a, b) => compared(*operator, of(a)?, of(b)?),
            Number::CompareTexts(operator, a, b) => compared(*operator, self.text(a, at)?, self.text(b, at)?),
            Number::And(a, b) => match of(a)? {
                Some(0) => Some(0),
                Some(_) => of(b)?,
                None => of(b)?.filter(|b| *b == 0),
            },
            Number::Or(a, b) => match of(a)? {
                Some(0) => of(b)?,
                Some(_) => Some(1),
                None => of(b)?.filter(|b| *b == 1),
            },
            Number::Not(a) => of(a)?.map(|a| 1 - a),
            Number::IsNull(a) => Some(i64::from(of(a)?.is_none())),
            Number::TextIsNull(a) => Some(i64::from(self.text(a, at)?.is_none())),
            Number::In(a, list) => of(a)?.map(|a| i64::from(list.contains(&a))),
            Number::TextIn(a, list) => self.text(a, at)?.map(|a| i64::from(list.iter().any(|one| **one == *a))),
            Number::Case(whens, otherwise) => of(self.branch(whens, at)?.unwrap_or(otherwise))?,
            Number::Calculate(operator, a, b) => match (of(a)?, of(b)?) {
                (Some(a), Some(b)) => Some(calculated(*operator, a, b).ok_or(NotCovered)?),
                _ => None,
            },
            Number::Times(a, by) => changed(of(a)?, |a| a.checked_mul(*by))?,
            Number::Over(a, by) => changed(of(a)?, |a| a.checked_div(*by))?,
            Number::OverDown(a, by) => changed(of(a)?, |a| a.checked_div_euclid(*by))?,
            Number::Within(a, least, most) => changed(of(a)?, |a| (*least..=*most).contains(&a).then_some(a))?,
            Number::Greatest(all) => self.fold(all, at, i64::max)?,
            Number::Least(all) => self.fold(all, at, i64::min)?,
            Number::NullIf(a, b) => {
                let (a, b) = (of(a)?, of(b)?);
                if a == b { None } else { a }
            }
            Number::AddMonths(day, months) => match (of(day)?, of(months)?) {
                (Some(day), Some(months)) => {
                    let moved = day_of(day)?.add_months(i32::try_from(months).map_err(|_| NotCovered)?);
                    Some(i64::from(moved.ok_or(NotCovered)?.0))
                }
                _ => None,
            },
            Number::MonthOf(day) => match of(day)? {
                Some(day) => Some(i64::from(day_of(day)?.first_of_month().ok_or(NotCovered)?.0)),
                None => None,
            },
            Number::AgiComplete(day) => match of(day)? {
                Some(day) => Some(day_of(day)?.agi_complete().ok_or(NotCovered)?),
                None => None,
            },
            Number::SeverityRank(name) => {
                self.text(name, at)?.and_then(Severity::from_name).map(|severity| severity as i64)
            }
            Number::Abs(a) => of(a)?.map(i64::saturating_abs),
        })
    }

    #[inline]
    fn text(&self, text: &'a TextExpr, at: usize) -> Found<&'a str> {
        Ok(match text {
            TextExpr::Column(column) => self.source(*column).text(at),
            TextExpr::Literal(value) => value.as_deref(),
            TextExpr::Case(whens, otherwise) => self.text(self.branch(whens, at)?.unwrap_or(otherwise), at)?,
            TextExpr::NullIf(a, b) => {
                let (a, b) = (self.text(a, at)?, self.text(b, at)?);
                if a == b { None } else { a }
            }
            TextExpr::Severity(rank) => {
                self.number(rank, at)?.map(|rank| Severity::ALL[rank.clamp(0, 3) as usize].name())
            }
        })
    }

    /// The first branch whose condition is true.
    fn branch<T>(&self, whens: &'a [(Number, T)], at: usize) -> Found<&'a T> {
        for (condition, then) in whens {
            if self.number(condition, at)? == Some(1) {
                return Ok(Some(then));
            }
        }
        Ok(None)
    }

    /// Folds the values that are not null.
    fn fold(&self, all: &'a [Number], at: usize, choose: fn(i64, i64) -> i64) -> Found<i64> {
        let mut best = None;
        for number in all {
            if let Some(value) = self.number(number, at)? {
                best = Some(best.map_or(value, |best| choose(best, value)));
            }
        }
        Ok(best)
    }

    /// Appends the text; false if it is null.
    fn join(&self, joined: &'a Joined, at: usize, out: &mut String) -> Result<bool, NotCovered> {
        let mut is_first = true;
        for part in &joined.parts {
            let from = out.len();
            if !is_first {
                out.push_str(&joined.separator);
            }
            let is_some = match part {
                Part::Text(text) => match self.text(text, at)? {
                    Some(text) if out.len() + text.len() > MOST_JOINED => return Err(NotCovered),
                    text => text.map(|text| out.push_str(text)).is_some(),
                },
                Part::Day(day) => match self.number(day, at)? {
                    Some(day) => push_day(out, day)?,
                    None => false,
                },
            };
            if is_some {
                is_first = false;
            } else if joined.skips_nulls {
                out.truncate(from);
            } else {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn compared<T: Ord>(operator: Operator, a: Option<T>, b: Option<T>) -> Option<i64> {
    let holds = match operator {
        Operator::IsDistinctFrom => a != b,
        Operator::IsNotDistinctFrom => a == b,
        _ => holds_between(operator, &a?, &b?),
    };
    Some(i64::from(holds))
}

/// Whether `a = b`, `a <> b`, `a < b`, `a <= b`, `a > b`, or `a >= b`.
pub(super) fn holds_between<T: Ord>(operator: Operator, a: &T, b: &T) -> bool {
    match operator {
        Operator::Eq => a == b,
        Operator::NotEq => a != b,
        Operator::Lt => a < b,
        Operator::LtEq => a <= b,
        Operator::Gt => a > b,
        _ => a >= b,
    }
}

fn calculated(operator: Operator, a: i64, b: i64) -> Option<i64> {
    match operator {
        Operator::Plus => a.checked_add(b),
        Operator::Minus => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide => a.checked_div(b),
        _ => a.checked_rem(b),
    }
}

fn changed(value: Option<i64>, change: impl Fn(i64) -> Option<i64>) -> Found<i64> {
    value.map(|value| change(value).ok_or(NotCovered)).transpose()
}

fn day_of(number: i64) -> Result<Day, NotCovered> {
    i32::try_from(number).map(Day).map_err(|_| NotCovered)
}

/// Writes a day as DataFusion does; only years of four digits are covered.
fn push_day(out: &mut String, day: i64) -> Result<bool, NotCovered> {
    let date = i32::try_from(day).ok().and_then(chrono::NaiveDate::from_epoch_days).ok_or(NotCovered)?;
    if !(1..=9_999).contains(&chrono::Datelike::year(&date)) {
        return Err(NotCovered);
    }
    write!(out, "{date}").map_err(|_| NotCovered)?;
    Ok(true)
}
