//! Compares alerts with the planted truth: what was found, what was missed, what should not have been raised.

use std::collections::BTreeMap;

use crate::generate::{Kind, Truth};
use crate::model::alert::{Alert, Severity};

/// The score of one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleScore {
    pub planted: usize,
    pub found: usize,
    /// Permits with an alert that the truth does not have, or with one of greater severity than it allows.
    pub wrong: usize,
    /// Traps that raised no alert.
    pub traps: usize,
    /// What was missed or wrong; one line each, with permit and scenario.
    pub misses: Vec<String>,
}

impl RuleScore {
    /// Share of the alerts that were right; `None` without alerts.
    pub fn precision(&self) -> Option<f64> {
        ratio(self.found, self.found + self.wrong)
    }

    /// Share of the planted breaches that were found; `None` if none was planted.
    pub fn recall(&self) -> Option<f64> {
        ratio(self.found, self.planted)
    }
}

fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Scores a log of transitions. A breach counts from `known_from` on, if that is before `until` (microseconds). `rules` are the ids
/// to score.
pub fn score(truth: &[Truth], log: &[Alert], rules: &[&str], until: i64) -> BTreeMap<String, RuleScore> {
    let mut reached: BTreeMap<(&str, &str), Severity> = BTreeMap::new();
    for alert in log {
        let highest = reached.entry((&alert.rule_id, &alert.subject)).or_insert(alert.severity);
        *highest = (*highest).max(alert.severity);
    }
    let mut scores: BTreeMap<String, RuleScore> =
        rules.iter().map(|rule| ((*rule).to_owned(), RuleScore::default())).collect();
    for planted in truth {
        let Some(score) = scores.get_mut(planted.rule_id) else { continue };
        let alert = reached.remove(&(planted.rule_id, planted.permit_id.as_str()));
        let least = planted.min_severity.and_then(Severity::from_name);
        let most = planted.max_severity.and_then(Severity::from_name);
        let place = format!("{} {}", planted.permit_id, planted.scenario);
        match planted.kind {
            Kind::Breach if planted.known_from >= until => {}
            Kind::Breach => {
                score.planted += 1;
                match alert {
                    Some(severity) if least.is_none_or(|least| severity >= least) => score.found += 1,
                    Some(severity) => score.misses.push(format!("too weak ({}): {place}", severity.name())),
                    None => score.misses.push(format!("missed: {place}")),
                }
            }
            Kind::Trap => match (alert, most) {
                (Some(severity), most) if most.is_none_or(|most| severity > most) => {
                    score.wrong += 1;
                    score.misses.push(format!("trapped ({}): {place}", severity.name()));
                }
                _ => score.traps += 1,
            },
        }
    }
    for ((rule, subject), severity) in reached {
        if let Some(score) = scores.get_mut(rule) {
            score.wrong += 1;
            score.misses.push(format!("not planted ({}): {subject}", severity.name()));
        }
    }
    scores
}
