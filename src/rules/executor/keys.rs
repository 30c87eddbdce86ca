//! Hashes and equality of the keys of joins and groups.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringArray, UInt32Array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
    TimestampNanosecondType, UInt64Type,
};

use crate::rules::executor::column::{Column, Picks};

/// Keys of this type can be compared here.
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

const NULL_HASH: u64 = 0x9e37_79b9_7f4a_7c15;

/// Spreads what differs in few bits over all of them (the finalizer of MurmurHash3).
pub fn hash_number(mut hash: u64) -> u64 {
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ hash >> 33
}

pub fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut hash = bytes.len() as u64;
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let word = chunk.iter().rev().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
        hash = (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
    let rest = chunks.remainder().iter().rev().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
    hash_number((hash.rotate_left(5) ^ rest).wrapping_mul(0x517c_c1b7_2722_0a95))
}

/// The hash of each value.
pub fn hash_array(array: &ArrayRef) -> Box<[u64]> {
    let values = Values::of(array);
    (0..array.len()).map(|row| values.hash(row)).collect()
}

/// The place of each text among all, from 1; nulls have 0.
pub fn rank_texts(array: &ArrayRef) -> Box<[u32]> {
    let mut ranks = vec![0; array.len()];
    let Some(texts) = array.as_string_opt::<i32>() else { return ranks.into() };
    let mut rows: Vec<u32> = (0..texts.len() as u32).filter(|row| texts.is_valid(*row as usize)).collect();
    let text = |row: u32| texts.value(row as usize);
    // Units come in their order, and so do most identifiers of one: the stable sort takes runs as they are.
    rows.sort_by(|a, b| text(*a).cmp(text(*b)));
    let mut rank = 0;
    for (at, row) in rows.iter().enumerate() {
        rank += u32::from(at == 0 || text(rows[at - 1]) != text(*row));
        ranks[*row as usize] = rank;
    }
    ranks.into()
}

/// The values of an array, by type.
enum Values<'a> {
    Text(&'a StringArray),
    Days(&'a [i32], Option<&'a NullBuffer>),
    Long(&'a [i64], Option<&'a NullBuffer>),
    Unsigned(&'a [u64], Option<&'a NullBuffer>),
    Wide(&'a [i128], Option<&'a NullBuffer>),
    Truth(&'a BooleanArray),
}

impl<'a> Values<'a> {
    /// Of a type that [`is_supported`]; one that is not has no rows here.
    fn of(array: &'a ArrayRef) -> Values<'a> {
        let nulls = array.nulls();
        match array.data_type() {
            DataType::Utf8 => Values::Text(array.as_string()),
            DataType::Date32 => Values::Days(array.as_primitive::<Date32Type>().values(), nulls),
            DataType::Int32 => Values::Days(array.as_primitive::<Int32Type>().values(), nulls),
            DataType::Int64 => Values::Long(array.as_primitive::<Int64Type>().values(), nulls),
            DataType::UInt64 => Values::Unsigned(array.as_primitive::<UInt64Type>().values(), nulls),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                Values::Long(array.as_primitive::<TimestampNanosecondType>().values(), nulls)
            }
            DataType::Timestamp(..) => Values::Long(array.as_primitive::<TimestampMicrosecondType>().values(), nulls),
            DataType::Decimal128(..) => Values::Wide(array.as_primitive::<Decimal128Type>().values(), nulls),
            _ => Values::Truth(array.as_boolean()),
        }
    }

    fn is_null(&self, row: usize) -> bool {
        match self {
            Values::Text(array) => array.is_null(row),
            Values::Truth(array) => array.is_null(row),
            Values::Days(_, nulls) | Values::Long(_, nulls) | Values::Unsigned(_, nulls) | Values::Wide(_, nulls) => {
                nulls.is_some_and(|nulls| nulls.is_null(row))
            }
        }
    }

    fn hash(&self, row: usize) -> u64 {
        if self.is_null(row) {
            return NULL_HASH;
        }
        match self {
            Values::Text(array) => hash_bytes(array.value(row).as_bytes()),
            Values::Days(values, _) => hash_number(values[row] as u64 ^ 0xd6e8_feb8),
            Values::Long(values, _) => hash_number(values[row] as u64),
            Values::Unsigned(values, _) => hash_number(values[row]),
            Values::Wide(values, _) => hash_number(values[row] as u64 ^ (values[row] >> 64) as u64),
            Values::Truth(array) => hash_number(u64::from(array.value(row)) + 1),
        }
    }

    /// Both are of one type and not null.
    fn equals(&self, row: usize, other: &Values<'_>, at: usize) -> bool {
        match (self, other) {
            (Values::Text(own), Values::Text(other)) => own.value(row) == other.value(at),
            (Values::Days(own, _), Values::Days(other, _)) => own[row] == other[at],
            (Values::Long(own, _), Values::Long(other, _)) => own[row] == other[at],
            (Values::Unsigned(own, _), Values::Unsigned(other, _)) => own[row] == other[at],
            (Values::Wide(own, _), Values::Wide(other, _)) => own[row] == other[at],
            (Values::Truth(own), Values::Truth(other)) => own.value(row) == other.value(at),
            _ => false,
        }
    }

    /// Both rows have a value.
    fn is_less(&self, row: usize, than: usize) -> bool {
        match self {
            Values::Text(values) => values.value(row) < values.value(than),
            Values::Days(values, _) => values[row] < values[than],
            Values::Long(values, _) => values[row] < values[than],
            Values::Unsigned(values, _) => values[row] < values[than],
            Values::Wide(values, _) => values[row] < values[than],
            Values::Truth(values) => !values.value(row) && values.value(than),
        }
    }
}

/// Whether a row of the column has a value.
pub fn validity(column: &Column) -> impl Fn(usize) -> bool {
    let rows = column.picks.as_ref().map(Picks::rows);
    // A constant of no type is null everywhere.
    let is_null = |row: usize| column.base.array.is_null(row) || column.data_type() == &DataType::Null;
    move |at| match rows {
        Some(rows) => rows.is_valid(at) && !is_null(rows.value(at) as usize),
        None => !is_null(at),
    }
}

/// The row with the least or greatest value of each group, of the rows that count; `None` if there is no value.
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
    /// Row numbers in the base; `None`: as they are.
    rows: Option<&'a UInt32Array>,
    /// Some row may have no value.
    has_nulls: bool,
}

impl Part<'_> {
    fn new(column: &Column) -> Part<'_> {
        let rows = column.picks.as_ref().map(Picks::rows);
        let has_nulls = column.base.array.null_count() > 0 || rows.is_some_and(|rows| rows.null_count() > 0);
        Part { column, values: Values::of(&column.base.array), rows, has_nulls }
    }

    /// The row of the base, where every row has one.
    fn place(&self, at: usize) -> usize {
        self.rows.map_or(at, |rows| rows.value(at) as usize)
    }

    /// The row of the base; `None` where there is none.
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
            // Few rows of a large array: not worth hashing all of it.
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

    /// Some part of the row's key is null.
    pub fn has_null(&self, at: usize) -> bool {
        self.parts.iter().any(|part| part.value(at).is_none())
    }

    /// Whether some row may have a null in its key.
    pub fn may_have_nulls(&self) -> bool {
        self.parts.iter().any(|part| part.has_nulls)
    }

    /// Two rows have the same key; nulls are equal to one another.
    pub fn equal(&self, at: usize, other: &Keys<'_>, other_at: usize) -> bool {
        self.parts.iter().zip(&other.parts).all(|(own, other)| own.equals(at, other, other_at))
    }
}

/// Rows by the hash of their key: open addressing, rows of one hash in their order.
pub struct Table {
    mask: usize,
    /// First row of the chain, plus one.
    heads: Vec<u32>,
    /// The next row of the chain, plus one.
    next: Vec<u32>,
}

impl Table {
    /// Of the rows that `keep`.
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

    /// Rows that may have this hash, in their order.
    pub fn candidates(&self, hash: u64) -> impl Iterator<Item = usize> {
        let mut at = self.heads[hash as usize & self.mask];
        std::iter::from_fn(move || {
            let row = (at as usize).checked_sub(1)?;
            at = self.next[row];
            Some(row)
        })
    }
}

/// A number for each distinct key, in the order of first appearance. Gives each row's number and each number's first row.
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
