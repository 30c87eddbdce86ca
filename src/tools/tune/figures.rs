//! Every figure of every variant, each with its interval.

use crate::model::time::{KnownTime, MICROS_PER_DAY};
use crate::tools::tune::bootstrap::{Estimate, Weights, estimate, weighted_median};
use crate::tools::tune::cases::{Cases, Part};
use crate::tools::tune::heard::{Changes, Heard, Life, Volume, changes};
use crate::tools::tune::measures::{Counts, Verdict};

/// Replicates of which the intervals are made.
pub const REPLICATES: usize = 400;

/// How well a variant agrees with the labels of one part.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Agreement {
    pub counts: Counts,
    pub precision: Option<Estimate>,
    pub recall: Option<Estimate>,
    pub f1: Option<Estimate>,
    pub phi: Option<Estimate>,
    pub wrong_per_1000: Option<Estimate>,
}

/// All that is known of a variant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    pub volume: Volume,
    /// Alerts raised a day.
    pub per_day: Option<Estimate>,
    /// The median of the days for which an alert stood.
    pub stood_days: Option<Estimate>,
    /// The share of alerts that were taken back.
    pub retracted: Option<Estimate>,
    pub changes: Changes,
    /// The median of the days from when a breach could be known to its first alert.
    pub delay_days: Option<Estimate>,
    /// On the part on which a point is chosen, and on the one that is held out; without labels none.
    pub agreement: Option<[Agreement; 2]>,
}

/// The span that was replayed.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub from: KnownTime,
    pub until: KnownTime,
}

impl Span {
    pub fn days(self) -> f64 {
        ((self.until.0 - self.from.0) as f64 / MICROS_PER_DAY as f64).max(1.0)
    }
}

/// The figures of each variant.
pub fn figures(heard: &Heard, cases: Option<&Cases>, span: Span, seed: u64) -> Vec<Figures> {
    let weights = Weights::new(heard.persons.len(), REPLICATES, seed);
    let mut out: Vec<Figures> = heard
        .lives
        .iter()
        .enumerate()
        .map(|(at, lives)| Figures {
            changes: changes(lives, heard.lives.first().map_or(&[], Vec::as_slice)),
            ..of_alerts(heard, lives, heard.volume(at), &weights, span)
        })
        .collect();
    let Some(cases) = cases else { return out };
    let weights = Weights::new(cases.people.len(), REPLICATES, seed.wrapping_add(1));
    let replicates = replicated(cases, &(0..cases.verdicts.len()).collect::<Vec<_>>(), &weights);
    for (at, (figures, replicates)) in out.iter_mut().zip(replicates).enumerate() {
        figures.agreement =
            Some([Part::Choice, Part::HeldOut].map(|part| agreement(counts(cases, at, part), &replicates, part)));
        figures.delay_days = delay(cases, at, &weights);
    }
    out
}

fn of_alerts(heard: &Heard, lives: &[Life], volume: Volume, weights: &Weights, span: Span) -> Figures {
    let person = |life: &Life| heard.matter(life).person as usize;
    let mut stood: Vec<(f64, usize)> =
        lives.iter().map(|life| (life.stood as f64 / MICROS_PER_DAY as f64, person(life))).collect();
    stood.sort_by(|a, b| a.0.total_cmp(&b.0));
    let days = span.days();
    let (mut per_day, mut medians, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    for weights in weights.iter() {
        let weight = |person: usize| f64::from(weights[person]);
        let (mut all, mut retracted) = (0.0, 0.0);
        for life in lives {
            let own = weight(person(life));
            all += own;
            retracted += if life.is_retracted { own } else { 0.0 };
        }
        per_day.push(Some(all / days));
        shares.push((all > 0.0).then(|| retracted / all));
        medians.push(weighted_median(stood.iter().map(|(days, person)| (*days, weight(*person)))));
    }
    let alerts = volume.alerts as f64;
    let share = (volume.alerts > 0).then(|| volume.retracted as f64 / alerts);
    let median = weighted_median(stood.iter().map(|(days, _)| (*days, 1.0)));
    Figures {
        per_day: estimate(Some(alerts / days), per_day.into_iter()),
        stood_days: estimate(median, medians.into_iter()),
        retracted: estimate(share, shares.into_iter()),
        volume,
        ..Figures::default()
    }
}

fn agreement(counts: Counts, replicates: &[[Counts; 2]], part: Part) -> Agreement {
    let of = |measure: fn(&Counts) -> Option<f64>| {
        estimate(measure(&counts), replicates.iter().map(|counts| measure(&counts[part as usize])))
    };
    Agreement {
        counts,
        precision: of(Counts::precision),
        recall: of(Counts::recall),
        f1: of(Counts::f1),
        phi: of(Counts::phi),
        wrong_per_1000: of(Counts::wrong_per_1000),
    }
}

/// The counts of a variant on one part.
pub fn counts(cases: &Cases, variant: usize, part: Part) -> Counts {
    let mut counts = Counts { quiet: cases.others[part as usize], ..Counts::default() };
    for (case, verdict) in cases.cases.iter().zip(&cases.verdicts[variant]) {
        if case.part == part {
            counts.add(*verdict, case.weight);
        }
    }
    counts
}

/// Of each of these variants the counts on both parts, in each replicate. What all variants say of a case is summed once for all.
pub fn replicated(cases: &Cases, variants: &[usize], weights: &Weights) -> Vec<Vec<[Counts; 2]>> {
    let verdict = |variant: &usize, case: usize| cases.verdicts[*variant][case];
    let is_alike = |case: &usize| variants.windows(2).all(|two| verdict(&two[0], *case) == verdict(&two[1], *case));
    let (alike, varying): (Vec<usize>, Vec<usize>) = (0..cases.cases.len()).partition(is_alike);
    let others = cases.others.map(|quiet| Counts { quiet, ..Counts::default() });
    let sum = |variant: usize, own: &[usize], weights: &[f32]| {
        let mut counts = [Counts::default(); 2];
        for at in own {
            let case = &cases.cases[*at];
            let weight = f64::from(weights[case.person]) * case.weight;
            if weight > 0.0 {
                counts[case.part as usize].add(cases.verdicts[variant][*at], weight);
            }
        }
        counts
    };
    let mut out = vec![Vec::new(); variants.len()];
    for weights in weights.iter() {
        let Some(first) = variants.first() else { break };
        let common = sum(*first, &alike, weights);
        for (variant, out) in variants.iter().zip(&mut out) {
            let own = sum(*variant, &varying, weights);
            out.push([0, 1].map(|part| others[part].plus(common[part]).plus(own[part])));
        }
    }
    out
}

fn delay(cases: &Cases, variant: usize, weights: &Weights) -> Option<Estimate> {
    let delays = &cases.delays[variant];
    let median = |weights: Option<&[f32]>| {
        weighted_median(delays.iter().map(|(days, case)| {
            let case = &cases.cases[*case];
            (*days, case.weight * weights.map_or(1.0, |weights| f64::from(weights[case.person])))
        }))
    };
    estimate(median(None), weights.iter().map(|weights| median(Some(weights))))
}

/// The median delay of a variant on one part.
pub fn delay_on(cases: &Cases, variant: usize, part: Part) -> Option<f64> {
    let own = cases.delays[variant].iter().filter(|(_, case)| cases.cases[*case].part == part);
    weighted_median(own.map(|(days, case)| (*days, cases.cases[*case].weight)))
}

/// Whether two variants say the same of every case of a part.
pub fn is_alike(cases: &Cases, one: usize, other: usize, part: Part) -> bool {
    let verdicts = |variant: usize| -> &[Verdict] { &cases.verdicts[variant] };
    let pairs = verdicts(one).iter().zip(verdicts(other)).zip(&cases.cases);
    pairs.filter(|(_, case)| case.part == part).all(|((one, other), _)| one == other)
}
