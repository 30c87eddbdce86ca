//! Sorts by DataFusion's expressions and options, stably; rows that are in order already are left as they are.
//!
//! For each key every row gets a number that follows the order of the key, so that most comparisons are comparisons of numbers. A
//! text's number is its rank among the texts of its array, which all sorts over a slot share. Texts of a later key whose array has
//! no ranks yet are compared themselves, which few comparisons reach. If the numbers of two rows are equal and do not decide (nulls
//! beside the least number, other types), the values are compared.
//!
//! Mostly the first key is the person or permit, and the rows are in its order already: then the rows of each are sorted
//! separately.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, AsArray, DynComparator, StringArray, UInt32Array, make_comparator};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Date32Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::Result;

use crate::sql::column::{Batch, Column, Picks};
use crate::sql::executor::expr::Expr;
use crate::sql::executor::prune::Pruned;
use crate::sql::executor::{Node, Run};

pub(super) struct Sort {
    pub input: Node,
    pub by: Vec<(Expr, SortOptions)>,
}

impl Sort {
    pub fn run(&self, run: &Run<'_>, pruned: &Pruned) -> Result<Batch> {
        let input = self.input.run(run, pruned)?;
        if input.rows < 2 { Ok(input) } else { self.sorted(&input) }
    }

    pub fn sorted(&self, input: &Batch) -> Result<Batch> {
        let columns = self.by.iter().map(|(expr, _)| expr.column(input)).collect::<Result<Vec<_>>>()?;
        let keys = columns.iter().zip(&self.by).enumerate();
        let keys = keys.map(|(at, (column, (_, options)))| Key::new(column, *options, at == 0));
        let order = order_by(input.rows, &keys.collect::<Result<Vec<_>>>()?);
        Ok(order.map_or_else(|| input.clone(), |order| input.pick(&Picks::of(order))))
    }
}

/// The order of rows by all keys; `None` if the rows are in order already. Every sort is stable.
fn order_by(rows: usize, keys: &[Key<'_>]) -> Option<Vec<u32>> {
    let (first, rest) = keys.split_first()?;
    let by = |keys: &[Key<'_>], a: u32, b: u32| -> Ordering {
        let orders = keys.iter().map(|key| key.compare(a as usize, b as usize));
        orders.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    };
    let mut order: Vec<u32> = (0..rows as u32).collect();
    if (1..rows).all(|row| first.compare(row - 1, row).is_le()) {
        let mut is_same = true;
        for run in order.chunk_by_mut(|a, b| first.compare(*a as usize, *b as usize).is_eq()) {
            if !run.is_sorted_by(|a, b| by(rest, *a, *b).is_le()) {
                run.sort_by(|a, b| by(rest, *a, *b));
                is_same = false;
            }
        }
        return (!is_same).then_some(order);
    }
    // The stable sort is fast on runs that are in order, as the rows of each input of a join or union are.
    match keys {
        [Key::Numbers { numbers: a, values: None }, Key::Numbers { numbers: b, values: None }] => {
            sort_by_numbers(&mut order, |row| [a[row], b[row]]);
        }
        [
            Key::Numbers { numbers: a, values: None },
            Key::Numbers { numbers: b, values: None },
            Key::Numbers { numbers: c, values: None },
        ] => sort_by_numbers(&mut order, |row| [a[row], b[row], c[row]]),
        _ => order.sort_by(|a, b| by(keys, *a, *b)),
    }
    Some(order)
}

/// Sorts rows by numbers that decide every comparison.
fn sort_by_numbers<const N: usize>(order: &mut [u32], numbers: impl Fn(usize) -> [u64; N]) {
    let mut keyed: Vec<([u64; N], u32)> = order.iter().map(|row| (numbers(*row as usize), *row)).collect();
    keyed.sort_by_key(|(numbers, _)| *numbers);
    order.iter_mut().zip(keyed).for_each(|(place, (_, row))| *place = row);
}

/// One column to sort by.
enum Key<'a> {
    Numbers {
        numbers: Vec<u64>,
        /// Compares the values; `None` if the numbers decide every comparison.
        values: Option<DynComparator>,
    },
    Texts {
        texts: &'a StringArray,
        /// Row numbers of the texts; `None`: in the order of the array.
        rows: Option<&'a UInt32Array>,
        options: SortOptions,
    },
}

impl<'a> Key<'a> {
    fn new(column: &'a Column, options: SortOptions, is_first: bool) -> Result<Key<'a>> {
        if let Some(texts) = column.base.array.as_string_opt::<i32>() {
            if column.base.known_ranks().is_some() || is_first && texts.len() <= TEXTS_PER_ROW * column.rows() {
                return Ok(Key::Numbers { numbers: ranks(column, options), values: None });
            }
            return Ok(Key::Texts { texts, rows: column.picks.as_ref().map(Picks::rows), options });
        }
        let array = column.array()?;
        let (mut numbers, mut whole) = numbers(&array);
        if options.descending {
            numbers.iter_mut().for_each(|number| *number = !*number);
        }
        if let Some(nulls) = array.nulls().filter(|nulls| nulls.null_count() > 0) {
            let null = if options.nulls_first { 0 } else { u64::MAX };
            // If a value has the number of null, equal numbers do not mean equal values.
            whole &= (0..array.len()).all(|row| nulls.is_null(row) || numbers[row] != null);
            (0..array.len()).filter(|row| nulls.is_null(*row)).for_each(|row| numbers[row] = null);
        }
        let values = if whole { None } else { Some(make_comparator(&array, &array, options)?) };
        Ok(Key::Numbers { numbers, values })
    }

    #[inline]
    fn compare(&self, a: usize, b: usize) -> Ordering {
        match self {
            Key::Numbers { numbers, values } => {
                let order = numbers[a].cmp(&numbers[b]);
                match values {
                    Some(values) if order.is_eq() => values(a, b),
                    _ => order,
                }
            }
            Key::Texts { texts, rows, options } => {
                let place = |row: usize| match rows {
                    None => Some(row),
                    Some(rows) => rows.is_valid(row).then(|| rows.value(row) as usize),
                };
                let (a, b) = (place(a), place(b));
                if a == b {
                    return Ordering::Equal;
                }
                let text = |place: Option<usize>| place.filter(|at| texts.is_valid(*at)).map(|at| texts.value(at));
                match (text(a), text(b)) {
                    (Some(a), Some(b)) if options.descending => b.cmp(a),
                    (Some(a), Some(b)) => a.cmp(b),
                    // Nulls first or nulls last.
                    (a, b) if options.nulls_first => a.is_some().cmp(&b.is_some()),
                    (a, b) => b.is_some().cmp(&a.is_some()),
                }
            }
        }
    }
}

/// If the array has more texts than this per picked row, ranking them all does not pay.
const TEXTS_PER_ROW: usize = 4;

/// The rank of each row's text, as a number in the order asked for.
fn ranks(column: &Column, options: SortOptions) -> Vec<u64> {
    let ranks = column.base.ranks();
    let null = if options.nulls_first { 0 } else { u64::MAX };
    let number = |rank: u32| match rank {
        0 => null,
        // Not one of the numbers of null.
        rank if options.descending => u64::from(u32::MAX - rank) + 1,
        rank => u64::from(rank),
    };
    match &column.picks {
        None => ranks.iter().map(|rank| number(*rank)).collect(),
        Some(picks) => picks.rows().iter().map(|row| row.map_or(null, |row| number(ranks[row as usize]))).collect(),
    }
}

/// A number for each value that follows the order of the values; and whether equal numbers mean equal values.
fn numbers(array: &ArrayRef) -> (Vec<u64>, bool) {
    let signed = |value: i64| value as u64 ^ 1 << 63;
    match array.data_type() {
        DataType::Date32 => {
            (array.as_primitive::<Date32Type>().values().iter().map(|day| signed(i64::from(*day))).collect(), true)
        }
        DataType::Int64 => {
            (array.as_primitive::<Int64Type>().values().iter().map(|value| signed(*value)).collect(), true)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let values = array.as_primitive::<TimestampMicrosecondType>().values();
            (values.iter().map(|value| signed(*value)).collect(), true)
        }
        DataType::Boolean => (array.as_boolean().values().iter().map(u64::from).collect(), true),
        _ => (vec![0; array.len()], false),
    }
}
