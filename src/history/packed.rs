//! Whole numbers in as few bits as they need.
//!
//! A column's values lie close together, and instants on whole seconds or days: each is kept as its distance from the least, in
//! steps, in so many bits as the greatest needs. A column of one value takes none.

/// A column of whole numbers, some of them null.
#[derive(Debug)]
pub enum Packed {
    Near(Near),
    /// They lie too far apart to be told from null by a number of their own.
    Far(Box<[Option<i64>]>),
}

/// Numbers as codes: 0 is null where there are nulls, and what follows counts steps from the least.
#[derive(Debug)]
pub struct Near {
    least: i64,
    step: i64,
    nulls: bool,
    bits: u32,
    words: Box<[u64]>,
}

/// Steps in which instants come: days, seconds, milliseconds.
const STEPS: [i64; 3] = [86_400_000_000, 1_000_000, 1_000];

impl Packed {
    pub fn new(values: &[Option<i64>], are_instants: bool) -> Packed {
        let known = || values.iter().flatten().copied();
        let (Some(least), Some(greatest)) = (known().min(), known().max()) else {
            return Packed::Near(Near { least: 0, step: 1, nulls: true, bits: 0, words: Box::default() });
        };
        let is_step = |step: &i64| known().all(|value| (value.wrapping_sub(least) as u64).is_multiple_of(*step as u64));
        let step = if are_instants { STEPS.into_iter().find(is_step).unwrap_or(1) } else { 1 };
        let nulls = values.contains(&None);
        let last = greatest.wrapping_sub(least) as u64 / step as u64;
        let Some(last) = last.checked_add(u64::from(nulls)) else { return Packed::Far(values.into()) };
        let bits = u64::BITS - last.leading_zeros();
        let mut words = vec![0u64; (values.len() * bits as usize).div_ceil(64)];
        if bits > 0 {
            for (at, value) in values.iter().enumerate() {
                let steps = |value: i64| value.wrapping_sub(least) as u64 / step as u64 + u64::from(nulls);
                put(&mut words, at * bits as usize, bits, value.map_or(0, steps));
            }
        }
        Packed::Near(Near { least, step, nulls, bits, words: words.into() })
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

fn put(words: &mut [u64], from: usize, bits: u32, code: u64) {
    let (word, shift) = (from / 64, (from % 64) as u32);
    words[word] |= code << shift;
    if shift + bits > 64 {
        words[word + 1] |= code >> (64 - shift);
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
