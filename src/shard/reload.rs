//! Going over to another set of rules while running.
//!
//! Rules whose fingerprint is the same keep their alerts and timers and are not looked at. A rule that is gone takes its
//! alerts back. A new or changed rule is worked out again for every person whom it concerns, a few at a time between the
//! records that arrive: until then its alerts stand as they did, and what differs is published as it is found.

use std::collections::VecDeque;

use crate::alert::Status;
use crate::history::PersonNo;
use crate::rules::{RuleMask, RuleSet, TableSet};
use crate::shard::evaluate::Job;
use crate::shard::{Emitted, Order, RuleWork, Shard, rule_classes};
use crate::units::Unit;

/// Persons that are worked out again in one go.
const PERSONS_AT_ONCE: usize = 256;

/// What is still to be worked out again after a change of rules.
#[derive(Debug, Default)]
pub(super) struct Rework {
    persons: VecDeque<PersonNo>,
    rules: RuleMask,
}

/// Why a set of rules cannot take the place of another while running.
pub const LINKS_DIFFER: &str = "what units show to one another (queries/links, the views and rules behind it) has changed, and the \
     shards would not agree on it: restart every instance";

impl Shard {
    /// Goes over to `rules`; gives the alerts that are taken back with the rules that are gone. Refused with the reason
    /// where that takes a restart. Live order only.
    pub fn replace_rules(&mut self, rules: RuleSet) -> Result<Vec<Emitted>, &'static str> {
        debug_assert_eq!(self.settings.order, Order::Live);
        if rules.link_fingerprint() != self.rules.link_fingerprint() {
            return Err(LINKS_DIFFER);
        }
        let place = |id: &str| rules.rules().iter().position(|rule| rule.file.header.id == id);
        let places: Vec<Option<u8>> =
            self.rules.rules().iter().map(|rule| place(&rule.file.header.id).map(|at| at as u8)).collect();
        let mut changed: RuleMask = 0;
        for (at, rule) in rules.rules().iter().enumerate() {
            let old = self.rules.rules().iter().find(|old| old.file.header.id == rule.file.header.id);
            if old.is_none_or(|old| old.fingerprint != rule.fingerprint) {
                changed |= 1 << at;
            }
        }
        // What an earlier change had still to work out again is not forgotten.
        let waiting = if self.rework.persons.is_empty() { 0 } else { self.rework.rules };
        for (old, new) in places.iter().enumerate() {
            if let Some(new) = new.filter(|_| waiting & 1 << old != 0) {
                changed |= 1 << new;
            }
        }
        let withdrawn = self.withdraw(&places);
        self.detector.replace_rules(&places, rules.rules().len(), changed);
        let (mut disabled, mut errors) = (0, vec![0; rules.rules().len()]);
        for (old, new) in places.iter().enumerate().filter_map(|(old, new)| Some((old, (*new)? as usize))) {
            if changed & 1 << new == 0 {
                disabled |= RuleMask::from(self.disabled & 1 << old != 0) << new;
                errors[new] = self.errors[old];
            }
        }
        (self.disabled, self.errors) = (disabled, errors);
        self.work.rules = vec![RuleWork::default(); rules.rules().len()];
        (self.rule_classes, self.unit_bits) = rule_classes(&rules, &mut self.history);
        self.waits_for = (0..rules.rules().len()).map(|rule| rules.waits_for(rule)).collect();
        self.rules = rules;
        let concerned = |person: &PersonNo| self.rules_of(self.history.person(*person).classes) & changed != 0;
        let persons = self.history.persons().map(|(person, _)| person).filter(concerned).collect();
        self.rework = Rework { persons, rules: changed };
        Ok(withdrawn)
    }

    /// Persons for whom changed rules are still to be worked out again.
    pub fn rework_left(&self) -> usize {
        self.rework.persons.len()
    }

    /// Has what links show of these persons' findings worked out once more, as after a change of rules, but none has changed.
    pub(super) fn work_out_again(&mut self, persons: Vec<PersonNo>) {
        let rules = self.rules.used_by_links();
        let concerned = |person: &PersonNo| self.shows_found(*person, TableSet::ALL);
        let persons: Vec<PersonNo> = persons.into_iter().filter(concerned).collect();
        self.rework.persons.extend(persons);
        self.rework.rules |= rules;
    }

    /// The alerts of rules that have no place in the new set, taken back.
    fn withdraw(&mut self, places: &[Option<u8>]) -> Vec<Emitted> {
        let now = self.clocks.shard().0;
        let gone: Vec<_> = self
            .standing()
            .into_iter()
            .filter(|(_, alert)| places.get(alert.rule as usize).is_some_and(Option::is_none))
            .map(|(person, alert)| (person, alert.clone()))
            .collect();
        let mut out = Vec::with_capacity(gone.len());
        for (person, alert) in gone {
            let sequence = self.detector.next_sequence(alert.id);
            let mut said = self.bare(person, &alert, Status::Retracted, sequence, now);
            said.reason = Some("rule_withdrawn".into());
            out.push(Emitted { alert: said, sent_at: None, deadline: false });
        }
        out
    }

    /// Adds a few of the persons who wait to what is settled next.
    pub(super) fn add_rework(&mut self, jobs: &mut Vec<Job>) {
        let now = self.clocks.shard().0;
        let many = self.rework.persons.len().min(PERSONS_AT_ONCE);
        let due: Vec<PersonNo> = self.rework.persons.drain(..many).collect();
        for person in due {
            let rules = self.rules_of(self.history.person(person).classes) & self.rework.rules;
            // Their timers went with the rules' old texts, those of rows that wait to be shown among them.
            let links = self.rules.used_by_links() & rules != 0 && self.shows_found(person, TableSet::ALL);
            match jobs.iter_mut().rev().find(|job| job.unit.person == person) {
                Some(job) => {
                    job.rules |= rules;
                    job.links |= links;
                }
                None => {
                    let mut job = Job::new(Unit { person, as_of: now });
                    // The views that silence or strengthen alerts may have changed with the rules.
                    job.tables = self.rules.shared_tables();
                    job.rules = rules;
                    job.links = links;
                    job.recomputed = true;
                    jobs.push(job);
                }
            }
        }
    }
}
