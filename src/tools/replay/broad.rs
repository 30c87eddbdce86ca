//! Rules that tell hardly anybody apart: a condition is missing, or a threshold is where everybody is below it.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::Catalogue;
use crate::history::{History, PersonNo};
use crate::model::time::KnownTime;
use crate::rules::planned::PlannedRule;
use crate::tools::replay::Replayed;

/// With fewer persons a share says nothing.
const LEAST_PERSONS: u64 = 20;

/// A rule that has spoken of at least half of the persons whom it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broad<'a> {
    pub rule: &'a str,
    pub spoken_of: u64,
    pub concerned: u64,
}

/// Of each rule: how many persons have had permits of its classes.
pub(super) fn concerned(history: &History, rules: &[PlannedRule], as_of: KnownTime) -> Vec<u64> {
    let persons: Vec<PersonNo> = history.persons().filter(|(_, person)| person.is_person()).map(|(no, _)| no).collect();
    let classes: Vec<_> = persons.into_iter().map(|person| history.classes(person, as_of)).collect();
    let of_rule = |rule: &PlannedRule| classes.iter().filter(|of| of.meets(rule.classes())).count() as u64;
    rules.iter().map(of_rule).collect()
}

/// The broad rules about persons, in the order of the catalogue.
pub fn broad<'a>(catalogue: &'a Catalogue, replayed: &Replayed) -> Vec<Broad<'a>> {
    let mut spoken_of: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for alert in &replayed.log {
        spoken_of.entry(&alert.rule_id).or_default().insert(&alert.subject);
    }
    let rules = catalogue.rules.iter().zip(&replayed.concerned).filter(|(rule, _)| rule.header.key.is_none());
    let found = rules.filter_map(|(rule, concerned)| {
        let rule = rule.header.id.as_str();
        let spoken_of = spoken_of.get(rule)?.len() as u64;
        (*concerned >= LEAST_PERSONS && spoken_of * 2 >= *concerned).then_some(Broad {
            rule,
            spoken_of,
            concerned: *concerned,
        })
    });
    found.collect()
}
