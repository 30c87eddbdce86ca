//! Reads the values of an array by type: their hashes, and which are equal or less.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
    TimestampNanosecondType, UInt64Type,
};

pub const NULL_HASH: u64 = 0x9e37_79b9_7f4a_7c15;

/// Mixes the bits of a number (the finalizer of MurmurHash3).
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

/// The rank of each text among all, from 1; nulls have 0.
pub fn rank_texts(array: &ArrayRef) -> Box<[u32]> {
    let mut ranks = vec![0; array.len()];
    let Some(texts) = array.as_string_opt::<i32>() else { return ranks.into() };
    let mut rows: Vec<u32> = (0..texts.len() as u32).filter(|row| texts.is_valid(*row as usize)).collect();
    let text = |row: u32| texts.value(row as usize);
    // Units come in order, and so do most identifiers of one unit: the stable sort is fast on such runs.
    rows.sort_by(|a, b| text(*a).cmp(text(*b)));
    let mut rank = 0;
    for (at, row) in rows.iter().enumerate() {
        rank += u32::from(at == 0 || text(rows[at - 1]) != text(*row));
        ranks[*row as usize] = rank;
    }
    ranks.into()
}

/// The values of an array, by type.
pub enum Values<'a> {
    Text(&'a StringArray),
    Days(&'a [i32], Option<&'a NullBuffer>),
    Long(&'a [i64], Option<&'a NullBuffer>),
    Unsigned(&'a [u64], Option<&'a NullBuffer>),
    Wide(&'a [i128], Option<&'a NullBuffer>),
    Truth(&'a BooleanArray),
}

impl<'a> Values<'a> {
    /// The type must satisfy [`is_supported`]; an array of another type has no rows here.
    pub fn of(array: &'a ArrayRef) -> Values<'a> {
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

    pub fn is_null(&self, row: usize) -> bool {
        match self {
            Values::Text(array) => array.is_null(row),
            Values::Truth(array) => array.is_null(row),
            Values::Days(_, nulls) | Values::Long(_, nulls) | Values::Unsigned(_, nulls) | Values::Wide(_, nulls) => {
                nulls.is_some_and(|nulls| nulls.is_null(row))
            }
        }
    }

    pub fn hash(&self, row: usize) -> u64 {
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

    /// Both rows must be of one type and not null.
    pub fn equals(&self, row: usize, other: &Values<'_>, at: usize) -> bool {
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

    /// Both rows must have a value.
    pub fn is_less(&self, row: usize, than: usize) -> bool {
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
