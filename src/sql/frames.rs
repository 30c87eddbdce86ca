//! Window functions over sorted rows, many small partitions at a time.
//!
//! The rows of a batch of units come to a window as thousands of partitions of a few dozen rows: a permit's months, a person's
//! records. DataFusion's operators cut the input into batches, one per partition, and keep a value of its own for every row of
//! every function. Here the input stays whole: the ends of partitions, groups of peers and frames are row numbers (`bounds`,
//! `range`), and each function is one pass over all rows (`place`, `slide`). Nothing is allocated per partition or row.
//!
//! - [`FramePlan`] computes windows without streams: it takes rows and returns the same rows with a column per window expression.
//! - [`FrameExec`] is a [`FramePlan`] as an operator. It holds its whole input, which the engine's limit on rows per call bounds.
//! - [`UseFrames`] replaces DataFusion's operators by it, where `function` can tell what each expression means; rules remain
//!   standard SQL. What it cannot tell (FILTER, aggregates of our own, nested types) stays with DataFusion.
//!
//! The batch oracle uses none of this.

mod bounds;
mod exec;
mod function;
mod optimizer;
mod place;
mod range;
mod slide;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::datatypes::{DataType, SchemaBuilder, SchemaRef};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{WindowFrame, WindowFrameBound, WindowFrameUnits};
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr::{PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::windows::WindowExpr;

use bounds::changes;
pub(in crate::sql) use bounds::{Along, Bounds, Edge, Frame, Unit, boundaries};
pub use exec::FrameExec;
pub(in crate::sql) use function::Function;
pub use optimizer::UseFrames;
use range::{Keys, Reach};
use slide::Frames;

use crate::sql::failure::WINDOW_TOO_LARGE;
use crate::sql::renumber::renumbered;

/// The window expressions of one operator, ready to be evaluated over sorted rows.
#[derive(Clone, Debug)]
pub struct FramePlan {
    /// The input's columns, then one per window expression.
    schema: SchemaRef,
    partition_by: Vec<Arc<dyn PhysicalExpr>>,
    /// The distinct ORDER BY lists of frames and ranks.
    orders: Vec<Order>,
    frames: Vec<Frame>,
    columns: Vec<Computed>,
}

/// An ORDER BY list, and what must be computed for it.
#[derive(Clone, Debug)]
struct Order {
    by: Vec<PhysicalSortExpr>,
    groups: bool,
    keys: bool,
}

/// One window expression.
#[derive(Clone, Debug)]
pub(in crate::sql) struct Computed {
    pub function: Function,
    /// The first argument, if the function reads one.
    pub of: Option<Arc<dyn PhysicalExpr>>,
    /// Index of the plan's frame, or of its order for a rank.
    pub along: usize,
    pub gives: DataType,
}

/// What the columns of one evaluation share.
struct Layout {
    partitions: Vec<u32>,
    /// By order; empty if not needed.
    groups: Vec<Vec<u32>>,
    frames: Vec<Bounds>,
    /// Row numbers found by offset, for `lag` and `lead` of several columns.
    shifted: Vec<(i64, UInt32Array)>,
}

impl FramePlan {
    /// `None` if one of the expressions must be left to DataFusion.
    pub fn try_new(window_expr: &[Arc<dyn WindowExpr>], input_schema: &SchemaRef) -> Option<FramePlan> {
        FramePlan::build(window_expr, input_schema).ok()
    }

    /// The plan, or why there is none.
    pub fn build(window_expr: &[Arc<dyn WindowExpr>], input_schema: &SchemaRef) -> Result<FramePlan, &'static str> {
        let first = window_expr.first().ok_or("no expression")?;
        let mut schema = SchemaBuilder::from(input_schema.fields());
        let mut plan = FramePlan {
            schema: Arc::clone(input_schema),
            partition_by: first.partition_by().to_vec(),
            orders: Vec::new(),
            frames: Vec::new(),
            columns: Vec::new(),
        };
        plan.partition_by.iter().try_for_each(|key| check_key(key, input_schema))?;
        for expr in window_expr {
            if expr.partition_by() != first.partition_by() {
                return Err("several PARTITION BY lists");
            }
            let field = expr.field().map_err(|_| "an expression without a type")?;
            plan.add(expr.as_ref(), input_schema, field.data_type())?;
            schema.push(field);
        }
        plan.schema = Arc::new(schema.finish().with_metadata(input_schema.metadata().clone()));
        Ok(plan)
    }

    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn add(&mut self, expr: &dyn WindowExpr, schema: &SchemaRef, gives: &DataType) -> Result<(), &'static str> {
        let of = expr.expressions().into_iter().next();
        let ty = of.as_ref().map(|of| of.data_type(schema)).transpose().map_err(|_| "an argument without a type")?;
        let function = Function::of(expr, ty.as_ref())?;
        let along = if function.is_framed() {
            self.frame(expr, schema)?
        } else if function.is_ranked() {
            let order = self.order(expr.order_by(), schema)?;
            self.orders[order].groups = true;
            order
        } else {
            0
        };
        let reads = !matches!(
            function,
            Function::RowNumber | Function::Rank | Function::DenseRank | Function::Count { rows: true }
        );
        self.columns.push(Computed { function, of: of.filter(|_| reads), along, gives: gives.clone() });
        Ok(())
    }

    /// The index of an ORDER BY list.
    fn order(&mut self, by: &[PhysicalSortExpr], schema: &SchemaRef) -> Result<usize, &'static str> {
        by.iter().try_for_each(|key| check_key(&key.expr, schema))?;
        if let Some(known) = self.orders.iter().position(|order| order.by == by) {
            return Ok(known);
        }
        self.orders.push(Order { by: by.to_vec(), groups: false, keys: false });
        Ok(self.orders.len() - 1)
    }

    /// The index of a frame.
    fn frame(&mut self, expr: &dyn WindowExpr, schema: &SchemaRef) -> Result<usize, &'static str> {
        let order = self.order(expr.order_by(), schema)?;
        let frame = frame(expr.get_window_frame(), expr.order_by(), order, schema)?;
        let edges = [&frame.start, &frame.end];
        let is_away = |edge: &&Edge| matches!(edge, Edge::Preceding(_) | Edge::Following(_));
        let (away, current) = (edges.iter().any(is_away), edges.contains(&&Edge::Current));
        self.orders[order].keys |= frame.unit == Unit::Range && away;
        self.orders[order].groups |= (frame.unit == Unit::Range && current) || frame.unit == Unit::Groups;
        if let Some(known) = self.frames.iter().position(|known| *known == frame) {
            return Ok(known);
        }
        self.frames.push(frame);
        Ok(self.frames.len() - 1)
    }

    /// `input` must be whole, and sorted by the partition's columns (or with equal ones adjacent) and then by the order's.
    pub fn evaluate(&self, input: &RecordBatch) -> Result<RecordBatch> {
        let mut columns = input.columns().to_vec();
        columns.extend(self.computed(input, vec![false; input.num_rows()])?);
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    pub(in crate::sql) fn columns(&self) -> &[Computed] {
        &self.columns
    }

    pub(in crate::sql) fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// The columns that define partitions.
    pub fn partition_by(&self) -> &[Arc<dyn PhysicalExpr>] {
        &self.partition_by
    }

    /// The same, for a caller that marks the partitions' first rows itself.
    pub fn take_partition_by(&mut self) -> Vec<Arc<dyn PhysicalExpr>> {
        std::mem::take(&mut self.partition_by)
    }

    /// Only the computed columns. A partition begins at the first row, at each row that is marked in `starts`, and where a column
    /// of PARTITION BY changes.
    pub fn computed(&self, input: &RecordBatch, starts: Vec<bool>) -> Result<Vec<ArrayRef>> {
        if input.num_rows() >= u32::MAX as usize {
            return exec_err!("{WINDOW_TOO_LARGE}");
        }
        let mut layout = self.layout(input, starts)?;
        self.columns.iter().map(|column| column.evaluate(input, &mut layout)).collect()
    }

    /// The input's columns that the plan reads, in their order.
    pub fn reads(&self) -> Vec<usize> {
        let ordered = self.orders.iter().flat_map(|order| order.by.iter().map(|key| &key.expr));
        let exprs = self.partition_by.iter().chain(ordered).chain(self.columns.iter().filter_map(|c| c.of.as_ref()));
        let mut columns: Vec<usize> =
            exprs.flat_map(|expr| collect_columns(expr).into_iter().map(|column| column.index())).collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// The same plan over an input that has only these columns; for [`FramePlan::computed`].
    pub fn narrowed(mut self) -> Result<FramePlan> {
        let reads = self.reads();
        let moved = |expr: &mut Arc<dyn PhysicalExpr>| -> Result<()> {
            *expr = renumbered(expr, |column| reads.binary_search(&column).unwrap_or(0))?;
            Ok(())
        };
        self.partition_by.iter_mut().try_for_each(moved)?;
        self.orders.iter_mut().flat_map(|order| order.by.iter_mut().map(|key| &mut key.expr)).try_for_each(moved)?;
        self.columns.iter_mut().filter_map(|column| column.of.as_mut()).try_for_each(moved)?;
        Ok(self)
    }

    fn layout(&self, input: &RecordBatch, starts: Vec<bool>) -> Result<Layout> {
        let arrays = |exprs: &mut dyn Iterator<Item = &Arc<dyn PhysicalExpr>>| -> Result<Vec<ArrayRef>> {
            exprs.map(|expr| expr.evaluate(input)?.into_array(input.num_rows())).collect()
        };
        let marks = changes(&arrays(&mut self.partition_by.iter())?, starts)?;
        let partitions = boundaries(&marks);
        let (mut groups, mut keys) = (Vec::new(), Vec::new());
        for order in &self.orders {
            let needed = if order.groups || order.keys { order.by.as_slice() } else { &[] };
            let columns = arrays(&mut needed.iter().map(|key| &key.expr))?;
            groups.push(if order.groups { boundaries(&changes(&columns, marks.clone())?) } else { Vec::new() });
            let first = columns.first().zip(order.by.first()).filter(|_| order.keys);
            keys.push(first.and_then(|(column, key)| Keys::new(column, key.options)));
        }
        let bounds = self.frames.iter().map(|frame| {
            let order = frame.order;
            Along { partitions: &partitions, groups: &groups[order], keys: keys[order].as_ref() }.bounds(frame)
        });
        let frames = bounds.collect();
        Ok(Layout { partitions, groups, frames, shifted: Vec::new() })
    }
}

impl Computed {
    fn evaluate(&self, input: &RecordBatch, layout: &mut Layout) -> Result<ArrayRef> {
        let of = self.of.as_ref().map(|of| of.evaluate(input)?.into_array(input.num_rows())).transpose()?;
        let Some(of) = of else {
            return match &self.function {
                Function::RowNumber => Ok(place::row_number(&layout.partitions)),
                Function::Rank => Ok(place::rank(&layout.partitions, &layout.groups[self.along], false)),
                Function::DenseRank => Ok(place::rank(&layout.partitions, &layout.groups[self.along], true)),
                Function::Count { .. } => Ok(layout.frames(self.along).count(None)),
                other => exec_err!("{other:?} of nothing"),
            };
        };
        match &self.function {
            Function::Shift { back, ignore_nulls, default } => {
                let nulls = of.nulls().filter(|nulls| *ignore_nulls && nulls.null_count() > 0);
                match nulls {
                    Some(nulls) => {
                        let rows = place::shift_among_known(&layout.partitions, *back, nulls);
                        place::values(&of, &rows, default.as_ref())
                    }
                    None => place::values(&of, layout.shift(*back), default.as_ref()),
                }
            }
            Function::Nth { n, ignore_nulls } => {
                let nulls = of.nulls().filter(|nulls| *ignore_nulls && nulls.null_count() > 0);
                place::values(&of, &place::nth(&layout.frames[self.along], *n, nulls), None)
            }
            Function::Count { .. } => Ok(layout.frames(self.along).count(Some(&of))),
            Function::Sum => layout.frames(self.along).sum(&of, &self.gives),
            Function::Min | Function::All => layout.frames(self.along).extreme(&of, false),
            Function::Max | Function::Any => layout.frames(self.along).extreme(&of, true),
            Function::Mean => Ok(layout.frames(self.along).mean(&of)),
            Function::Deviation => Ok(layout.frames(self.along).deviation(&of)),
            other => exec_err!("{other:?} of a column"),
        }
    }
}

impl Layout {
    fn frames(&self, at: usize) -> Frames<'_> {
        Frames { partitions: &self.partitions, bounds: &self.frames[at] }
    }

    fn shift(&mut self, back: i64) -> &UInt32Array {
        let known = self.shifted.iter().position(|(of, _)| *of == back);
        let at = known.unwrap_or_else(|| {
            self.shifted.push((back, place::shift(&self.partitions, back)));
            self.shifted.len() - 1
        });
        &self.shifted[at].1
    }
}

/// Keys are distinguished by comparing neighbours; Arrow has no kernel for that for nested types.
fn check_key(key: &Arc<dyn PhysicalExpr>, schema: &SchemaRef) -> Result<(), &'static str> {
    match key.data_type(schema) {
        Ok(ty) if ty.is_nested() || ty.is_null() => Err("a key of this type"),
        Ok(_) => Ok(()),
        Err(_) => Err("a key without a type"),
    }
}

fn frame(
    written: &WindowFrame,
    by: &[PhysicalSortExpr],
    order: usize,
    schema: &SchemaRef,
) -> Result<Frame, &'static str> {
    let unit = match written.units {
        WindowFrameUnits::Rows => Unit::Rows,
        WindowFrameUnits::Range => Unit::Range,
        WindowFrameUnits::Groups => Unit::Groups,
    };
    let reach = |distance: &ScalarValue| match (unit, distance) {
        (Unit::Rows | Unit::Groups, ScalarValue::UInt64(Some(count))) => {
            u32::try_from(*count).map(Reach::Count).map_err(|_| "a frame of too many rows")
        }
        (Unit::Range, distance) => match by {
            [key] => Reach::along(&key.expr.data_type(schema).map_err(|_| "a key without a type")?, distance),
            _ => Err("a distance along several keys"),
        },
        _ => Err("a count that is none"),
    };
    let edge = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::CurrentRow => Ok(Edge::Current),
        WindowFrameBound::Preceding(distance) | WindowFrameBound::Following(distance) if distance.is_null() => {
            Ok(Edge::Unbounded)
        }
        WindowFrameBound::Preceding(distance) => reach(distance).map(Edge::Preceding),
        WindowFrameBound::Following(distance) => reach(distance).map(Edge::Following),
    };
    let is_backwards = matches!(&written.start_bound, WindowFrameBound::Following(distance) if distance.is_null())
        || matches!(&written.end_bound, WindowFrameBound::Preceding(distance) if distance.is_null());
    if is_backwards {
        return Err("a frame that ends before it begins");
    }
    Ok(Frame { unit, start: edge(&written.start_bound)?, end: edge(&written.end_bound)?, order })
}

/// Rows between two boundaries, one span after another.
fn spans(boundaries: &[u32]) -> impl Iterator<Item = (u32, u32)> + '_ {
    boundaries.windows(2).map(|pair| (pair[0], pair[1]))
}
