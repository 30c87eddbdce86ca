//! Hashes and equality of join and group keys.

use arrow::array::{Array, UInt32Array};
use arrow::datatypes::{DataType, TimeUnit};

use crate::sql::column::{Column, Picks};
use crate::sql::values::{NULL_HASH, Values};

/// Whether keys of this type can be compared here.
pub fn is_supported(ty: &DataType) -> bool {
    matches!(
        ty,
        DataType::Utf8
            | DataType::Date32
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt64
            | DataType::Boolean
            | DataType::Decimal128(..)
            | DataType::Timestamp(TimeUnit::Microsecond | TimeUnit::Nanosecond, _)
    )
}

/// Whether a row of the column has a value.
pub fn validity(column: &Column) -> impl Fn(usize) -> bool {
    let rows = column.picks.as_ref().map(Picks::rows);
    // An untyped constant is null in every row.
    let is_null = |row: usize| column.base.array.is_null(row) || column.data_type() == &DataType::Null;
    move |at| match rows {
        Some(rows) => rows.is_valid(at) && !is_null(rows.value(at) as usize),
        None => !is_null(at),
    }
}

/// For each group, the row with the least or greatest value among the rows that count; `None` if there is no value.
pub fn extremes(
    column: &Column,
    (numbers, groups): (&[usize], usize),
    counts: impl Fn(usize) -> bool,
    greatest: bool,
) -> Vec<Option<u32>> {
    let part = Part::new(column);
    let mut best: Vec<Option<u32>> = vec![None; groups];
    for (at, group) in numbers.iter().enumerate().filter(|(at, _)| counts(*at)) {
        let Some(row) = part.value(at) else { continue };
        let is_better = best[*group].is_none_or(|best| {
            let best = part.place(best as usize);
            if greatest { part.values.is_less(best, row) } else { part.values.is_less(row, best) }
        });
        if is_better {
            best[*group] = Some(at as u32);
        }
    }
    best
}

/// One column of a key.
struct Part<'a> {
    column: &'a Column,
    values: Values<'a>,
    /// Row numbers in the base; `None`: all, in their order.
    rows: Option<&'a UInt32Array>,
    /// Some row may be null.
    has_nulls: bool,
}

impl Part<'_> {
    fn new(column: &Column) -> Part<'_> {
        let rows = column.picks.as_ref().map(Picks::rows);
        let has_nulls = column.base.array.null_count() > 0 || rows.is_some_and(|rows| rows.null_count() > 0);
        Part { column, values: Values::of(&column.base.array), rows, has_nulls }
    }

    /// The row of the base, if every row has one.
    fn place(&self, at: usize) -> usize {
        self.rows.map_or(at, |rows| rows.value(at) as usize)
    }

    /// The row of the base; `None` if there is none.
    fn row(&self, at: usize) -> Option<usize> {
        match self.rows {
            Some(rows) if rows.is_null(at) => None,
            _ => Some(self.place(at)),
        }
    }

    fn value(&self, at: usize) -> Option<usize> {
        self.row(at).filter(|row| !self.values.is_null(*row))
    }

    fn equals(&self, at: usize, other: &Part<'_>, other_at: usize) -> bool {
        if !self.has_nulls && !other.has_nulls {
            let (place, other_place) = (self.place(at), other.place(other_at));
            if std::ptr::eq(&*self.column.base, &*other.column.base) {
                if place == other_place {
                    return true;
                }
                if let Some(ranks) = self.column.base.known_ranks() {
                    return ranks[place] == ranks[other_place];
                }
            }
            return self.values.equals(place, &other.values, other_place);
        }
        match (self.value(at), other.value(other_at)) {
            (Some(row), Some(other_row)) => self.values.equals(row, &other.values, other_row),
            (None, None) => true,
            _ => false,
        }
    }

    /// Calls `add` with each row's hash.
    fn each_hash(&self, count: usize, mut add: impl FnMut(usize, u64)) {
        let base = &self.column.base;
        match self.rows {
            None => base.hashes().iter().enumerate().for_each(|(at, hash)| add(at, *hash)),
            // Few rows of a large array: hashing all of it does not pay.
            Some(_) if !base.has_hashes() && count * 4 < base.array.len() => {
                (0..count).for_each(|at| add(at, self.row(at).map_or(NULL_HASH, |row| self.values.hash(row))));
            }
            Some(rows) if rows.null_count() == 0 => {
                let known = base.hashes();
                rows.values().iter().enumerate().for_each(|(at, row)| add(at, known[*row as usize]));
            }
            Some(_) => {
                let known = base.hashes();
                (0..count).for_each(|at| add(at, self.row(at).map_or(NULL_HASH, |row| known[row])));
            }
        }
    }
}

/// The key of every row: one or more columns.
pub struct Keys<'a> {
    parts: Vec<Part<'a>>,
    rows: usize,
}

impl<'a> Keys<'a> {
    pub fn new(columns: &'a [Column], rows: usize) -> Keys<'a> {
        Keys { parts: columns.iter().map(Part::new).collect(), rows }
    }

    /// The hash of each row's key.
    pub fn hashes(&self) -> Vec<u64> {
        let mut parts = self.parts.iter();
        let mut hashes = Vec::with_capacity(self.rows);
        if let Some(first) = parts.next() {
            first.each_hash(self.rows, |_, hash| hashes.push(hash));
        }
        for part in parts {
            part.each_hash(self.rows, |at, hash| {
                hashes[at] = hashes[at].rotate_left(23).wrapping_mul(NULL_HASH | 1) ^ hash;
            });
        }
        hashes
    }

    /// Whether some part of the row's key is null.
    pub fn has_null(&self, at: usize) -> bool {
        self.parts.iter().any(|part| part.value(at).is_none())
    }

    /// Whether some row may have a null in its key.
    pub fn may_have_nulls(&self) -> bool {
        self.parts.iter().any(|part| part.has_nulls)
    }

    /// Whether two rows have the same key; nulls are equal to one another.
    pub fn equal(&self, at: usize, other: &Keys<'_>, other_at: usize) -> bool {
        self.parts.iter().zip(&other.parts).all(|(own, other)| own.equals(at, other, other_at))
    }
}

/// Rows by the hash of their key: chains of rows, each in ascending order.
pub struct Table {
    mask: usize,
    /// First row of the chain, plus one.
    heads: Vec<u32>,
    /// The next row of the chain, plus one.
    next: Vec<u32>,
}

impl Table {
    /// A table of the rows for which `keep` is true.
    pub fn new(hashes: &[u64], keep: impl Fn(usize) -> bool) -> Table {
        let size = (hashes.len() * 2).next_power_of_two().max(4);
        let mut table = Table { mask: size - 1, heads: vec![0; size], next: vec![0; hashes.len()] };
        for row in (0..hashes.len()).rev().filter(|row| keep(*row)) {
            let head = &mut table.heads[hashes[row] as usize & (size - 1)];
            table.next[row] = *head;
            *head = row as u32 + 1;
        }
        table
    }

    /// Rows that may have this hash, in ascending order.
    pub fn candidates(&self, hash: u64) -> impl Iterator<Item = usize> {
        let mut at = self.heads[hash as usize & self.mask];
        std::iter::from_fn(move || {
            let row = (at as usize).checked_sub(1)?;
            at = self.next[row];
            Some(row)
        })
    }
}

/// A number for each distinct key, in the order of first appearance. Returns each row's number and each number's first row.
pub fn number(keys: &Keys<'_>, hashes: &[u64]) -> (Vec<usize>, Vec<u32>) {
    let size = (hashes.len() * 2).next_power_of_two().max(4);
    let mut places: Vec<u32> = vec![0; size];
    let mut first: Vec<u32> = Vec::new();
    let mut numbers = Vec::with_capacity(hashes.len());
    for (row, hash) in hashes.iter().enumerate() {
        // Neighbours often share their key.
        if row > 0 && hashes[row - 1] == *hash && keys.equal(row - 1, keys, row) {
            numbers.push(numbers[row - 1]);
            continue;
        }
        let mut place = *hash as usize & (size - 1);
        let group = loop {
            match (places[place] as usize).checked_sub(1) {
                None => {
                    places[place] = first.len() as u32 + 1;
                    first.push(row as u32);
                    break first.len() - 1;
                }
                Some(group) => {
                    let known = first[group] as usize;
                    if hashes[known] == *hash && keys.equal(known, keys, row) {
                        break group;
                    }
                }
            }
            place = (place + 1) & (size - 1);
        };
        numbers.push(group);
    }
    (numbers, first)
}
