//! Expressions over only the columns that they read: evaluated row by row where possible (`rowwise`), otherwise by DataFusion.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column as ColumnExpr, Literal};
use datafusion::physical_expr::utils::collect_columns;

use crate::sql::budget::{make_array, room};
use crate::sql::cells::{Arena, Cells, Rows};
use crate::sql::column::{Batch, Column, Picks, narrow_schema};
use crate::sql::executor::rowwise::Rowwise;
use crate::sql::renumber::renumbered;

/// Up to this many rows, evaluating row by row is cheaper than DataFusion's arrays, which win with more rows (measured: half the
/// time for a handful of rows, twice the time for thousands).
const FEW_ROWS: usize = 64;

/// An expression over a batch.
pub enum Expr {
    /// A column as it is.
    Column(usize),
    /// A constant, as a column of one row.
    Constant(Column),
    Computed(Computed),
}

pub struct Computed {
    rowwise: Option<Rowwise>,
    expr: Arc<dyn PhysicalExpr>,
    /// Columns of the batch that the expression reads, in the order of its own column numbers.
    inputs: Vec<usize>,
    schema: SchemaRef,
    /// Bytes of its constant texts: a row has no more of them.
    literal_bytes: u64,
}

impl Expr {
    /// An expression over batches of the given schema.
    pub fn new(expr: &Arc<dyn PhysicalExpr>, input: &Schema) -> Result<Expr> {
        if let Some(column) = expr.downcast_ref::<ColumnExpr>() {
            return Ok(Expr::Column(column.index()));
        }
        if let Some(literal) = expr.downcast_ref::<Literal>() {
            return Ok(Expr::Constant(Column::new(literal.value().to_array()?)));
        }
        Expr::computed(expr, input, Rowwise::new(expr, input)?)
    }

    /// The same, always evaluated by DataFusion.
    pub(super) fn whole(expr: &Arc<dyn PhysicalExpr>, input: &Schema) -> Result<Expr> {
        Expr::computed(expr, input, None)
    }

    fn computed(expr: &Arc<dyn PhysicalExpr>, input: &Schema, rowwise: Option<Rowwise>) -> Result<Expr> {
        let mut inputs: Vec<usize> = collect_columns(expr).iter().map(ColumnExpr::index).collect();
        inputs.sort_unstable();
        let place = |index: usize| inputs.iter().position(|input| *input == index).unwrap_or(0);
        let expr = renumbered(expr, place)?;
        let schema = narrow_schema(input, &inputs);
        let literal_bytes = literal_bytes(&expr)?;
        Ok(Expr::Computed(Computed { rowwise, expr, inputs, schema, literal_bytes }))
    }

    /// The value for every row.
    pub fn column(&self, batch: &Batch) -> Result<Column> {
        match self {
            Expr::Column(at) => Ok(batch.columns[*at].clone()),
            Expr::Constant(value) => Ok(value.pick(&Picks::of(vec![0; batch.rows]))),
            Expr::Computed(computed) => Ok(Column::new(computed.array(batch)?)),
        }
    }

    pub fn array(&self, batch: &Batch) -> Result<ArrayRef> {
        match self {
            Expr::Column(at) => batch.columns[*at].array(),
            Expr::Constant(_) => self.column(batch)?.array(),
            Expr::Computed(computed) => computed.array(batch),
        }
    }

    /// The rows for which a condition holds (null does not count); `None`: all.
    pub fn holding(&self, batch: &Batch) -> Result<Option<Picks>> {
        let rowwise = match self {
            Expr::Computed(computed) => computed.rowwise_for(batch),
            _ => None,
        };
        match rowwise.and_then(|rowwise| rowwise.holding(batch)) {
            Some(rows) if rows.len() == batch.rows => Ok(None),
            Some(rows) => Ok(Some(Picks::of(rows))),
            None => Ok(holding(self.array(batch)?.as_boolean())),
        }
    }
}

fn literal_bytes(expr: &Arc<dyn PhysicalExpr>) -> Result<u64> {
    let mut bytes = 0;
    expr.apply(|part| {
        let literal = part.downcast_ref::<Literal>().and_then(|literal| literal.value().try_as_str().flatten());
        bytes += literal.map_or(0, |text| text.len() as u64);
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(bytes)
}

/// The same over cells.
impl Expr {
    pub fn cells<'a>(&'a self, rows: &Rows<'a>, arena: &'a Arena) -> Result<Cells<'a>> {
        match self {
            Expr::Column(at) => Ok(rows.columns[*at]),
            Expr::Constant(value) => Ok(arena.cells_of(value.array()?).repeated(rows.count, arena)),
            Expr::Computed(computed) => computed.cells(rows, arena),
        }
    }

    pub fn holding_single<'a>(&'a self, rows: &Rows<'a>, arena: &'a Arena) -> Result<Option<Vec<u32>>> {
        let rowwise = match self {
            Expr::Computed(Computed { rowwise: Some(rowwise), .. }) => rowwise.holding_single(rows, arena),
            _ => None,
        };
        let holding = match rowwise {
            Some(holding) => holding,
            None => {
                let source = self.cells(rows, arena)?.source();
                let holds =
                    |at: &u32| source.as_ref().and_then(|source| source.number(*at as usize).ok()) == Some(Some(1));
                (0..rows.count as u32).filter(holds).collect()
            }
        };
        Ok(Some(holding).filter(|holding| holding.len() < rows.count))
    }
}

/// The rows for which a condition holds (null does not count); `None` if it holds for all.
fn holding(holds: &BooleanArray) -> Option<Picks> {
    if holds.null_count() == 0 && holds.true_count() == holds.len() {
        return None;
    }
    Some(Picks::of(match holds.nulls() {
        None => holds.values().set_indices_u32().collect(),
        Some(nulls) => (holds.values() & nulls.inner()).set_indices_u32().collect(),
    }))
}

impl Computed {
    fn rowwise_for(&self, batch: &Batch) -> Option<&Rowwise> {
        self.rowwise.as_ref().filter(|_| batch.rows <= FEW_ROWS)
    }

    fn array(&self, batch: &Batch) -> Result<ArrayRef> {
        room(self.literal_bytes.saturating_mul(batch.rows as u64))?;
        if let Some(array) = self.rowwise_for(batch).and_then(|rowwise| rowwise.array(batch)) {
            make_array(&array)?;
            return Ok(array);
        }
        let input = batch.narrow(&self.inputs, &self.schema)?;
        let array = self.expr.evaluate(&input)?.into_array(batch.rows)?;
        make_array(&array)?;
        Ok(array)
    }

    fn cells<'a>(&'a self, rows: &Rows<'a>, arena: &'a Arena) -> Result<Cells<'a>> {
        if let Some(cells) = self.rowwise.as_ref().and_then(|rowwise| rowwise.cells(rows, arena)) {
            return Ok(cells);
        }
        room(self.literal_bytes.saturating_mul(rows.count as u64))?;
        let input = rows.project(&self.inputs, arena).batch(&self.schema)?.to_record_batch(&self.schema)?;
        let array = self.expr.evaluate(&input)?.into_array(rows.count)?;
        make_array(&array)?;
        Ok(arena.cells_of(array))
    }
}
