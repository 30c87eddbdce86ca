//! Conditions on pairs of rows.
//!
//! Most conditions compare dates, times and numbers of the two sides (`e.month < m.month AND e.month >= add_months(m.month, -12)`).
//! DataFusion computes, once for each row of a side, the values that depend on that side only; for a pair only comparisons of
//! numbers are left, which are made when the pair is found. Other conditions are evaluated by DataFusion, over many pairs at once.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DataType, Date32Type, Int32Type, Int64Type, Schema, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType,
};
use datafusion::common::{JoinSide, Result};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, NotExpr};
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_plan::joins::utils::{ColumnIndex, JoinFilter};

use crate::sql::cells::{Arena, Cells, Rows};
use crate::sql::column::{Batch, Picks, pick_all};
use crate::sql::executor::expr::Expr;
use crate::sql::executor::rowwise::holds_between;
use crate::sql::renumber::renumbered;

/// Pairs of rows: each left row with the right row at the same index.
#[derive(Default)]
pub(super) struct Pairs {
    pub left: Vec<u32>,
    pub right: Vec<u32>,
}

/// A condition on a pair of rows.
pub(super) struct Condition {
    expr: Expr,
    /// Which side each of the condition's columns comes from.
    columns: Vec<ColumnIndex>,
    compared: Option<Compared>,
}

/// A condition as comparisons of values that each depend on one side only.
struct Compared {
    left: Vec<Expr>,
    right: Vec<Expr>,
    holds: Truth,
}

/// An expression of three-valued logic: true, false, unknown.
enum Truth {
    And(Box<Truth>, Box<Truth>),
    Or(Box<Truth>, Box<Truth>),
    Not(Box<Truth>),
    Compare(Operator, Value, Value),
    Is(Value),
}

/// A value of one side, by its index among the side's values.
#[derive(Clone, Copy)]
enum Value {
    Left(usize),
    Right(usize),
}

impl Condition {
    /// Compiles the condition of a join whose inputs have these schemas.
    pub fn new(filter: &JoinFilter, left: &Schema, right: &Schema) -> Result<Condition> {
        let expr = Expr::new(filter.expression(), filter.schema())?;
        let mut sides = Sides { filter, schemas: [left, right], values: [Vec::new(), Vec::new()] };
        let holds = sides.truth(filter.expression())?;
        let [left, right] = sides.values;
        let compared = holds.map(|holds| Compared { left, right, holds });
        Ok(Condition { expr, columns: filter.column_indices().to_vec(), compared })
    }

    /// Prepares the condition for single pairs; `None` if it can only be evaluated over many pairs. That is so if a side's values
    /// cannot be computed for all its rows: the row that fails may have no partner.
    pub fn by_pair(&self, left: &Batch, right: &Batch) -> Option<ByPair<'_>> {
        let compared = self.compared.as_ref()?;
        let numbers = |exprs: &[Expr], batch: &Batch| -> Option<Vec<Numbers<'static>>> {
            exprs.iter().map(|expr| expr.array(batch).ok().map(|array| Numbers::of(&array))).collect()
        };
        let (left, right) = (numbers(&compared.left, left)?, numbers(&compared.right, right)?);
        Some(ByPair { holds: &compared.holds, left, right })
    }

    /// By pair: whether the condition holds; unknown does not count.
    pub fn of_many(&self, left: &Batch, right: &Batch, pairs: (&Picks, &Picks)) -> Result<Vec<bool>> {
        let column = |index: &ColumnIndex| {
            let (batch, picks) = if index.side == JoinSide::Left { (left, pairs.0) } else { (right, pairs.1) };
            pick_all(&batch.columns[index.index..=index.index], picks)
        };
        let columns = self.columns.iter().flat_map(column).collect();
        let holds = self.expr.array(&Batch { rows: pairs.0.len(), columns })?;
        let holds = holds.as_boolean();
        Ok((0..holds.len()).map(|at| holds.is_valid(at) && holds.value(at)).collect())
    }
}

/// The same over cells.
impl Condition {
    /// As [`Condition::by_pair`].
    pub fn by_pair_single<'a>(&'a self, left: &Rows<'a>, right: &Rows<'a>, arena: &'a Arena) -> Option<ByPair<'a>> {
        let compared = self.compared.as_ref()?;
        let numbers = |exprs: &'a [Expr], rows: &Rows<'a>| -> Option<Vec<Numbers<'a>>> {
            exprs
                .iter()
                .map(|expr| expr.cells(rows, arena).ok().filter(|cells| !cells.is_array()).map(Numbers::Cells))
                .collect()
        };
        let (left, right) = (numbers(&compared.left, left)?, numbers(&compared.right, right)?);
        Some(ByPair { holds: &compared.holds, left, right })
    }

    /// Indexes of the pairs for which the condition holds.
    pub fn of_single<'a>(
        &'a self,
        left: &Rows<'a>,
        right: &Rows<'a>,
        pairs: &Pairs,
        arena: &'a Arena,
    ) -> Result<Vec<u32>> {
        let [left, right] = [left.pick(&pairs.left, arena), right.pick(&pairs.right, arena)];
        let side = |side: JoinSide| if side == JoinSide::Left { left } else { right };
        let count = pairs.left.len();
        let columns = arena.slice(self.columns.iter().map(|index| side(index.side).columns[index.index]));
        let rows = Rows { count, columns };
        Ok(self.expr.holding_single(&rows, arena)?.unwrap_or_else(|| (0..count as u32).collect()))
    }
}

/// A condition prepared for two batches.
pub(super) struct ByPair<'a> {
    holds: &'a Truth,
    left: Vec<Numbers<'a>>,
    right: Vec<Numbers<'a>>,
}

impl ByPair<'_> {
    pub fn holds(&self, left: usize, right: usize) -> bool {
        self.truth(self.holds, left, right) == Some(true)
    }

    fn truth(&self, truth: &Truth, left: usize, right: usize) -> Option<bool> {
        match truth {
            Truth::And(a, b) => match self.truth(a, left, right) {
                Some(false) => Some(false),
                Some(true) => self.truth(b, left, right),
                None => self.truth(b, left, right).filter(|b| !b),
            },
            Truth::Or(a, b) => match self.truth(a, left, right) {
                Some(true) => Some(true),
                Some(false) => self.truth(b, left, right),
                None => self.truth(b, left, right).filter(|b| *b),
            },
            Truth::Not(a) => self.truth(a, left, right).map(|a| !a),
            Truth::Is(value) => self.value(*value, left, right).map(|value| value != 0),
            Truth::Compare(operator, a, b) => {
                let (a, b) = (self.value(*a, left, right)?, self.value(*b, left, right)?);
                Some(holds_between(*operator, &a, &b))
            }
        }
    }

    fn value(&self, value: Value, left: usize, right: usize) -> Option<i64> {
        match value {
            Value::Left(at) => self.left[at].get(left),
            Value::Right(at) => self.right[at].get(right),
        }
    }
}

/// Values of a supported type, as numbers in the same order.
enum Numbers<'a> {
    Values(Vec<i64>, Option<NullBuffer>),
    Cells(Cells<'a>),
}

impl Numbers<'_> {
    fn of(array: &ArrayRef) -> Numbers<'static> {
        let days = |values: &[i32]| values.iter().map(|value| i64::from(*value)).collect();
        let values = match array.data_type() {
            DataType::Date32 => days(array.as_primitive::<Date32Type>().values()),
            DataType::Int32 => days(array.as_primitive::<Int32Type>().values()),
            DataType::Int64 => array.as_primitive::<Int64Type>().values().to_vec(),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                array.as_primitive::<TimestampNanosecondType>().values().to_vec()
            }
            DataType::Timestamp(..) => array.as_primitive::<TimestampMicrosecondType>().values().to_vec(),
            _ => array.as_boolean().values().iter().map(i64::from).collect(),
        };
        Numbers::Values(values, array.nulls().filter(|nulls| nulls.null_count() > 0).cloned())
    }

    fn get(&self, row: usize) -> Option<i64> {
        match self {
            Numbers::Values(_, Some(nulls)) if nulls.is_null(row) => None,
            Numbers::Values(values, _) => Some(values[row]),
            Numbers::Cells(cells) => cells.number(row),
        }
    }
}

fn is_supported(ty: &DataType) -> bool {
    use TimeUnit::{Microsecond, Nanosecond};
    matches!(
        ty,
        DataType::Date32
            | DataType::Int32
            | DataType::Int64
            | DataType::Boolean
            | DataType::Timestamp(Microsecond | Nanosecond, _)
    )
}

/// Splits a condition into values that depend on one side only.
struct Sides<'a> {
    filter: &'a JoinFilter,
    schemas: [&'a Schema; 2],
    values: [Vec<Expr>; 2],
}

impl Sides<'_> {
    /// `None` if the condition needs more than comparisons.
    fn truth(&mut self, expr: &Arc<dyn PhysicalExpr>) -> Result<Option<Truth>> {
        if let Some((value, ty)) = self.value(expr)? {
            return Ok((ty == DataType::Boolean).then_some(Truth::Is(value)));
        }
        if let Some(not) = expr.downcast_ref::<NotExpr>() {
            return Ok(self.truth(not.arg())?.map(|of| Truth::Not(Box::new(of))));
        }
        let Some(binary) = expr.downcast_ref::<BinaryExpr>() else { return Ok(None) };
        match binary.op() {
            Operator::And | Operator::Or => {
                let (Some(a), Some(b)) = (self.truth(binary.left())?, self.truth(binary.right())?) else {
                    return Ok(None);
                };
                let (a, b) = (Box::new(a), Box::new(b));
                Ok(Some(if *binary.op() == Operator::And { Truth::And(a, b) } else { Truth::Or(a, b) }))
            }
            Operator::Eq | Operator::NotEq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq => {
                match (self.value(binary.left())?, self.value(binary.right())?) {
                    (Some((a, a_type)), Some((b, b_type))) if a_type == b_type => {
                        Ok(Some(Truth::Compare(*binary.op(), a, b)))
                    }
                    _ => Ok(None),
                }
            }
            _ => Ok(None),
        }
    }

    /// The value that one side alone determines, if its type is supported. A constant counts as the left side's.
    fn value(&mut self, expr: &Arc<dyn PhysicalExpr>) -> Result<Option<(Value, DataType)>> {
        let columns = collect_columns(expr);
        let mut sides = columns.iter().map(|column| self.filter.column_indices()[column.index()].side);
        let side = sides.next().unwrap_or(JoinSide::Left);
        let of = match side {
            JoinSide::Left => 0,
            JoinSide::Right => 1,
            JoinSide::None => return Ok(None),
        };
        if sides.any(|other| other != side) {
            return Ok(None);
        }
        let moved = renumbered(expr, |column| self.filter.column_indices()[column].index)?;
        let ty = moved.data_type(self.schemas[of])?;
        if !is_supported(&ty) {
            return Ok(None);
        }
        let values = &mut self.values[of];
        values.push(Expr::new(&moved, self.schemas[of])?);
        let at = values.len() - 1;
        Ok(Some((if of == 0 { Value::Left(at) } else { Value::Right(at) }, ty)))
    }
}
