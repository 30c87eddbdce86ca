//! Grouping: numbers the distinct keys, and computes aggregate functions for each number.

use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use datafusion::common::Result;

use crate::sql::column::{Batch, Column, Picks, pick_all};
use crate::sql::executor::aggregate::{Aggregate, Grouping};
use crate::sql::executor::expr::Expr;
use crate::sql::executor::prune::Pruned;
use crate::sql::executor::{Node, Run};
use crate::sql::keys::{Keys, number};

/// One output row for each distinct key.
pub(super) struct Group {
    pub input: Node,
    /// Empty: one output row for all input rows.
    pub keys: Vec<Expr>,
    pub aggregates: Vec<Aggregate>,
}

impl Group {
    pub fn run(&self, run: &Run<'_>, pruned: &Pruned, schema: &SchemaRef, empty: &Batch) -> Result<Batch> {
        let input = self.input.run(run, pruned)?;
        if input.rows == 0 && !self.keys.is_empty() {
            return Ok(empty.clone());
        }
        self.grouped(&input, schema)
    }

    pub fn grouped(&self, input: &Batch, schema: &SchemaRef) -> Result<Batch> {
        let (grouping, mut columns) = if self.keys.is_empty() {
            (Grouping { numbers: vec![0; input.rows], groups: 1 }, Vec::new())
        } else {
            let keys = self.keys.iter().map(|key| key.column(input)).collect::<Result<Vec<_>>>()?;
            let by = Keys::new(&keys, input.rows);
            let (numbers, first) = number(&by, &by.hashes());
            let groups = first.len();
            let columns = if groups == input.rows { keys } else { pick_all(&keys, &Picks::of(first)) };
            (Grouping { numbers, groups }, columns)
        };
        for aggregate in &self.aggregates {
            let wanted = schema.field(columns.len()).data_type();
            let column = aggregate.evaluate(input, &grouping)?;
            let is_wanted = column.data_type() == wanted;
            columns.push(if is_wanted { column } else { Column::new(cast(&column.array()?, wanted)?) });
        }
        Ok(Batch { rows: grouping.groups, columns })
    }
}
