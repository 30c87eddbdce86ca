//! Replaces the rule set while running.
//!
//! A rule whose fingerprint is unchanged keeps its alerts and timers and is not evaluated again. The alerts of a rule that is gone
//! are retracted. A rule that goes from trial to live, or back, is a rule that is gone on one topic and a new one on the other. A new or
//! changed rule is evaluated again for every person whom it concerns, a few persons at a time between the records that arrive: until then
//! its alerts stand as they did, and each difference is published as it is found.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::history::PersonNo;
use crate::model::alert::Status;
use crate::model::sets::{RuleBits, RuleNo, TableSet};
use crate::model::stage::Outlet;
use crate::rules::RuleSet;
use crate::rules::planned::PlannedRule;
use crate::shard::evaluate::Job;
use crate::shard::{Emitted, Order, RuleWork, Shard};
use crate::units::Unit;

/// Persons that one settling evaluates again.
const PERSONS_AT_ONCE: usize = 256;

/// The evaluations that are left after a change of rules.
#[derive(Debug, Default)]
pub(super) struct Rework {
    persons: VecDeque<PersonNo>,
    rules: RuleBits,
}

impl Rework {
    /// Whether the rule is being evaluated again.
    pub(super) fn concerns(&self, rule: usize) -> bool {
        self.rules.contains(rule)
    }
}

/// Why one rule set cannot replace another while running.
pub const LINKS_DIFFER: &str = "what units show to one another (queries/links, the views and rules behind it) has changed, and the \
     shards would not agree on it: restart every instance";

/// Why the alerts of a rule are withdrawn that does not speak on their topic any more; `rules` are those that run now.
pub(crate) fn withdrawn_as(rules: &[PlannedRule], id: &str) -> &'static str {
    let is_promoted = |rule: &PlannedRule| rule.file.header.id == id && rule.outlet() == Outlet::Officers;
    if rules.iter().any(is_promoted) { "rule_promoted" } else { "rule_withdrawn" }
}

impl Shard {
    /// Switches to `rules`; returns the retractions of the alerts whose rules are gone. An error with the reason where the change
    /// takes a restart. Live order only.
    pub fn replace_rules(&mut self, rules: RuleSet) -> Result<Vec<Emitted>, &'static str> {
        debug_assert_eq!(self.settings.order, Order::Live);
        if rules.link_fingerprint() != self.rules.link_fingerprint() {
            return Err(LINKS_DIFFER);
        }
        let is_same = |one: &PlannedRule, other: &PlannedRule| {
            one.file.header.id == other.file.header.id && one.outlet() == other.outlet()
        };
        let place = |old: &PlannedRule| rules.rules().iter().position(|rule| is_same(rule, old));
        let places: Vec<Option<RuleNo>> = self.rules.rules().iter().map(|rule| place(rule).map(RuleNo::at)).collect();
        let mut changed = RuleBits::default();
        for (at, rule) in rules.rules().iter().enumerate() {
            let old = self.rules.rules().iter().find(|old| is_same(old, rule));
            if old.is_none_or(|old| old.fingerprint != rule.fingerprint) {
                changed.insert(at);
            }
        }
        // Carry over what an earlier change of rules has left to evaluate.
        if !self.rework.persons.is_empty() {
            for new in self.rework.rules.iter().filter_map(|old| places.get(old).copied().flatten()) {
                changed.insert(new.index());
            }
        }
        let withdrawn = self.withdraw(&places, &rules);
        self.detector.replace_rules(&places, rules.rules().len(), &changed);
        let (mut disabled, mut errors) = (RuleBits::default(), vec![0; rules.rules().len()]);
        for (old, new) in places.iter().enumerate().filter_map(|(old, new)| Some((old, new.as_ref()?.index()))) {
            if !changed.contains(new) {
                if self.disabled.contains(old) {
                    disabled.insert(new);
                }
                errors[new] = self.errors[old];
            }
        }
        (self.disabled, self.errors) = (disabled, errors);
        self.work.rules = vec![RuleWork::default(); rules.rules().len()];
        self.rule_classes = rules.rules().iter().map(PlannedRule::classes).collect();
        self.waits_for = (0..rules.rules().len()).map(|rule| rules.waits_for(rule)).collect();
        if let Some(called_off) = &self.called_off {
            rules.heed(Arc::clone(called_off));
        }
        self.rules = rules;
        self.rules_changed();
        self.evaluate_again(changed);
        // Timers of changed rules are gone, and rules have other numbers.
        self.touched.add_all();
        Ok(withdrawn)
    }

    /// Queues an evaluation of these rules for everybody whom they concern, or of whom they have found something.
    pub(super) fn evaluate_again(&mut self, changed: RuleBits) {
        if changed.is_empty() {
            return;
        }
        let concerned = |person: &PersonNo| self.concerned(*person).meets(&changed);
        let persons = self.history.persons().map(|(person, _)| person).filter(concerned).collect();
        self.rework = Rework { persons, rules: changed };
    }

    /// Rules that concern a person, or concerned the person before they changed.
    fn concerned(&self, person: PersonNo) -> RuleBits {
        let mut rules = self.rules_of(self.history.person(person).classes);
        rules.insert_all(&self.detector.rules_of(person).without(&self.disabled));
        rules
    }

    /// Persons for whom changed rules have not been evaluated again yet.
    pub fn rework_left(&self) -> usize {
        self.rework.persons.len()
    }

    /// Whether rows of links that read what rules found may be missing until persons have been evaluated again.
    pub fn says_again(&self) -> bool {
        !self.rework.persons.is_empty() && self.rework.rules.meets(self.rules.used_by_links())
    }

    /// Queues an evaluation of the links that read what rules found about these persons. No rule has changed.
    pub(super) fn work_out_again(&mut self, persons: Vec<PersonNo>) {
        let concerned = |person: &PersonNo| self.shows_found(*person, TableSet::ALL);
        let persons: Vec<PersonNo> = persons.into_iter().filter(concerned).collect();
        self.rework.persons.extend(persons);
        self.rework.rules.insert_all(self.rules.used_by_links());
    }

    /// Retracts the alerts of rules that the new set does not have, or has in another stage.
    fn withdraw(&mut self, places: &[Option<RuleNo>], rules: &RuleSet) -> Vec<Emitted> {
        let now = self.clocks.shard();
        let gone: Vec<_> = self
            .standing()
            .into_iter()
            .filter(|(_, alert)| places.get(alert.rule.index()).is_some_and(Option::is_none))
            .map(|(person, alert)| (person, alert.clone()))
            .collect();
        let mut out = Vec::with_capacity(gone.len());
        for (person, alert) in gone {
            self.said.forget(alert.id);
            let rule = &self.rules.rules()[alert.rule.index()];
            let (outlet, reason) = (rule.outlet(), withdrawn_as(rules.rules(), &rule.file.header.id));
            let sequence = self.detector.next_sequence(outlet, alert.id);
            let mut said = self.bare(person, &alert, Status::Retracted, sequence, now);
            said.reason = Some(reason.into());
            out.push(Emitted { alert: said, sent_at: None, deadline: false });
        }
        out
    }

    /// Adds the next few waiting persons to the jobs of this settling.
    pub(super) fn add_rework(&mut self, jobs: &mut Vec<Job>) {
        let now = self.clocks.shard();
        let many = self.rework.persons.len().min(PERSONS_AT_ONCE);
        let due: Vec<PersonNo> = self.rework.persons.drain(..many).collect();
        let daily = self.daily();
        for person in due {
            let rules = self.concerned(person).and(&self.rework.rules);
            let once_a_day = rules.and(&daily);
            if !once_a_day.is_empty() {
                let mut job = Job::daily(person, now);
                (job.rules, job.recomputed) = (once_a_day, true);
                jobs.push(job);
            }
            let rules = rules.without(&daily);
            // The change of rules removed their timers, and with them those at which waiting link rows become visible.
            let links = self.rules.used_by_links().meets(&rules) && self.shows_found(person, TableSet::ALL);
            match jobs.iter_mut().rev().find(|job| job.unit.person == person && job.unit.as_of == now) {
                Some(job) => {
                    job.rules.insert_all(&rules);
                    job.links |= links;
                }
                None => {
                    let mut job = Job::new(Unit { person, as_of: now });
                    // The cancellers and corroborations may have changed with the rules.
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
