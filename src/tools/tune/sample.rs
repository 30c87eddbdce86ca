//! Permits to be judged by hand: drawn at random, so many of each severity, in a form that is read back as labels.
//!
//! They are drawn from all that some variant has an alert about. Each line says for how many permits of its severity it stands, so that
//! what is read back counts them as they occur and not as they were drawn. Nobody who is protected is drawn.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::alert::Severity;
use crate::tools::tune::bootstrap::Dice;
use crate::tools::tune::heard::Heard;
use crate::tools::tune::text_of;

/// A permit that was drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    pub subject: String,
    pub person: String,
    /// The highest that any variant's alert about it had.
    pub severity: Severity,
    /// How many variants have an alert about it, and whether the rule in force has.
    pub variants: usize,
    pub is_in_force: bool,
    /// How many permits of this severity there are for each that was drawn.
    pub weight: f64,
}

/// The columns of a sample: `outcome` is to be filled in.
pub const HEAD: &str = "permit,person,rule,severity,points,in_force,weight,outcome,date";

/// Draws `count` permits, as evenly as possible from the severities.
pub fn draw(heard: &Heard, count: usize, seed: u64) -> Vec<Drawn> {
    let mut strata: BTreeMap<Severity, Vec<Drawn>> = BTreeMap::new();
    for drawn in all(heard) {
        strata.entry(drawn.severity).or_default().push(drawn);
    }
    let sizes: Vec<usize> = strata.values().map(Vec::len).collect();
    let shares = shares(&sizes, count);
    let mut out = Vec::new();
    for ((severity, mut stratum), share) in strata.into_iter().zip(shares) {
        const PURPOSE: u64 = 3;
        let mut dice = Dice::new(seed, PURPOSE, severity as u64);
        let size = stratum.len();
        // The first `share` of a shuffle (Fisher and Yates).
        for at in 0..share {
            stratum.swap(at, at + dice.below(size - at));
        }
        stratum.truncate(share);
        stratum.iter_mut().for_each(|drawn| drawn.weight = size as f64 / share as f64);
        out.extend(stratum);
    }
    out.sort_by(|a, b| (b.severity, &a.subject).cmp(&(a.severity, &b.subject)));
    out
}

/// Every permit that some variant has an alert about, in their order.
fn all(heard: &Heard) -> Vec<Drawn> {
    let mut found: BTreeMap<&str, Drawn> = BTreeMap::new();
    let mut withheld = BTreeSet::new();
    for (variant, lives) in heard.lives.iter().enumerate() {
        let mut seen = BTreeSet::new();
        for life in lives {
            let matter = heard.matter(life);
            if life.is_withheld {
                withheld.insert(matter.person);
            }
            let drawn = found.entry(&matter.subject).or_insert_with(|| Drawn {
                subject: matter.subject.clone(),
                person: heard.persons[matter.person as usize].clone(),
                severity: life.highest,
                variants: 0,
                is_in_force: false,
                weight: 1.0,
            });
            drawn.severity = drawn.severity.max(life.highest);
            drawn.is_in_force |= variant == 0;
            drawn.variants += usize::from(seen.insert(matter.subject.as_str()));
        }
    }
    let withheld: BTreeSet<&str> = withheld.into_iter().map(|person| heard.persons[person as usize].as_str()).collect();
    found.into_values().filter(|drawn| !withheld.contains(drawn.person.as_str())).collect()
}

/// How many to take of each: one after the other, as long as there are any.
fn shares(sizes: &[usize], count: usize) -> Vec<usize> {
    let mut shares = vec![0; sizes.len()];
    let mut left = count.min(sizes.iter().sum());
    while left > 0 {
        // The stronger first.
        for at in (0..sizes.len()).rev() {
            if left > 0 && shares[at] < sizes[at] {
                shares[at] += 1;
                left -= 1;
            }
        }
    }
    shares
}

/// The sample as a file of labels.
pub fn csv(rule: &str, drawn: &[Drawn]) -> Result<String, csv::Error> {
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record(HEAD.split(','))?;
    for drawn in drawn {
        let (points, in_force) = (drawn.variants.to_string(), if drawn.is_in_force { "yes" } else { "no" });
        let weight = format!("{:.4}", drawn.weight);
        let row = [&drawn.subject, &drawn.person, rule, drawn.severity.name(), &points, in_force, &weight, "", ""];
        out.write_record(row)?;
    }
    text_of(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::KnownTime;
    use crate::tools::tune::heard::{Life, Matter};

    fn heard(persons: u32) -> Heard {
        let life = |matter: u32| Life {
            matter,
            raised: KnownTime(0),
            ended: None,
            stood: 0,
            severity: Severity::Weak,
            highest: if matter.is_multiple_of(10) { Severity::Strong } else { Severity::Weak },
            is_retracted: false,
            is_withheld: matter == 20,
        };
        let matter = |person| Matter { person, subject: format!("p{person:03}-1"), alert_key: "k".into() };
        Heard {
            persons: (0..persons).map(|person| format!("p{person:03}")).collect(),
            matters: (0..persons).map(matter).collect(),
            lives: vec![(0..persons / 2).map(life).collect(), (0..persons).map(life).collect()],
            holders: Vec::new(),
        }
    }

    #[test]
    fn each_severity_has_its_share_and_weights_make_up_for_it() {
        let drawn = draw(&heard(100), 12, 5);
        let strong: Vec<&Drawn> = drawn.iter().filter(|drawn| drawn.severity == Severity::Strong).collect();
        // Ten are strong, of whom one is protected; six are drawn of these, and of the 90 others.
        assert_eq!((drawn.len(), strong.len(), strong[0].weight), (12, 6, 1.5));
        assert!(drawn.iter().all(|drawn| drawn.subject != "p020-1"));
        assert!((drawn.iter().map(|drawn| drawn.weight).sum::<f64>() - 99.0).abs() < 1e-9);
        assert!(drawn.iter().all(|drawn| drawn.variants == if drawn.subject.as_str() < "p050-1" { 2 } else { 1 }));
        assert_eq!(draw(&heard(100), 12, 5), drawn);
        assert_ne!(draw(&heard(100), 12, 6), drawn);
        assert_eq!(draw(&heard(100), 1_000, 5).len(), 99);
    }

    #[test]
    fn shares_go_round() {
        assert_eq!(shares(&[9, 1, 5], 7), [3, 1, 3]);
        assert_eq!((shares(&[2, 0, 1], 9), shares(&[4, 4], 1)), (vec![2, 0, 1], vec![0, 1]));
    }

    #[test]
    fn a_sample_is_a_file_of_labels() {
        let text = csv("salary-drop", &draw(&heard(10), 1, 5)).unwrap();
        assert_eq!(text, format!("{HEAD}\np000-1,p000,salary-drop,strong,2,yes,1.0000,,\n"));
    }
}
