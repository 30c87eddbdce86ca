//! Sorts few rows, stably; rows that are in order already are left as they are.

use std::cmp::Ordering;

use arrow::compute::SortOptions;
use datafusion::common::Result;

use crate::sql::cells::{Cells, Rows, Values};
use crate::sql::executor::single::SingleRun;
use crate::sql::executor::sort::Sort;

impl Sort {
    pub fn single<'a>(&'a self, run: &SingleRun<'_, 'a>) -> Result<Rows<'a>> {
        let (input, arena) = (self.input.single(run)?, run.arena);
        if input.count < 2 {
            return Ok(input);
        }
        let keys = arena.try_slice(self.by.iter().map(|(key, _)| key.cells(&input, arena)))?;
        if keys.iter().any(|cells| cells.is_array()) {
            return Rows::of_batch(&self.sorted(&input.batch(&self.input.schema)?)?, arena);
        }
        let compare = |a: usize, b: usize| -> Ordering {
            let orders = keys.iter().zip(&self.by).map(|(cells, (_, options))| order(*cells, *options, a, b));
            orders.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        };
        if (1..input.count).all(|row| compare(row - 1, row).is_le()) {
            return Ok(input);
        }
        let mut rows: Vec<u32> = (0..input.count as u32).collect();
        rows.sort_by(|a, b| compare(*a as usize, *b as usize));
        Ok(input.pick(&rows, arena))
    }
}

fn order(cells: Cells<'_>, options: SortOptions, a: usize, b: usize) -> Ordering {
    match cells.values {
        Values::Numbers(_) => order_of(cells.number(a), cells.number(b), options),
        Values::Texts(_) => order_of(cells.text(a), cells.text(b), options),
        Values::Array(_) => Ordering::Equal,
    }
}

fn order_of<T: Ord>(a: Option<T>, b: Option<T>, options: SortOptions) -> Ordering {
    let null_first = if options.nulls_first { Ordering::Less } else { Ordering::Greater };
    match (a, b) {
        (Some(a), Some(b)) if options.descending => b.cmp(&a),
        (Some(a), Some(b)) => a.cmp(&b),
        (None, None) => Ordering::Equal,
        (None, Some(_)) => null_first,
        (Some(_), None) => null_first.reverse(),
    }
}
