//! Two rule sets over the same recorded history: which texts differ, and which alerts (`compare`). `report` sets it as lines.

mod compare;
mod report;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::catalogue::Catalogue;
use crate::catalogue::file::{Header, RuleFile};
use crate::model::stage::Stage;
use crate::model::time::KnownTime;
use crate::source::files::Recorded;
use crate::tools::replay::{ReplayError, Replayed, Timeline, timeline};

pub use compare::{Comparison, Difference, Kind, Lives, compare, lives};
pub use report::{remarks, table, texts, title, told};

/// What one rule set says of a history.
#[derive(Debug, Default)]
pub struct Run {
    pub alerts: Lives,
    /// The rest of the replay, without its log and what stands.
    pub replayed: Replayed,
}

/// Replays a recording with two rule sets, each on a thread of its own: it takes the memory of two replays, and the time of one.
pub fn run_both(
    recorded: Recorded<'_>,
    catalogues: [&Catalogue; 2],
    options: &Timeline,
) -> Result<[Run; 2], ReplayError> {
    let [a, b] = std::thread::scope(|scope| {
        let start = |catalogue| scope.spawn(move || run(recorded, catalogue, options));
        catalogues.map(start).map(|thread| thread.join().unwrap_or(Err(ReplayError::Panic)))
    });
    Ok([a?, b?])
}

fn run(recorded: Recorded<'_>, catalogue: &Catalogue, options: &Timeline) -> Result<Run, ReplayError> {
    if catalogue.rules.is_empty() {
        return Ok(Run::default());
    }
    let mut replayed = timeline(recorded, catalogue, options)?;
    let alerts = lives(&std::mem::take(&mut replayed.log));
    replayed.standing.clear();
    Ok(Run { alerts, replayed })
}

/// Texts that are not the same in both sets.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ChangedTexts {
    /// By rule id, what is other in its own file.
    pub rules: BTreeMap<String, RuleChange>,
    /// Views, links and files that rules share.
    pub shared: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleChange {
    OnlyA,
    OnlyB,
    Text,
    Parameters,
    /// Only the stage, in A and in B.
    Stage(Stage, Stage),
}

impl ChangedTexts {
    pub fn between(a: &Catalogue, b: &Catalogue) -> ChangedTexts {
        let mut rules = BTreeMap::new();
        for rule in &a.rules {
            let change = b.rule(&rule.header.id).map_or(Some(RuleChange::OnlyA), |other| change_of(rule, other));
            rules.extend(change.map(|change| (rule.header.id.clone(), change)));
        }
        let only_b = b.rules.iter().filter(|rule| a.rule(&rule.header.id).is_none());
        rules.extend(only_b.map(|rule| (rule.header.id.clone(), RuleChange::OnlyB)));
        let [texts_a, texts_b] = [a, b].map(shared_texts);
        let names: BTreeSet<&String> = texts_a.keys().chain(texts_b.keys()).collect();
        let shared = names.into_iter().filter(|name| texts_a.get(*name) != texts_b.get(*name)).cloned().collect();
        ChangedTexts { rules, shared }
    }

    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.shared.is_empty()
    }
}

fn change_of(a: &RuleFile, b: &RuleFile) -> Option<RuleChange> {
    // The SQL has the parameters' values in it.
    let without_numbers = |sql: &str| sql.split(|letter: char| letter.is_ascii_digit()).collect::<String>();
    let is_other_value = a.values != b.values;
    let is_same_sql = match is_other_value {
        false => a.sql == b.sql,
        true => without_numbers(&a.sql) == without_numbers(&b.sql),
    };
    let header = |rule: &RuleFile| {
        let header = Header { stage: String::new(), stage_since: None, ..rule.header.clone() };
        format!("{header:?}")
    };
    let stages = (a.header.stage(), b.header.stage());
    match is_same_sql && header(a) == header(b) {
        false => Some(RuleChange::Text),
        true if stages.0 != stages.1 => Some(RuleChange::Stage(stages.0, stages.1)),
        true => is_other_value.then_some(RuleChange::Parameters),
    }
}

fn shared_texts(catalogue: &Catalogue) -> BTreeMap<String, String> {
    let views = catalogue.views.iter().map(|view| (format!("views/{}.sql", view.name), view.sql.clone()));
    let links = catalogue.links.iter().map(|link| (format!("links/{}.sql", link.table.name()), link.sql.clone()));
    let files = [
        ("parameters.csv", format!("{:?}", catalogue.thresholds)),
        ("gateways.toml", format!("{:?}", catalogue.gateways)),
        ("standing.sql", catalogue.standing.clone()),
        ("words.toml", format!("{:?}", catalogue.words.given().collect::<Vec<_>>())),
    ];
    views.chain(links).chain(files.map(|(name, text)| (name.to_owned(), text))).collect()
}

/// A difference as one flat line, for a data frame or a table. Of an alert whose person is protected only the id is told.
#[derive(Debug, Serialize)]
pub struct Line<'a> {
    pub alert_id: &'a str,
    pub differences: Vec<&'static str>,
    pub rule_id: Option<&'a str>,
    pub subject: Option<&'a str>,
    pub alert_key: Option<&'a str>,
    pub other_key: Option<bool>,
    pub a_raised_at: Option<String>,
    pub b_raised_at: Option<String>,
    pub a_ended_at: Option<String>,
    pub b_ended_at: Option<String>,
    pub a_severity: Option<&'static str>,
    pub b_severity: Option<&'static str>,
}

impl<'a> Line<'a> {
    pub fn of(difference: &Difference<'a>) -> Line<'a> {
        let is_told = !difference.is_withheld();
        let life = difference.life().filter(|_| is_told);
        let [a, b] = difference.lives.map(|life| life.filter(|_| is_told));
        let text = |at: KnownTime| at.to_string();
        Line {
            alert_id: difference.alert_id,
            differences: difference.kinds.iter().map(|kind| kind.name()).collect(),
            rule_id: life.map(|life| life.rule.as_str()),
            subject: life.map(|life| life.subject.as_str()),
            alert_key: life.map(|life| life.alert_key.as_str()),
            other_key: is_told.then_some(difference.has_other_key),
            a_raised_at: a.map(|life| text(life.raised)),
            b_raised_at: b.map(|life| text(life.raised)),
            a_ended_at: a.and_then(|life| life.ended()).map(text),
            b_ended_at: b.and_then(|life| life.ended()).map(text),
            a_severity: a.map(|life| life.severity.name()),
            b_severity: b.map(|life| life.severity.name()),
        }
    }
}

#[cfg(test)]
mod tests;
