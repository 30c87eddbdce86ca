//! Joins by a range: only those pairs are checked in which the key of one row lies between the bounds of the other.
//!
//! Rules spread a permit over the months of the calendar (`m.month >= p.first_month AND m.month <= p.held_until`). Checking every
//! pair would check decades of months for each permit.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Date32Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{JoinSide, Result};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column as ColumnExpr};
use datafusion::physical_expr::utils::{collect_columns, split_conjunction};
use datafusion::physical_plan::joins::utils::JoinFilter;
use std::sync::Arc;

use crate::sql::cells::{Arena, Cells, Rows};
use crate::sql::column::Batch;
use crate::sql::executor::expr::Expr;
use crate::sql::renumber::renumbered;

/// A condition that bounds a key of one side by values of the other side.
pub(super) struct Range {
    /// The side whose rows are searched.
    pub searched: JoinSide,
    key: Expr,
    /// Expressions over the other side: each a bound, and whether the bound itself is included.
    low: Vec<(Expr, bool)>,
    high: Vec<(Expr, bool)>,
}

/// A comparison between the two sides, with the key on its left.
struct Comparison {
    side: JoinSide,
    key: Arc<dyn PhysicalExpr>,
    operator: Operator,
    bound: Arc<dyn PhysicalExpr>,
}

impl Range {
    /// The range in a join's condition; `None` if the condition does not bound a column from both ends.
    pub fn of(
        filter: &JoinFilter,
        left: &arrow::datatypes::Schema,
        right: &arrow::datatypes::Schema,
    ) -> Result<Option<Range>> {
        let mut comparisons = Vec::new();
        for part in split_conjunction(filter.expression()) {
            comparisons.extend(comparisons_in(part, filter));
        }
        for first in &comparisons {
            if first.key.downcast_ref::<ColumnExpr>().is_none() {
                continue;
            }
            let same = |other: &&Comparison| other.side == first.side && other.key.as_ref() == first.key.as_ref();
            let (own, other) = if first.side == JoinSide::Left { (left, right) } else { (right, left) };
            let key = moved(&first.key, filter)?;
            if !is_supported(&key.data_type(own)?) {
                continue;
            }
            let mut range =
                Range { searched: first.side, key: Expr::new(&key, own)?, low: Vec::new(), high: Vec::new() };
            for comparison in comparisons.iter().filter(same) {
                let bound = moved(&comparison.bound, filter)?;
                if bound.data_type(other)? != key.data_type(own)? {
                    continue;
                }
                let bound = Expr::new(&bound, other)?;
                match comparison.operator {
                    Operator::Gt => range.low.push((bound, false)),
                    Operator::GtEq => range.low.push((bound, true)),
                    Operator::Lt => range.high.push((bound, false)),
                    _ => range.high.push((bound, true)),
                }
            }
            if !range.low.is_empty() && !range.high.is_empty() {
                return Ok(Some(range));
            }
        }
        Ok(None)
    }

    /// By row of the other side: the span of searched rows within its bounds. `None` if the searched side is not sorted by its key.
    pub fn spans(&self, searched: &Batch, other: &Batch) -> Result<Option<Vec<(u32, u32)>>> {
        let key = self.key.array(searched)?;
        let bounds = |bounds: &[(Expr, bool)]| -> Result<Vec<ArrayRef>> {
            bounds.iter().map(|(bound, _)| bound.array(other)).collect()
        };
        let (low, high) = (bounds(&self.low)?, bounds(&self.high)?);
        Ok(self.spans_of(
            &Longs::of(&key),
            searched.rows,
            other.rows,
            &low.iter().map(Longs::of).collect::<Vec<_>>(),
            &high.iter().map(Longs::of).collect::<Vec<_>>(),
        ))
    }

    /// The same over cells.
    pub fn spans_single<'a>(
        &'a self,
        searched: &Rows<'a>,
        other: &Rows<'a>,
        arena: &'a Arena,
    ) -> Result<Option<Vec<(u32, u32)>>> {
        let longs = |expr: &'a Expr, rows: &Rows<'a>| -> Result<Option<Longs<'a>>> {
            Ok(Some(expr.cells(rows, arena)?).filter(|cells| !cells.is_array()).map(Longs::Cells))
        };
        let bounds = |bounds: &'a [(Expr, bool)]| -> Result<Option<Vec<Longs<'a>>>> {
            bounds.iter().map(|(bound, _)| longs(bound, other)).collect()
        };
        let (Some(key), Some(low), Some(high)) = (longs(&self.key, searched)?, bounds(&self.low)?, bounds(&self.high)?)
        else {
            return Ok(None);
        };
        Ok(self.spans_of(&key, searched.count, other.count, &low, &high))
    }

    fn spans_of(
        &self,
        key: &Longs<'_>,
        searched: usize,
        other: usize,
        low: &[Longs<'_>],
        high: &[Longs<'_>],
    ) -> Option<Vec<(u32, u32)>> {
        if !key.is_sorted(searched) {
            return None;
        }
        let mut spans = vec![(0, searched as u32); other];
        // The first row for which `holds` is false.
        let first = |holds: &dyn Fn(i64) -> bool| -> u32 {
            let (mut from, mut to) = (0, searched);
            while from < to {
                let middle = from + (to - from) / 2;
                if holds(key.value(middle)) { from = middle + 1 } else { to = middle }
            }
            from as u32
        };
        for (bounds, (_, within)) in low.iter().zip(&self.low) {
            for (at, span) in spans.iter_mut().enumerate() {
                match bounds.get(at) {
                    None => *span = (0, 0),
                    Some(bound) => span.0 = span.0.max(first(&|key| if *within { key < bound } else { key <= bound })),
                }
            }
        }
        for (bounds, (_, within)) in high.iter().zip(&self.high) {
            for (at, span) in spans.iter_mut().enumerate() {
                match bounds.get(at) {
                    None => *span = (0, 0),
                    Some(bound) => span.1 = span.1.min(first(&|key| if *within { key <= bound } else { key < bound })),
                }
            }
        }
        Some(spans)
    }
}

/// The comparison in a part of a condition, seen from both sides.
fn comparisons_in(part: &Arc<dyn PhysicalExpr>, filter: &JoinFilter) -> Vec<Comparison> {
    let Some(binary) = part.downcast_ref::<BinaryExpr>() else { return Vec::new() };
    let mirrored = match binary.op() {
        Operator::Lt => Operator::Gt,
        Operator::LtEq => Operator::GtEq,
        Operator::Gt => Operator::Lt,
        Operator::GtEq => Operator::LtEq,
        _ => return Vec::new(),
    };
    let (Some(left), Some(right)) = (side_of(binary.left(), filter), side_of(binary.right(), filter)) else {
        return Vec::new();
    };
    if left == right {
        return Vec::new();
    }
    let comparison = |side, key: &Arc<dyn PhysicalExpr>, operator, bound: &Arc<dyn PhysicalExpr>| Comparison {
        side,
        key: Arc::clone(key),
        operator,
        bound: Arc::clone(bound),
    };
    vec![
        comparison(left, binary.left(), *binary.op(), binary.right()),
        comparison(right, binary.right(), mirrored, binary.left()),
    ]
}

/// The side that an expression reads, if it reads only one.
fn side_of(expr: &Arc<dyn PhysicalExpr>, filter: &JoinFilter) -> Option<JoinSide> {
    let mut sides = collect_columns(expr).into_iter().map(|column| filter.column_indices()[column.index()].side);
    let first = sides.next()?;
    sides.all(|side| side == first).then_some(first)
}

/// The expression with the column numbers of its own side.
fn moved(expr: &Arc<dyn PhysicalExpr>, filter: &JoinFilter) -> Result<Arc<dyn PhysicalExpr>> {
    renumbered(expr, |column| filter.column_indices()[column].index)
}

fn is_supported(ty: &DataType) -> bool {
    matches!(ty, DataType::Date32 | DataType::Int64 | DataType::Timestamp(TimeUnit::Microsecond, None))
}

/// Days, numbers or instants, as whole numbers.
enum Longs<'a> {
    Days(&'a arrow::array::Date32Array),
    Numbers(&'a [i64], &'a ArrayRef),
    Cells(Cells<'a>),
}

impl<'a> Longs<'a> {
    /// The array's type must satisfy [`is_supported`].
    fn of(array: &'a ArrayRef) -> Longs<'a> {
        match array.data_type() {
            DataType::Date32 => Longs::Days(array.as_primitive::<Date32Type>()),
            DataType::Int64 => Longs::Numbers(array.as_primitive::<Int64Type>().values(), array),
            _ => Longs::Numbers(array.as_primitive::<TimestampMicrosecondType>().values(), array),
        }
    }

    /// Whether no row is null and none is less than the one before.
    fn is_sorted(&self, rows: usize) -> bool {
        match self {
            Longs::Days(array) => array.null_count() == 0 && array.values().is_sorted(),
            Longs::Numbers(values, array) => array.null_count() == 0 && values.is_sorted(),
            // Null sorts before any value.
            Longs::Cells(cells) => {
                rows == 0 || !cells.is_null(0) && (1..rows).all(|row| cells.number(row - 1) <= cells.number(row))
            }
        }
    }

    fn value(&self, at: usize) -> i64 {
        match self {
            Longs::Days(array) => i64::from(array.value(at)),
            Longs::Numbers(values, _) => values[at],
            Longs::Cells(cells) => cells.number(at).unwrap_or_default(),
        }
    }

    fn get(&self, at: usize) -> Option<i64> {
        match self {
            Longs::Days(array) => array.is_valid(at).then(|| i64::from(array.value(at))),
            Longs::Numbers(values, array) => array.is_valid(at).then(|| values[at]),
            Longs::Cells(cells) => cells.number(at),
        }
    }
}
