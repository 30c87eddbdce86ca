//! Stores whole numbers in as few bits as they need.
//!
//! A column's values lie close together, and instants often lie on whole seconds or days. So each value is stored as its distance
//! from the least one, counted in steps, in as many bits as the greatest distance needs. A column with one distinct value takes no
//! bits.

use serde::{Deserialize, Serialize};

/// A column of whole numbers, some of them null.
#[derive(Debug, Deserialize, Serialize)]
pub enum Packed {
    Near(Near),
    /// The values lie so far apart that no code is left for null.
    Far(Box<[Option<i64>]>),
}

/// Numbers as codes: 0 is null if there are nulls; the other codes count steps from the least value.
#[derive(Debug, Deserialize, Serialize)]
pub struct Near {
    least: i64,
    step: i64,
    nulls: bool,
    bits: u32,
    #[serde(with = "words")]
    words: Box<[u64]>,
}

/// Steps that instants may have: days, seconds, milliseconds.
const DAY: u64 = 86_400_000_000;
const SECOND: u64 = 1_000_000;
const MILLISECOND: u64 = 1_000;

/// Numbers of a column that is being built; a null holds any number.
#[derive(Debug, Default)]
pub struct Numbers {
    values: Vec<i64>,
    /// Which numbers are not null; empty while all are.
    known: Vec<bool>,
}

impl Numbers {
    pub fn clear(&mut self) {
        self.values.clear();
        self.known.clear();
    }

    /// Adds a number that is not null.
    #[inline]
    pub fn push(&mut self, value: i64) {
        self.values.push(value);
        if !self.known.is_empty() {
            self.known.push(true);
        }
    }

    #[inline]
    pub fn push_some(&mut self, value: Option<i64>) {
        if self.known.is_empty() && value.is_none() {
            self.known.resize(self.values.len(), true);
            self.known.push(false);
        } else if !self.known.is_empty() {
            self.known.push(value.is_some());
        }
        self.values.push(value.unwrap_or_default());
    }

    /// Adds one number, or null, `times` times.
    pub fn extend_same(&mut self, value: Option<i64>, times: usize) {
        let len = self.values.len();
        if value.is_none() && self.known.is_empty() {
            self.known.resize(len, true);
        }
        self.values.resize(len + times, value.unwrap_or_default());
        if value.is_none() || !self.known.is_empty() {
            self.known.resize(len + times, value.is_some());
        }
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn has_nulls(&self) -> bool {
        !self.known.is_empty() && self.known.contains(&false)
    }

    pub fn iter(&self) -> impl Iterator<Item = Option<i64>> {
        (0..self.values.len()).map(|at| self.is_known(at).then(|| self.values[at]))
    }

    #[inline]
    fn is_known(&self, at: usize) -> bool {
        self.known.is_empty() || self.known[at]
    }

    // Plain loops, since these see every number of every column.

    /// The least and the greatest.
    fn bounds(&self) -> Option<(i64, i64)> {
        let (mut least, mut greatest) = (i64::MAX, i64::MIN);
        if self.known.is_empty() {
            for value in &self.values {
                least = least.min(*value);
                greatest = greatest.max(*value);
            }
            return (!self.values.is_empty()).then_some((least, greatest));
        }
        let mut is_any = false;
        for (value, is_known) in self.values.iter().zip(&self.known) {
            least = if *is_known { least.min(*value) } else { least };
            greatest = if *is_known { greatest.max(*value) } else { greatest };
            is_any |= is_known;
        }
        is_any.then_some((least, greatest))
    }

    fn are_steps<const STEP: u64>(&self, least: i64) -> bool {
        for (at, value) in self.values.iter().enumerate() {
            if !(value.wrapping_sub(least) as u64).is_multiple_of(STEP) && self.is_known(at) {
                return false;
            }
        }
        true
    }

    fn code<const STEP: u64>(&self, near: &mut Near) {
        let (bits, nulls) = (near.bits, u64::from(near.nulls));
        if bits == 0 {
            return;
        }
        let mut words = Vec::with_capacity((self.values.len() * bits as usize).div_ceil(64));
        let (mut word, mut filled) = (0u64, 0u32);
        for (at, value) in self.values.iter().enumerate() {
            let steps = value.wrapping_sub(near.least) as u64 / STEP + nulls;
            let code = if self.is_known(at) { steps } else { 0 };
            word |= code << filled;
            filled += bits;
            if filled >= 64 {
                words.push(word);
                filled -= 64;
                word = if filled == 0 { 0 } else { code >> (bits - filled) };
            }
        }
        if filled > 0 {
            words.push(word);
        }
        near.words = words.into();
    }
}

impl Packed {
    pub fn new(values: &[Option<i64>], are_instants: bool) -> Packed {
        let mut numbers = Numbers::default();
        for value in values {
            numbers.push_some(*value);
        }
        Packed::of(&numbers, are_instants)
    }

    pub fn of(numbers: &Numbers, are_instants: bool) -> Packed {
        let nulls = numbers.has_nulls();
        let Some((least, greatest)) = numbers.bounds() else {
            return Packed::Near(Near { least: 0, step: 1, nulls: true, bits: 0, words: Box::default() });
        };
        let step = match are_instants {
            true if numbers.are_steps::<DAY>(least) => DAY,
            true if numbers.are_steps::<SECOND>(least) => SECOND,
            true if numbers.are_steps::<MILLISECOND>(least) => MILLISECOND,
            _ => 1,
        };
        let last = greatest.wrapping_sub(least) as u64 / step;
        let Some(last) = last.checked_add(u64::from(nulls)) else {
            return Packed::Far(numbers.iter().collect());
        };
        let bits = u64::BITS - last.leading_zeros();
        let mut near = Near { least, step: step as i64, nulls, bits, words: Box::default() };
        match step {
            DAY => numbers.code::<DAY>(&mut near),
            SECOND => numbers.code::<SECOND>(&mut near),
            MILLISECOND => numbers.code::<MILLISECOND>(&mut near),
            _ => numbers.code::<1>(&mut near),
        }
        Packed::Near(near)
    }

    #[inline]
    pub fn get(&self, at: usize) -> Option<i64> {
        match self {
            Packed::Near(near) => near.get(at),
            Packed::Far(values) => values.get(at).copied().flatten(),
        }
    }

    pub fn bytes(&self) -> usize {
        match self {
            Packed::Near(near) => near.words.len() * 8,
            Packed::Far(values) => size_of_val(&**values),
        }
    }
}

impl Near {
    #[inline]
    fn get(&self, at: usize) -> Option<i64> {
        let code = self.code(at);
        if self.nulls && (code == 0 || self.bits == 0) {
            return None;
        }
        let steps = code - u64::from(self.nulls);
        Some(self.least.wrapping_add(steps.wrapping_mul(self.step as u64) as i64))
    }

    #[inline]
    fn code(&self, at: usize) -> u64 {
        if self.bits == 0 {
            return 0;
        }
        let from = at * self.bits as usize;
        let (word, shift) = (from / 64, (from % 64) as u32);
        let mut code = self.words[word] >> shift;
        if shift + self.bits > 64 {
            code |= self.words[word + 1] << (64 - shift);
        }
        code & (u64::MAX >> (64 - self.bits))
    }
}

/// Words as bytes, least byte first: a format that writes each number by itself would take most of a start's time.
mod words {
    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    pub fn serialize<S: Serializer>(words: &[u64], serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        serializer.serialize_bytes(&bytes)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<[u64]>, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = Box<[u64]>;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("whole words of eight bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Box<[u64]>, E> {
                let (words, rest) = bytes.as_chunks::<8>();
                match rest.is_empty() {
                    true => Ok(words.iter().map(|word| u64::from_le_bytes(*word)).collect()),
                    false => Err(E::invalid_length(bytes.len(), &self)),
                }
            }
        }
        deserializer.deserialize_bytes(Words)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(values: &[Option<i64>], are_instants: bool) -> usize {
        let packed = Packed::new(values, are_instants);
        let read: Vec<Option<i64>> = (0..values.len()).map(|at| packed.get(at)).collect();
        assert_eq!(read, values);
        packed.bytes()
    }

    #[test]
    fn one_value_takes_no_room_and_the_widest_range_is_kept() {
        assert_eq!(check(&[Some(7); 100], false), 0);
        assert_eq!(check(&[None; 100], false), 0);
        assert_eq!(check(&[Some(i64::MIN), Some(i64::MAX)], false), 16);
        check(&[Some(i64::MIN), None, Some(i64::MAX), Some(0)], true);
        // Days of a year: nine bits each.
        let days: Vec<_> = (0..365).map(|day| Some(day * 86_400_000_000)).collect();
        assert_eq!(check(&days, true), (365usize * 9).div_ceil(64) * 8);
    }

    proptest! {
        #[test]
        fn what_is_put_in_comes_out(
            values in prop::collection::vec(prop::option::weighted(0.8, any::<i64>()), 0..200),
            shift in 0..64u32,
            step in prop::sample::select(vec![1i64, 1_000, 1_000_000]),
            are_instants: bool,
        ) {
            let values: Vec<_> = values.into_iter().map(|value| value.map(|value| (value >> shift).wrapping_mul(step))).collect();
            check(&values, are_instants);
        }
    }
}
