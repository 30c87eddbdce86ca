//! What differs between two rule sets, as lines for a terminal.

use std::collections::BTreeSet;

use crate::model::time::{KnownTime, MICROS_PER_DAY};
use crate::tools::columns::columns;
use crate::tools::diff::compare::{Comparison, Count, Difference, Kind, Life, RuleDifference};
use crate::tools::diff::{ChangedTexts, RuleChange};

const MICROS_PER_HOUR: u64 = 3_600_000_000;
const DAY: u64 = MICROS_PER_DAY as u64;

/// Kinds that have a column even if none occurs.
const ALWAYS: [Kind; 2] = [Kind::OnlyA, Kind::OnlyB];

/// In which texts the sets differ, in one line.
pub fn texts(changed: &ChangedTexts) -> String {
    if changed.is_empty() {
        return "the rules are the same in both".to_owned();
    }
    let rules = changed.rules.iter().map(|(rule, change)| format!("{rule} ({})", change_words(*change)));
    format!("they differ in {}", rules.chain(changed.shared.iter().cloned()).collect::<Vec<_>>().join(", "))
}

fn change_words(change: RuleChange) -> String {
    let words = match change {
        RuleChange::OnlyA => "only in A",
        RuleChange::OnlyB => "only in B",
        RuleChange::Text => "text",
        RuleChange::Parameters => "parameters",
        RuleChange::Stage(a, b) => return format!("{} in A, {} in B", a.name(), b.name()),
    };
    words.to_owned()
}

/// One line for each rule of which a text or an alert differs, one for the others, and one for all.
pub fn table(compared: &Comparison<'_>, changed: &ChangedTexts, rules: &BTreeSet<&str>) -> Vec<String> {
    let none = RuleDifference::default();
    let of = |rule: &str| compared.rules.get(rule).unwrap_or(&none);
    let (told, others): (Vec<&str>, Vec<&str>) =
        rules.iter().partition(|rule| changed.rules.contains_key(**rule) || !of(rule).kinds.is_empty());
    let kinds: Vec<Kind> = Kind::ALL
        .into_iter()
        .filter(|kind| ALWAYS.contains(kind) || rules.iter().any(|rule| of(rule).kinds.contains_key(kind)))
        .collect();
    let mut lines = vec![["rule", "A", "B", "same"].map(str::to_owned).to_vec()];
    lines[0].extend(kinds.iter().map(|kind| head(*kind).to_owned()));
    for rule in &told {
        let name = match changed.rules.get(*rule) {
            Some(change) => format!("{rule} ({})", change_words(*change)),
            None => (*rule).to_owned(),
        };
        lines.push(cells(name, of(rule), &kinds));
    }
    let sum = |rules: &[&str]| rules.iter().fold(RuleDifference::default(), |sum, rule| added(sum, of(rule)));
    if !others.is_empty() {
        let name = if told.is_empty() { "rules" } else { "other rules" };
        let name = if others.len() == 1 { name.trim_end_matches('s') } else { name };
        lines.push(cells(format!("{} {name}", others.len()), &sum(&others), &kinds));
    }
    if !told.is_empty() && told.len() + others.len() > 1 {
        let all: Vec<&str> = rules.iter().copied().collect();
        lines.push(cells("all".to_owned(), &sum(&all), &kinds));
    }
    columns(&lines)
}

fn head(kind: Kind) -> &'static str {
    match kind {
        Kind::OnlyA => "only A",
        Kind::OnlyB => "only B",
        Kind::Promoted => "promoted",
        Kind::Demoted => "demoted",
        Kind::Earlier => "earlier",
        Kind::Later => "later",
        Kind::Stronger => "stronger",
        Kind::Weaker => "weaker",
        Kind::EndsEarlier => "ends earlier",
        Kind::EndsLater => "ends later",
        Kind::Between => "between",
        Kind::Says => "says",
    }
}

fn cells(name: String, rule: &RuleDifference, kinds: &[Kind]) -> Vec<String> {
    let count = |kind: &Kind| match rule.kinds.get(kind) {
        Some(Count { alerts, median: Some(by), .. }) => format!("{alerts} ({})", duration(*by)),
        Some(Count { alerts, median: None, .. }) => alerts.to_string(),
        None => "0".to_owned(),
    };
    let [a, b] = rule.alerts;
    [name, a.to_string(), b.to_string(), rule.same.to_string()].into_iter().chain(kinds.iter().map(count)).collect()
}

/// Numbers alone: medians of several rules say nothing together.
fn added(mut sum: RuleDifference, rule: &RuleDifference) -> RuleDifference {
    for side in [0, 1] {
        sum.alerts[side] += rule.alerts[side];
        sum.standing[side] += rule.standing[side];
    }
    sum.same += rule.same;
    for (kind, count) in &rule.kinds {
        sum.kinds.entry(*kind).or_default().alerts += count.alerts;
    }
    sum
}

/// `31 d`, `5 h`, `12 min`
fn duration(micros: u64) -> String {
    match micros {
        0..MICROS_PER_HOUR => format!("{} min", micros.div_ceil(MICROS_PER_HOUR / 60)),
        MICROS_PER_HOUR..DAY => format!("{} h", micros / MICROS_PER_HOUR),
        _ => format!("{} d", (micros + DAY / 2) / DAY),
    }
}

/// What stands at the end in both sets, and how many alerts about a subject have only changed their key.
pub fn remarks(compared: &Comparison<'_>) -> Vec<String> {
    let [a, b] = [0, 1].map(|side| compared.rules.values().map(|rule| rule.standing[side]).sum::<usize>());
    let mut lines = vec![format!("at the end {a} stand in A, {b} in B")];
    for (rule, found) in &compared.rules {
        let of = |kind| found.kinds.get(&kind).map_or(0, |count: &Count| count.alerts);
        if of(Kind::Promoted) > 0 {
            lines.push(format!("{rule} goes live in B: officers get its {} alerts, all new to them", found.alerts[1]));
        }
        if of(Kind::Demoted) > 0 {
            lines.push(format!("{rule} goes on trial in B: officers lose its {} alerts", found.alerts[0]));
        }
        for (kind, other) in [(Kind::OnlyA, "B"), (Kind::OnlyB, "A")] {
            if let Some(count) = found.kinds.get(&kind).filter(|count| count.other_keys > 0) {
                lines.push(format!(
                    "{rule}, {}: {} of {} are about what {other} has an alert about under another key",
                    title(kind),
                    count.other_keys,
                    count.alerts
                ));
            }
        }
    }
    lines
}

/// The kind as words after a rule and a number of alerts.
pub fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::OnlyA => "only in A",
        Kind::OnlyB => "only in B",
        Kind::Promoted => "new to officers in B",
        Kind::Demoted => "no more seen by officers in B",
        Kind::Earlier => "raised earlier in B",
        Kind::Later => "raised later in B",
        Kind::Stronger => "stronger in B",
        Kind::Weaker => "weaker in B",
        Kind::EndsEarlier => "end earlier in B",
        Kind::EndsLater => "end later in B",
        Kind::Between => "stand otherwise in between",
        Kind::Says => "say something else in B",
    }
}

/// `p0000012-1: A raised 2024-06-01 medium, stands; B raised 2024-05-01 medium, ended 2024-07-01`
pub fn told(difference: &Difference<'_>) -> String {
    let day = |at: KnownTime| at.day();
    let side = |name: &str, life: &Life| {
        let end = life.ended().map_or("stands".to_owned(), |at| format!("ended {}", day(at)));
        format!("{name} raised {} {}, {end}", day(life.raised), life.severity.name())
    };
    let sides = ["A", "B"].into_iter().zip(difference.lives);
    let sides: Vec<String> = sides.filter_map(|(name, life)| Some(side(name, life?))).collect();
    let subject = difference.life().map_or("", |life| life.subject.as_str());
    let other = match difference.lives {
        [None, Some(_)] if difference.has_other_key => "; A has it under another key",
        [Some(_), None] if difference.has_other_key => "; B has it under another key",
        _ => "",
    };
    format!("{subject}: {}{other}", sides.join("; "))
}
