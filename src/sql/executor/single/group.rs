//! Groups few rows.

use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use datafusion::common::Result;

use crate::sql::cells::{Arena, Cells, Rows, Values};
use crate::sql::executor::aggregate::{Aggregate, BuiltIn, Grouping};
use crate::sql::executor::group::Group;
use crate::sql::executor::single::{SingleRun, hash_of, same};
use crate::sql::keys::Table;

impl Group {
    pub fn single<'a>(&'a self, run: &SingleRun<'_, 'a>, schema: &'a SchemaRef) -> Result<Rows<'a>> {
        let (input, arena) = (self.input.single(run)?, run.arena);
        if input.count == 0 && !self.keys.is_empty() {
            return Ok(Rows::NONE);
        }
        let keys = match input.count {
            0 => &[],
            _ => arena.try_slice(self.keys.iter().map(|key| key.cells(&input, arena)))?,
        };
        // Without keys there is a group even if there are no rows.
        if input.count == 0 || keys.iter().any(|cells| cells.is_array()) {
            return Rows::of_batch(&self.grouped(&input.batch(&self.input.schema)?, schema)?, arena);
        }
        let (grouping, first) = number(keys, input.count);
        let keys = Rows { count: input.count, columns: keys }.keep(&first, arena);
        let mut columns = Vec::with_capacity(keys.columns.len() + self.aggregates.len());
        columns.extend_from_slice(keys.columns);
        for aggregate in &self.aggregates {
            let wanted = schema.field(columns.len()).data_type();
            let own = aggregate.single(&input, &grouping, arena)?;
            columns.push(match own {
                Some(cells) => cells,
                None => {
                    let array = aggregate.evaluate(&input.batch(&self.input.schema)?, &grouping)?.array()?;
                    arena.cells_of(if array.data_type() == wanted { array } else { cast(&array, wanted)? })
                }
            });
        }
        Ok(Rows { count: grouping.groups, columns: arena.slice(columns.into_iter()) })
    }
}

/// Up to this many rows, each is compared with the groups found so far.
const FEW_GROUPED: usize = 24;

/// A number for each distinct key, in the order of first appearance, and each number's first row; nulls are equal.
fn number(keys: &[Cells<'_>], rows: usize) -> (Grouping, Vec<u32>) {
    let is_same = |row: usize, other: usize| keys.iter().all(|cells| same(*cells, row, *cells, other));
    let hashes: Vec<u64> =
        if rows <= FEW_GROUPED { Vec::new() } else { (0..rows).map(|row| hash_of(keys, row)).collect() };
    let table = Table::new(&hashes, |_| true);
    let (mut numbers, mut first): (Vec<usize>, Vec<u32>) = (Vec::with_capacity(rows), Vec::new());
    for row in 0..rows {
        // Neighbours often share their key.
        let near = (row > 0 && is_same(row - 1, row)).then(|| numbers[row - 1]);
        let known = near.or_else(|| match hashes.get(row) {
            None => first.iter().position(|first| is_same(*first as usize, row)),
            // The rows of one hash come in ascending order.
            Some(hash) => {
                table.candidates(*hash).take_while(|at| *at < row).find(|at| is_same(*at, row)).map(|at| numbers[at])
            }
        });
        numbers.push(known.unwrap_or(first.len()));
        if known.is_none() {
            first.push(row as u32);
        }
    }
    (Grouping { numbers, groups: first.len() }, first)
}

impl Aggregate {
    /// The aggregate's value for each group; `None` if arrays are needed.
    fn single<'a>(&'a self, input: &Rows<'a>, grouping: &Grouping, arena: &'a Arena) -> Result<Option<Cells<'a>>> {
        let (Some(own), [argument]) = (self.own, self.arguments.as_slice()) else { return Ok(None) };
        let cells = argument.cells(input, arena)?;
        let filter = self.filter.as_ref().map(|filter| filter.cells(input, arena)).transpose()?;
        if filter.is_some_and(Cells::is_array) {
            return Ok(None);
        }
        let counted = |rows: &mut dyn FnMut(usize, usize)| {
            for (row, group) in grouping.numbers.iter().enumerate() {
                if filter.is_none_or(|filter| filter.number(row) == Some(1)) {
                    rows(row, *group);
                }
            }
        };
        Ok(match (own, cells.values) {
            (BuiltIn::Count, _) => {
                let mut counts = vec![0; grouping.groups];
                counted(&mut |row, group| counts[group] += i64::from(!cells.is_null(row)));
                Some(arena.numbers(counts.into_iter().map(Some)))
            }
            (BuiltIn::Sum, Values::Numbers(_)) => {
                let mut sums: Vec<Option<i64>> = vec![None; grouping.groups];
                counted(&mut |row, group| {
                    if let Some(number) = cells.number(row) {
                        // Wraps, as over arrays.
                        sums[group] = Some(sums[group].unwrap_or(0).wrapping_add(number));
                    }
                });
                Some(arena.numbers(sums.into_iter()))
            }
            (BuiltIn::Least | BuiltIn::Greatest, Values::Numbers(_)) => {
                Some(Cells::of_numbers(extremes(|row| cells.number(row), grouping.groups, counted, own, arena)))
            }
            (BuiltIn::Least | BuiltIn::Greatest, Values::Texts(_)) => {
                Some(Cells::of_texts(extremes(|row| cells.text(row), grouping.groups, counted, own, arena)))
            }
            _ => None,
        })
    }
}

/// The least or greatest value of each group.
fn extremes<T: Copy + Ord>(
    value: impl Fn(usize) -> Option<T>,
    groups: usize,
    counted: impl Fn(&mut dyn FnMut(usize, usize)),
    own: BuiltIn,
    arena: &Arena,
) -> &[Option<T>] {
    let mut best: Vec<Option<T>> = vec![None; groups];
    counted(&mut |row, group| {
        let Some(value) = value(row) else { return };
        let is_better =
            best[group].is_none_or(|best| if own == BuiltIn::Greatest { value > best } else { value < best });
        if is_better {
            best[group] = Some(value);
        }
    });
    arena.slice(best.into_iter())
}
