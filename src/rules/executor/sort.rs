//! Sorting: by DataFusion's expressions and options, stable; rows that are in order already are left alone.

use arrow::compute::SortOptions;
use arrow::row::{RowConverter, SortField};
use datafusion::common::Result;

use crate::rules::executor::column::{Batch, Picks};
use crate::rules::executor::expr::Expr;
use crate::rules::executor::{Node, Run};

pub(super) struct Sort {
    pub input: Node,
    pub by: Vec<(Expr, SortOptions)>,
}

impl Sort {
    pub fn run(&self, run: &Run<'_>) -> Result<Batch> {
        let input = self.input.run(run)?;
        if input.rows < 2 {
            return Ok(input);
        }
        let arrays = self.by.iter().map(|(expr, _)| expr.array(&input)).collect::<Result<Vec<_>>>()?;
        let fields = arrays.iter().zip(&self.by);
        let fields = fields.map(|(array, (_, options))| SortField::new_with_options(array.data_type().clone(), *options));
        let converter = RowConverter::new(fields.collect())?;
        let rows = converter.convert_columns(&arrays)?;
        if (1..input.rows).all(|at| rows.row(at - 1) <= rows.row(at)) {
            return Ok(input);
        }
        let mut order: Vec<u32> = (0..input.rows as u32).collect();
        order.sort_by(|a, b| rows.row(*a as usize).cmp(&rows.row(*b as usize)));
        Ok(input.pick(&Picks::of(order)))
    }
}
