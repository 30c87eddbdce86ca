//! How well alerts and labels agree: formulas over four counts.
//!
//! Precision, recall and F1 are van Rijsbergen's ("Information retrieval", 1979, chapter 7); phi is the correlation of two yes-or-no
//! variables (Yule 1912; Matthews 1975 as a measure of predictions). F1 rises with the number of alerts even where labels are drawn by
//! lot, phi does not: it is 0 where alerts and labels have nothing to do with one another.

/// What was said of a permit, and what is known of it. Two bits may be set: an alert that was raised before there was anything to find, and still
/// stood when there was, is wrong, and the breach is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Verdict(pub u8);

impl Verdict {
    /// An alert, and something to find.
    pub const RIGHT: Verdict = Verdict(1);
    /// An alert, and nothing to find.
    pub const WRONG: Verdict = Verdict(2);
    /// No alert, and something to find.
    pub const MISSED: Verdict = Verdict(4);
    /// No alert, and nothing to find.
    pub const QUIET: Verdict = Verdict(8);
    /// An alert, and nobody knows.
    pub const UNKNOWN: Verdict = Verdict(16);

    pub fn and(self, other: Verdict) -> Verdict {
        Verdict(self.0 | other.0)
    }

    pub fn has(self, other: Verdict) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether there was something to find, be it found or not, and a wrong alert before it.
    pub fn is_both(self) -> bool {
        self.has(Verdict::WRONG) && (self.has(Verdict::RIGHT) || self.has(Verdict::MISSED))
    }
}

/// The sums of the verdicts' weights.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    pub right: f64,
    pub wrong: f64,
    pub missed: f64,
    pub quiet: f64,
    pub unknown: f64,
}

impl Counts {
    #[inline]
    pub fn add(&mut self, verdict: Verdict, weight: f64) {
        let share = |of: Verdict| if verdict.has(of) { weight } else { 0.0 };
        self.right += share(Verdict::RIGHT);
        self.wrong += share(Verdict::WRONG);
        self.missed += share(Verdict::MISSED);
        self.quiet += share(Verdict::QUIET);
        self.unknown += share(Verdict::UNKNOWN);
    }

    #[must_use]
    pub fn plus(self, other: Counts) -> Counts {
        Counts {
            right: self.right + other.right,
            wrong: self.wrong + other.wrong,
            missed: self.missed + other.missed,
            quiet: self.quiet + other.quiet,
            unknown: self.unknown + other.unknown,
        }
    }

    /// The share of alerts that were right: right / (right + wrong).
    pub fn precision(&self) -> Option<f64> {
        ratio(self.right, self.right + self.wrong)
    }

    /// The share of breaches that were found: right / (right + missed).
    pub fn recall(&self) -> Option<f64> {
        ratio(self.right, self.right + self.missed)
    }

    /// The harmonic mean of both: 2 right / (2 right + wrong + missed).
    pub fn f1(&self) -> Option<f64> {
        ratio(2.0 * self.right, 2.0 * self.right + self.wrong + self.missed)
    }

    /// The correlation of alerts and labels, from -1 to 1; `None` if all have an alert or none has, or all are breaches or none is.
    pub fn phi(&self) -> Option<f64> {
        let Counts { right, wrong, missed, quiet, .. } = *self;
        let product = (right + wrong) * (right + missed) * (quiet + wrong) * (quiet + missed);
        ratio(right * quiet - wrong * missed, product.sqrt())
    }

    /// Wrong alerts for each 1,000 of whom there is nothing to find: 1000 wrong / (wrong + quiet).
    pub fn wrong_per_1000(&self) -> Option<f64> {
        ratio(1_000.0 * self.wrong, self.wrong + self.quiet)
    }
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_as_by_hand() {
        let counts = Counts { right: 6.0, wrong: 2.0, missed: 3.0, quiet: 9.0, unknown: 5.0 };
        assert_eq!((counts.precision(), counts.recall()), (Some(0.75), Some(6.0 / 9.0)));
        assert_eq!(counts.f1(), Some(12.0 / 17.0));
        // (6 * 9 - 2 * 3) / sqrt(8 * 9 * 11 * 12) = 48 / sqrt(9504)
        assert!((counts.phi().unwrap() - 48.0 / 9_504.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(counts.wrong_per_1000(), Some(2_000.0 / 11.0));
        let f1 = counts.precision().zip(counts.recall()).map(|(p, r)| 2.0 * p * r / (p + r)).unwrap();
        assert!((counts.f1().unwrap() - f1).abs() < 1e-12);
    }

    #[test]
    fn what_has_no_value_has_none() {
        let none = Counts::default();
        assert_eq!(
            (none.precision(), none.recall(), none.f1(), none.phi(), none.wrong_per_1000()),
            (None, None, None, None, None)
        );
        let all_alerted = Counts { right: 3.0, wrong: 4.0, ..none };
        assert_eq!((all_alerted.phi(), all_alerted.recall()), (None, Some(1.0)));
    }

    #[test]
    fn phi_does_not_rise_with_alerts_that_are_drawn_by_lot_but_f1_does() {
        // Of 1,000 permits 300 are breaches; a share of all is alerted whatever they are.
        let by_lot = |share: f64| Counts {
            right: 300.0 * share,
            wrong: 700.0 * share,
            missed: 300.0 * (1.0 - share),
            quiet: 700.0 * (1.0 - share),
            unknown: 0.0,
        };
        let (few, many) = (by_lot(0.1), by_lot(0.8));
        assert!(many.f1() > few.f1());
        assert!(few.phi().unwrap().abs() < 1e-12 && many.phi().unwrap().abs() < 1e-12);
    }

    #[test]
    fn a_verdict_may_count_twice() {
        let mut counts = Counts::default();
        counts.add(Verdict::RIGHT.and(Verdict::WRONG), 2.0);
        counts.add(Verdict::UNKNOWN, 1.0);
        assert_eq!(counts, Counts { right: 2.0, wrong: 2.0, unknown: 1.0, ..Counts::default() });
    }
}
