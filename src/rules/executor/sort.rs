//! Sorting: by DataFusion's expressions and options, stable; rows that are in order already are left alone.
//!
//! Each key gives every row a number that is in the keys' order as far as it goes; most comparisons end there. A text's number
//! is its rank among the texts of its array, which all sorts over a slot share. Only where the numbers of two rows are equal and
//! do not say everything (nulls beside the least number, types of other kinds) the values are compared.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, AsArray, DynComparator, make_comparator};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Date32Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::Result;

use crate::rules::executor::column::{Batch, Column, Picks};
use crate::rules::executor::expr::Expr;
use crate::rules::executor::prune::Pruned;
use crate::rules::executor::{Node, Run};

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
        let keys = self.by.iter().map(|(expr, options)| Key::new(&expr.column(input)?, *options));
        let keys = keys.collect::<Result<Vec<_>>>()?;
        let order = match keys.as_slice() {
            [a, b] if a.is_whole() && b.is_whole() => order_of(input.rows, |row| [a.numbers[row], b.numbers[row]]),
            [a, b, c] if a.is_whole() && b.is_whole() && c.is_whole() => {
                order_of(input.rows, |row| [a.numbers[row], b.numbers[row], c.numbers[row]])
            }
            keys => order_by(input.rows, keys),
        };
        Ok(order.map_or_else(|| input.clone(), |order| input.pick(&Picks::of(order))))
    }
}

/// The order of rows by all their numbers; `None` if it is the one that they stand in.
fn order_of<const N: usize>(rows: usize, numbers: impl Fn(usize) -> [u64; N]) -> Option<Vec<u32>> {
    if (1..rows).all(|row| numbers(row - 1) <= numbers(row)) {
        return None;
    }
    let mut keyed: Vec<([u64; N], u32)> = (0..rows).map(|row| (numbers(row), row as u32)).collect();
    // The stable sort takes advantage of what is in order already, as the rows of each input of a join or union are.
    keyed.sort_by_key(|(numbers, _)| *numbers);
    Some(keyed.into_iter().map(|(_, row)| row).collect())
}

/// The same for keys of any kind.
fn order_by(rows: usize, keys: &[Key]) -> Option<Vec<u32>> {
    let compare = |a: u32, b: u32| -> Ordering {
        let orders = keys.iter().map(|key| key.compare(a as usize, b as usize));
        orders.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    };
    if (1..rows as u32).all(|row| compare(row - 1, row).is_le()) {
        return None;
    }
    let mut order: Vec<u32> = (0..rows as u32).collect();
    order.sort_by(|a, b| compare(*a, *b));
    Some(order)
}

/// One column to sort by.
struct Key {
    numbers: Vec<u64>,
    /// Compares the values; `None` where the numbers say everything.
    values: Option<DynComparator>,
}

impl Key {
    fn new(column: &Column, options: SortOptions) -> Result<Key> {
        if column.data_type() == &DataType::Utf8 && column.base.array.len() <= TEXTS_PER_ROW * column.rows() {
            return Ok(Key { numbers: ranks(column, options), values: None });
        }
        let array = column.array()?;
        let (mut numbers, mut whole) = numbers(&array);
        if options.descending {
            numbers.iter_mut().for_each(|number| *number = !*number);
        }
        if let Some(nulls) = array.nulls().filter(|nulls| nulls.null_count() > 0) {
            let null = if options.nulls_first { 0 } else { u64::MAX };
            // Values beside a null decide for themselves if they share its number.
            whole &= (0..array.len()).all(|row| nulls.is_null(row) || numbers[row] != null);
            (0..array.len()).filter(|row| nulls.is_null(*row)).for_each(|row| numbers[row] = null);
        }
        let values = if whole { None } else { Some(make_comparator(&array, &array, options)?) };
        Ok(Key { numbers, values })
    }

    fn is_whole(&self) -> bool {
        self.values.is_none()
    }

    fn compare(&self, a: usize, b: usize) -> Ordering {
        let order = self.numbers[a].cmp(&self.numbers[b]);
        match &self.values {
            Some(values) if order.is_eq() => values(a, b),
            _ => order,
        }
    }
}

/// Beyond so many texts in the array for each picked row, ranking them all is not worth it.
const TEXTS_PER_ROW: usize = 4;

/// The rank of each row's text as a number in the order asked for.
fn ranks(column: &Column, options: SortOptions) -> Vec<u64> {
    let ranks = column.base.ranks();
    let null = if options.nulls_first { 0 } else { u64::MAX };
    let number = |rank: u32| match rank {
        0 => null,
        // Neither of a null's numbers.
        rank if options.descending => u64::from(u32::MAX - rank) + 1,
        rank => u64::from(rank),
    };
    match &column.picks {
        None => ranks.iter().map(|rank| number(*rank)).collect(),
        Some(picks) => picks.rows().iter().map(|row| row.map_or(null, |row| number(ranks[row as usize]))).collect(),
    }
}

/// A number for each value, smaller for smaller values and never greater for them; and whether equal numbers mean equal values.
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
        DataType::Utf8 => {
            let array = array.as_string::<i32>();
            ((0..array.len()).map(|row| first_bytes(array.value(row))).collect(), false)
        }
        _ => (vec![0; array.len()], false),
    }
}

/// The first eight bytes, as a number in the order of the text.
fn first_bytes(text: &str) -> u64 {
    let mut bytes = [0; 8];
    let count = text.len().min(8);
    bytes[..count].copy_from_slice(&text.as_bytes()[..count]);
    u64::from_be_bytes(bytes)
}
