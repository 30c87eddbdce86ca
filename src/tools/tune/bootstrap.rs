//! Resampling of persons: how far a figure would move if others like these had come.
//!
//! Persons, and not alerts, are drawn: what one person's permits and months say is not independent. Each person counts in a replicate as
//! often as a Poisson variable of mean 1 says (the Poisson bootstrap: Hanley and MacGibbon, "Creating non-parametric bootstrap
//! samples using Poisson frequencies", 2006; Chamandy et al., "Estimating uncertainty for massive data streams", 2012). Intervals
//! are those of the percentiles (Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 13).
//!
//! Everything follows from the seed: the same seed, the same figures, byte for byte.

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice of their own for each purpose and number.
    pub fn new(seed: u64, purpose: u64, number: u64) -> Dice {
        let mut dice = Dice(seed);
        let own = dice.roll() ^ purpose.wrapping_mul(0xA24B_AED4_963E_E407);
        let mut dice = Dice(own);
        let own = dice.roll() ^ number.wrapping_mul(0x9FB2_1C65_1E98_DF25);
        Dice(own)
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform below `bound`; the bias is below 2^-32 for bounds below 2^32.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.roll()) * bound as u128) >> 64) as usize
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A Poisson variable of mean 1.
    fn poisson(&mut self) -> f32 {
        let at = self.unit();
        let (mut count, mut term) = (0_u8, (-1.0_f64).exp());
        let mut sum = term;
        while at >= sum && count < 20 {
            count += 1;
            term /= f64::from(count);
            sum += term;
        }
        f32::from(count)
    }
}

/// How often each person counts, in each replicate.
#[derive(Clone, Debug)]
pub struct Weights {
    by_replicate: Vec<Vec<f32>>,
}

impl Weights {
    pub fn new(persons: usize, replicates: usize, seed: u64) -> Weights {
        const PURPOSE: u64 = 1;
        let replicate = |number: usize| {
            let mut dice = Dice::new(seed, PURPOSE, number as u64);
            (0..persons).map(|_| dice.poisson()).collect()
        };
        Weights { by_replicate: (0..replicates).map(replicate).collect() }
    }

    pub fn iter(&self) -> impl Iterator<Item = &[f32]> {
        self.by_replicate.iter().map(Vec::as_slice)
    }
}

/// A figure with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// The share of replicates outside an interval, half on either side.
pub const OUTSIDE: f64 = 0.05;

/// A value with the interval between the percentiles of its replicates; without those that have none. `None` if the value itself has none.
pub fn estimate(value: Option<f64>, replicates: impl Iterator<Item = Option<f64>>) -> Option<Estimate> {
    let value = value?;
    let mut found: Vec<f64> = replicates.flatten().collect();
    found.sort_by(f64::total_cmp);
    let low = quantile(&found, OUTSIDE / 2.0).unwrap_or(value).min(value);
    let high = quantile(&found, 1.0 - OUTSIDE / 2.0).unwrap_or(value).max(value);
    Some(Estimate { value, low, high })
}

/// The value below which a share of the sorted values lies, between two of them in proportion.
pub fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let at = share.clamp(0.0, 1.0) * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (sorted.get(at.floor() as usize)?, sorted.get(at.ceil() as usize)?);
    Some(below + (above - below) * at.fract())
}

/// The middle of sorted values of which each counts as often as its weight says; `None` if none counts.
pub fn weighted_median(sorted: impl Iterator<Item = (f64, f64)> + Clone) -> Option<f64> {
    let whole: f64 = sorted.clone().map(|(_, weight)| weight).sum();
    if whole <= 0.0 {
        return None;
    }
    let (mut sum, mut lower) = (0.0, None);
    for (value, weight) in sorted.filter(|(_, weight)| *weight > 0.0) {
        if let Some(lower) = lower {
            return Some((lower + value) / 2.0);
        }
        sum += weight;
        if sum * 2.0 > whole {
            return Some(value);
        }
        // Exactly half lies up to here: the median is between this value and the next.
        if sum * 2.0 == whole {
            lower = Some(value);
        }
    }
    lower
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_are_those_of_the_paper() {
        // The first numbers of SplitMix64 from the seed 1234567, as published with its reference code.
        let mut dice = Dice(1_234_567);
        let drawn: Vec<u64> = (0..3).map(|_| dice.roll()).collect();
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
        assert!((0..1_000).all(|_| dice.below(7) < 7));
    }

    #[test]
    fn weights_are_poisson_and_the_same_for_the_same_seed() {
        let weights = Weights::new(1_000, 100, 5);
        let all: Vec<f32> = weights.iter().flatten().copied().collect();
        let share = |count: f32| all.iter().filter(|own| **own == count).count() as f64 / all.len() as f64;
        let mean = all.iter().map(|own| f64::from(*own)).sum::<f64>() / all.len() as f64;
        // e^-1 = 0.3679 have 0 and 1, half as many 2; 100,000 draws.
        assert!((mean - 1.0).abs() < 0.02 && (share(0.0) - 0.3679).abs() < 0.01, "{mean}");
        assert!((share(1.0) - 0.3679).abs() < 0.01 && (share(2.0) - 0.1839).abs() < 0.01);
        let again = Weights::new(1_000, 100, 5);
        assert!(weights.iter().eq(again.iter()));
        assert!(!weights.iter().eq(Weights::new(1_000, 100, 6).iter()));
    }

    #[test]
    fn quantiles_and_medians_as_by_hand() {
        let sorted = [1.0, 2.0, 3.0, 4.0, 10.0];
        assert_eq!((quantile(&sorted, 0.0), quantile(&sorted, 1.0)), (Some(1.0), Some(10.0)));
        assert_eq!((quantile(&sorted, 0.5), quantile(&sorted, 0.875)), (Some(3.0), Some(7.0)));
        assert_eq!(quantile(&[], 0.5), None);
        let median = |pairs: &[(f64, f64)]| weighted_median(pairs.iter().copied());
        assert_eq!(median(&[(1.0, 1.0), (2.0, 1.0), (5.0, 1.0)]), Some(2.0));
        assert_eq!(median(&[(1.0, 1.0), (2.0, 1.0)]), Some(1.5));
        assert_eq!(median(&[(1.0, 1.0), (2.0, 0.0), (5.0, 3.0)]), Some(5.0));
        assert_eq!(median(&[(1.0, 2.0), (2.0, 0.0), (5.0, 2.0)]), Some(3.0));
        assert_eq!(median(&[(1.0, 0.0)]), None);
    }

    #[test]
    fn an_interval_spans_95_of_100_replicates_and_the_value() {
        let of = |value| estimate(Some(value), (0..=1_000).map(|at| Some(f64::from(at)))).unwrap();
        assert_eq!(of(400.0), Estimate { value: 400.0, low: 25.0, high: 975.0 });
        assert_eq!(of(10.0).low, 10.0);
        assert_eq!(estimate(None, [Some(1.0)].into_iter()), None);
    }
}
