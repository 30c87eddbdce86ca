//! Which point to recommend: the best on one part of the cases whose advantage survives on the other.
//!
//! The best of many points is the best partly by luck. So points are put in order on the one part alone, and the first few of them are tried
//! on the part that had no say in it. What is tried there is tried several times, so each claim has its share of the error (Bonferroni,
//! after Dunn, "Multiple comparisons among means", 1961). Two claims must hold of a point:
//!
//! - its F1 is above that of the rule in force;
//! - its alerts and the labels have something to do with one another: where labels were drawn by lot, more alerts alone raise F1. So phi is
//!   above 0 however persons are drawn anew, and so many right alerts are more than a lot would give (Fisher's exact test, one-sided: Fisher, "The
//!   logic of inductive inference", 1935). The one heeds that permits of a person go together, the other holds for few alerts too.

use std::cmp::Ordering;

use crate::catalogue::variants::Values;
use crate::tools::tune::bootstrap::{Weights, quantile};
use crate::tools::tune::cases::{Cases, Part};
use crate::tools::tune::figures::{Figures, counts, delay_on, is_alike, replicated};
use crate::tools::tune::measures::Counts;

/// So many points are tried on the part that is held out.
pub const TRIED: usize = 5;
/// The chance that some point is recommended that is no better, and that one is whose alerts have nothing to do with the labels.
pub const ERROR: f64 = 0.05;
pub const ERROR_OF_LOT: f64 = 0.001;
/// Fewer right alerts than this on the part that is held out prove nothing.
pub const LEAST_RIGHT: f64 = 5.0;
const REPLICATES: usize = 4_000;

/// What became of one point on the part that is held out.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    pub point: usize,
    /// F1 above that of the rule in force, and the least that it is but for the error.
    pub advantage: Option<f64>,
    pub least_advantage: Option<f64>,
    pub phi: Option<f64>,
    pub least_phi: Option<f64>,
    /// How probable so many right alerts are if labels were drawn by lot.
    pub by_lot: f64,
    /// The share of the error of a lot that the trial has.
    pub error_of_lot: f64,
    pub right: f64,
    /// The rule in force raises more than the budget: no advantage over it is asked for.
    pub is_needed: bool,
}

impl Trial {
    pub fn is_associated(&self) -> bool {
        self.least_phi.is_some_and(|phi| phi > 0.0) && self.by_lot < self.error_of_lot && self.right >= LEAST_RIGHT
    }

    pub fn survives(&self) -> bool {
        self.is_associated() && (self.is_needed || self.least_advantage.is_some_and(|by| by > 0.0))
    }
}

/// What is recommended, and why.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// The last of the trials is the point.
    Point(Vec<Trial>),
    /// Points were better on the one part, and none on the other.
    Lost(Vec<Trial>),
    /// No point within the budget is better than the rule in force on the part on which one is chosen.
    NoneBetter,
    NoneWithinBudget,
    /// One part has no breach, or nothing that is none.
    NotEnough {
        part: Part,
        breaches: f64,
        none: f64,
    },
}

impl Choice {
    /// What was tried on the part that is held out.
    pub fn trials(&self) -> &[Trial] {
        match self {
            Choice::Point(trials) | Choice::Lost(trials) => trials,
            Choice::NoneBetter | Choice::NoneWithinBudget | Choice::NotEnough { .. } => &[],
        }
    }

    /// The point that is recommended.
    pub fn recommended(&self) -> Option<usize> {
        match self {
            Choice::Point(trials) => trials.last().map(|trial| trial.point),
            _ => None,
        }
    }
}

/// Chooses among all points but the first, which is the rule in force.
pub fn choose(cases: &Cases, points: &[Values], figures: &[Figures], budget: Option<f64>, seed: u64) -> Choice {
    for part in [Part::Choice, Part::HeldOut] {
        let of = counts(cases, 0, part);
        let (breaches, none) = known(cases, part, of);
        if breaches == 0.0 || none == 0.0 {
            return Choice::NotEnough { part, breaches, none };
        }
    }
    let is_within =
        |at: &usize| budget.is_none_or(|budget| figures[*at].per_day.is_some_and(|own| own.value <= budget));
    let within: Vec<usize> = (1..points.len()).filter(is_within).collect();
    if within.is_empty() {
        return Choice::NoneWithinBudget;
    }
    let is_needed = !is_within(&0);
    let order = in_order(cases, points, &within, is_needed);
    if order.is_empty() {
        return Choice::NoneBetter;
    }
    let mut trials = Vec::new();
    for trial in try_out(cases, &order, is_needed, seed) {
        let survives = trial.survives();
        trials.push(trial);
        if survives {
            return Choice::Point(trials);
        }
    }
    Choice::Lost(trials)
}

/// How many breaches a part has, and how many cases in which there is nothing to find.
fn known(cases: &Cases, part: Part, in_force: Counts) -> (f64, f64) {
    // Those that an early alert makes both count as breaches.
    let breaches = in_force.right + in_force.missed;
    let of_part = cases.cases.iter().zip(&cases.verdicts[0]).filter(|(case, _)| case.part == part);
    let both: f64 = of_part.filter(|(_, verdict)| verdict.is_both()).map(|(case, _)| case.weight).sum();
    (breaches, in_force.wrong + in_force.quiet - both)
}

/// At most [`TRIED`] points that are better than the rule in force on the part of the choice, the best first. Points that say the same there are one:
/// the one in the middle of them, which is the furthest from where it would begin to be worse.
fn in_order(cases: &Cases, points: &[Values], within: &[usize], is_needed: bool) -> Vec<usize> {
    let f1 = |at: usize| counts(cases, at, Part::Choice).f1().unwrap_or(0.0);
    let days = |at: usize| delay_on(cases, at, Part::Choice).unwrap_or(f64::INFINITY);
    let in_force = f1(0);
    let mut better: Vec<usize> = within.iter().copied().filter(|at| is_needed || f1(*at) > in_force).collect();
    let by_worth = |a: &usize, b: &usize| f1(*b).total_cmp(&f1(*a)).then(days(*a).total_cmp(&days(*b)));
    better.sort_by(|a, b| by_worth(a, b).then(a.cmp(b)));
    let mut order = Vec::new();
    let mut rest = better.as_slice();
    while let Some(first) = rest.first().filter(|_| order.len() < TRIED) {
        // Equal in worth are those that say the same; two that say different things may be equal too, and are tried apart.
        let equal = rest.iter().take_while(|at| by_worth(first, at) == Ordering::Equal).count();
        let (group, after) = rest.split_at(equal);
        let mut group: Vec<usize> = group.to_vec();
        while let Some(first) = group.first().copied().filter(|_| order.len() < TRIED) {
            let (same, others): (Vec<usize>, Vec<usize>) =
                group.into_iter().partition(|at| is_alike(cases, first, *at, Part::Choice));
            order.extend(middle(points, &same));
            group = others;
        }
        rest = after;
    }
    order
}

/// The point with the least sum of distances to the others, each parameter's distance as a share of its range.
fn middle(points: &[Values], of: &[usize]) -> Option<usize> {
    let value = |at: usize, name: &str| points[at].get(name).copied().unwrap_or_default() as f64;
    let names: Vec<&String> = points[*of.first()?].keys().collect();
    let ranges: Vec<(&String, f64)> = names
        .into_iter()
        .map(|name| {
            let values = of.iter().map(|at| value(*at, name));
            (name, values.clone().fold(f64::MIN, f64::max) - values.fold(f64::MAX, f64::min))
        })
        .filter(|(_, range)| *range > 0.0)
        .collect();
    let distance = |one: usize, other: usize| {
        ranges.iter().map(|(name, range)| (value(one, name) - value(other, name)).abs() / range).sum::<f64>()
    };
    let sum = |at: usize| of.iter().map(|other| distance(at, *other)).sum::<f64>();
    of.iter().copied().map(|at| (sum(at), at)).min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, at)| at)
}

/// Each of these points on the part that is held out, beside the rule in force, over the same replicates.
fn try_out(cases: &Cases, order: &[usize], is_needed: bool, seed: u64) -> Vec<Trial> {
    let weights = Weights::new(cases.people.len(), REPLICATES, seed.wrapping_add(2));
    let variants: Vec<usize> = [0].into_iter().chain(order.iter().copied()).collect();
    let replicates = replicated(cases, &variants, &weights);
    let held_out = Part::HeldOut as usize;
    let share = 1.0 / order.len().max(1) as f64;
    let in_force = counts(cases, 0, Part::HeldOut);
    let advantage = |own: &Counts, in_force: &Counts| Some(own.f1()? - in_force.f1().unwrap_or(0.0));
    order
        .iter()
        .enumerate()
        .map(|(at, point)| {
            let own = counts(cases, *point, Part::HeldOut);
            let pairs = || replicates[at + 1].iter().zip(&replicates[0]);
            let advantages = pairs().map(|(own, base)| advantage(&own[held_out], &base[held_out]).unwrap_or(0.0));
            // A replicate without any alert, or without any breach, says nothing of how they go together.
            let phis: Vec<f64> = pairs().filter_map(|(own, _)| own[held_out].phi()).collect();
            Trial {
                point: *point,
                advantage: advantage(&own, &in_force),
                least_advantage: least(advantages.collect(), ERROR * share),
                phi: own.phi(),
                least_phi: own.phi().and_then(|phi| least_normal(phi, &phis, ERROR_OF_LOT * share)),
                by_lot: by_lot(unweighted(cases, *point)),
                error_of_lot: ERROR_OF_LOT * share,
                right: own.right,
                is_needed,
            }
        })
        .collect()
}

/// The numbers of cases on the part that is held out, whatever they stand for.
fn unweighted(cases: &Cases, variant: usize) -> Counts {
    let held_out = Part::HeldOut;
    let mut counts = Counts { quiet: cases.others[held_out as usize], ..Counts::default() };
    for (case, verdict) in cases.cases.iter().zip(&cases.verdicts[variant]) {
        if case.part == held_out {
            counts.add(*verdict, 1.0);
        }
    }
    counts
}

/// How probable as many right alerts as these are, or more, if as many alerts and breaches meet by lot: the upper tail of the hypergeometric
/// distribution.
fn by_lot(counts: Counts) -> f64 {
    let [right, wrong, missed, quiet] =
        [counts.right, counts.wrong, counts.missed, counts.quiet].map(|count| count.round() as usize);
    let (alerts, breaches, all) = (right + wrong, right + missed, right + wrong + missed + quiet);
    let mut logs = vec![0.0; all + 1];
    for at in 1..=all {
        logs[at] = logs[at - 1] + (at as f64).ln();
    }
    let ways = |of: usize, taken: usize| logs[of] - logs[taken] - logs[of - taken];
    let probability = |right: usize| match (all - breaches).checked_sub(alerts - right) {
        None => 0.0,
        Some(_) => (ways(breaches, right) + ways(all - breaches, alerts - right) - ways(all, alerts)).exp(),
    };
    (right..=alerts.min(breaches)).map(probability).sum::<f64>().min(1.0)
}

/// The value that so many of the replicates do not reach.
fn least(mut replicates: Vec<f64>, error: f64) -> Option<f64> {
    replicates.sort_by(f64::total_cmp);
    quantile(&replicates, error)
}

/// The same for an error too small for the number of replicates: by their spread and the normal distribution, and not above the least percentile
/// that they do have.
fn least_normal(value: f64, replicates: &[f64], error: f64) -> Option<f64> {
    let count = replicates.len() as f64;
    let mean = replicates.iter().sum::<f64>() / count;
    let spread = (replicates.iter().map(|own| (own - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt();
    let least = least(replicates.to_vec(), error.max(1.0 / count))?;
    Some((value - upper_quantile(error) * spread).min(least))
}

/// The value that a standard normal variable exceeds with this probability, below a half: Abramowitz and Stegun, "Handbook of mathematical functions",
/// 26.2.23; the error is below 0.00045.
fn upper_quantile(probability: f64) -> f64 {
    let t = (-2.0 * probability.ln()).sqrt();
    let above = 2.515_517 + 0.802_853 * t + 0.010_328 * t * t;
    let below = 1.0 + 1.432_788 * t + 0.189_269 * t * t + 0.001_308 * t * t * t;
    t - above / below
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::tune::cases::Case;
    use crate::tools::tune::measures::Verdict;

    #[test]
    fn quantiles_of_the_normal_distribution() {
        for (probability, value) in [(0.025, 1.959_964), (0.001, 3.090_232), (0.000_2, 3.540_084)] {
            assert!((upper_quantile(probability) - value).abs() < 0.000_45, "{probability}");
        }
    }

    #[test]
    fn a_lot_gives_so_many_right_alerts_as_by_hand() {
        let of = |right: f64, wrong: f64, missed: f64, quiet: f64| {
            by_lot(Counts { right, wrong, missed, quiet, ..Counts::default() })
        };
        // Fisher's lady tasting tea: all four of eight cups right is one of 70 choices, three or more 17 of 70.
        assert!((of(4.0, 0.0, 0.0, 4.0) - 1.0 / 70.0).abs() < 1e-12);
        assert!((of(3.0, 1.0, 1.0, 3.0) - 17.0 / 70.0).abs() < 1e-12);
        assert!((of(0.0, 4.0, 4.0, 0.0) - 1.0).abs() < 1e-9);
        assert!((of(3.0, 5.0, 0.0, 0.0) - 1.0).abs() < 1e-9);
    }

    fn point(value: i64) -> Values {
        [("n".to_owned(), value)].into()
    }

    /// Cases of which by turns two are held out and two are not; `said` gives by variant and number what was said of one, of whom a third
    /// are breaches.
    fn cases(count: usize, said: &[&dyn Fn(usize) -> bool]) -> Cases {
        let case = |at: usize| Case {
            subject: format!("{at:05}"),
            person: at,
            part: if (at / 6).is_multiple_of(2) { Part::Choice } else { Part::HeldOut },
            weight: 1.0,
        };
        let verdict = |said: bool, at: usize| match (said, at.is_multiple_of(3)) {
            (true, true) => Verdict::RIGHT,
            (true, false) => Verdict::WRONG,
            (false, true) => Verdict::MISSED,
            (false, false) => Verdict::QUIET,
        };
        Cases {
            people: (0..count).map(|at| format!("{at:05}")).collect(),
            cases: (0..count).map(case).collect(),
            verdicts: said.iter().map(|said| (0..count).map(|at| verdict(said(at), at)).collect()).collect(),
            delays: vec![Vec::new(); said.len()],
            others: [0.0; 2],
        }
    }

    fn per_day(value: f64) -> Figures {
        use crate::tools::tune::bootstrap::Estimate;
        Figures { per_day: Some(Estimate { value, low: value, high: value }), ..Figures::default() }
    }

    fn chosen(cases: &Cases, budget: Option<f64>) -> Choice {
        let points: Vec<Values> = (0..cases.verdicts.len() as i64).map(point).collect();
        let figures: Vec<Figures> = (0..points.len()).map(|at| per_day(at as f64)).collect();
        choose(cases, &points, &figures, budget, 1)
    }

    #[test]
    fn the_better_point_is_recommended_and_of_equal_ones_the_middle() {
        let half = |at: usize| at.is_multiple_of(6);
        let all = |at: usize| at.is_multiple_of(3);
        let said: [&dyn Fn(usize) -> bool; 5] = [&half, &half, &all, &all, &all];
        let Choice::Point(trials) = chosen(&cases(600, &said), None) else { panic!("none") };
        assert_eq!(trials.iter().map(|trial| trial.point).collect::<Vec<_>>(), [3]);
        assert!(matches!(chosen(&cases(600, &said), Some(2.0)), Choice::Point(trials) if trials[0].point == 2));
        assert_eq!(chosen(&cases(600, &said), Some(1.0)), Choice::NoneBetter);
        assert_eq!(chosen(&cases(600, &said), Some(0.5)), Choice::NoneWithinBudget);
        // Twelve cases are too few to show anything.
        assert!(matches!(chosen(&cases(12, &said), None), Choice::Lost(_)));
    }

    #[test]
    fn what_is_better_on_one_part_alone_is_not_recommended() {
        let half = |at: usize| at.is_multiple_of(6);
        let lucky = |at: usize| at.is_multiple_of(3) && ((at / 6).is_multiple_of(2) || at.is_multiple_of(6));
        let Choice::Lost(trials) = chosen(&cases(600, &[&half, &lucky]), None) else { panic!("recommended") };
        assert_eq!(trials[0].advantage, Some(0.0));
        assert!(trials[0].is_associated() && !trials[0].survives());
    }

    #[test]
    fn more_alerts_about_anybody_are_not_recommended_although_their_f1_is_higher() {
        let by_lot = |least: u64| {
            move |at: usize| crate::tools::tune::bootstrap::Dice::new(3, 9, at as u64).roll() % 100 < least
        };
        let (few, many, most) = (by_lot(5), by_lot(50), by_lot(95));
        let cases = cases(3_000, &[&few, &many, &most]);
        assert!(counts(&cases, 2, Part::HeldOut).f1() > counts(&cases, 0, Part::HeldOut).f1());
        let Choice::Lost(trials) = chosen(&cases, None) else { panic!("recommended") };
        assert!(trials.iter().all(|trial| trial.least_advantage > Some(0.0) && !trial.is_associated()), "{trials:?}");
    }

    #[test]
    fn a_part_without_breaches_decides_nothing() {
        let none = |_: usize| false;
        let mut cases = cases(60, &[&none, &none]);
        for (case, verdict) in cases.cases.iter().zip(&mut cases.verdicts[0]) {
            if case.part == Part::HeldOut {
                *verdict = Verdict::QUIET;
            }
        }
        assert_eq!(chosen(&cases, None), Choice::NotEnough { part: Part::HeldOut, breaches: 0.0, none: 30.0 });
    }
}
