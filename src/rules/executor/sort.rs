//! Sorting: by DataFusion's expressions and options, stable; rows that are in order already are left alone.
//!
//! Each key gives every row a number that is in the keys' order as far as it goes; most comparisons end there. Only where
//! the numbers of two rows are equal and do not say everything (the eighth byte of a text, nulls) the values are compared.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, AsArray, DynComparator, make_comparator};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Date32Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::Result;

use crate::rules::executor::column::{Batch, Picks};
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
        if input.rows < 2 {
            return Ok(input);
        }
        let keys = self.by.iter().map(|(expr, options)| Key::new(&expr.array(&input)?, *options));
        let keys = keys.collect::<Result<Vec<_>>>()?;
        let compare = |a: u32, b: u32| -> Ordering {
            let orders = keys.iter().map(|key| key.compare(a as usize, b as usize));
            orders.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        };
        if (1..input.rows as u32).all(|at| compare(at - 1, at).is_le()) {
            return Ok(input);
        }
        let mut order: Vec<u32> = (0..input.rows as u32).collect();
        order.sort_by(|a, b| compare(*a, *b));
        Ok(input.pick(&Picks::of(order)))
    }
}

/// One column to sort by.
struct Key {
    numbers: Vec<u64>,
    /// Compares the values; `None` where the numbers say everything.
    values: Option<DynComparator>,
}

impl Key {
    fn new(array: &ArrayRef, options: SortOptions) -> Result<Key> {
        let (mut numbers, whole) = numbers(array);
        let whole = whole && array.null_count() == 0;
        if options.descending {
            numbers.iter_mut().for_each(|number| *number = !*number);
        }
        if let Some(nulls) = array.nulls().filter(|nulls| nulls.null_count() > 0) {
            // Values beside a null decide for themselves if they share its number.
            let null = if options.nulls_first { 0 } else { u64::MAX };
            (0..array.len()).filter(|row| nulls.is_null(*row)).for_each(|row| numbers[row] = null);
        }
        let values = if whole { None } else { Some(make_comparator(array, array, options)?) };
        Ok(Key { numbers, values })
    }

    fn compare(&self, a: usize, b: usize) -> Ordering {
        let order = self.numbers[a].cmp(&self.numbers[b]);
        match &self.values {
            Some(values) if order.is_eq() => values(a, b),
            _ => order,
        }
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
