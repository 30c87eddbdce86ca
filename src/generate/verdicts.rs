//! The truth about a person, by law: the planted breaches and traps of each rule that a story touches.

use super::calendar::{add_days, instant};
use super::employers::Payer;
use super::person::Person;
use super::scenarios::Scenario;
use super::truth::{Kind, Truth};

/// Rules whose breaches the permit's end does not end.
const OUTLIVE_THE_PERMIT: &[&str] = &[
    "payment-after-permit-end",
    "work-without-right",
    "seasonal-limit",
    "declarations-backfilled",
    "benefit-after-emigration",
    "allowance-with-income",
    "revocation-unserved",
];

impl Person<'_> {
    /// A breach of the story's rule: known from the first of `tiers`; reaches the last tier that comes before the breach ends.
    pub(super) fn breach(
        &mut self,
        scenario: Scenario,
        permit: usize,
        tiers: &[(i64, &'static str)],
        ended_at: Option<i64>,
    ) {
        self.breach_of(scenario.rule_id(), scenario, permit, tiers, ended_at);
    }

    /// The same for another rule, which the story breaches too.
    pub(super) fn breach_of(
        &mut self,
        rule_id: &'static str,
        scenario: Scenario,
        permit: usize,
        tiers: &[(i64, &'static str)],
        ended_at: Option<i64>,
    ) {
        let Some((known_from, _)) = tiers.first().copied() else {
            return;
        };
        let (stands, ended_at) = self.end_of(rule_id, permit, known_from, ended_at);
        if !stands {
            return;
        }
        // The last step of the clock is the end itself.
        let until = ended_at.unwrap_or(i64::MAX).min(self.world.until_us + 1);
        let reached = tiers.iter().filter(|(at, _)| *at < until).map(|(_, tier)| *tier).next_back();
        if reached.is_some() {
            self.push_truth(rule_id, scenario, permit, Kind::Breach, known_from, ended_at, (reached, None));
        }
    }

    /// A trap: a careless rule would alert at `known_from`.
    pub(super) fn trap(
        &mut self,
        scenario: Scenario,
        permit: usize,
        known_from: i64,
        max_severity: Option<&'static str>,
    ) {
        self.trap_of(scenario.rule_id(), scenario, permit, known_from, max_severity);
    }

    pub(super) fn trap_of(
        &mut self,
        rule_id: &'static str,
        scenario: Scenario,
        permit: usize,
        known_from: i64,
        max_severity: Option<&'static str>,
    ) {
        let recorded = self.permits.get(permit).is_some_and(|permit| permit.known < self.world.until_us);
        if known_from < self.world.until_us && recorded {
            let known_from = known_from.max(self.world.start_us);
            self.push_truth(rule_id, scenario, permit, Kind::Trap, known_from, None, (None, max_severity));
        }
    }

    /// A breach of an employer, who is then both subject and unit.
    pub(super) fn breach_by(&mut self, employer: &Payer, scenario: Scenario, known_from: i64, ended_at: i64) {
        if known_from < self.world.until_us {
            let ended_at = Some(ended_at).filter(|at| *at <= self.world.until_us);
            self.push_about(employer, scenario, Kind::Breach, known_from, ended_at);
        }
    }

    pub(super) fn trap_by(&mut self, employer: &Payer, scenario: Scenario, known_from: i64) {
        if known_from < self.world.until_us {
            self.push_about(employer, scenario, Kind::Trap, known_from, None);
        }
    }

    fn push_about(&mut self, employer: &Payer, scenario: Scenario, kind: Kind, known_from: i64, ended_at: Option<i64>) {
        self.verdicts.push(Truth {
            person_id: employer.id.to_string(),
            permit_id: employer.id.to_string(),
            rule_id: scenario.rule_id(),
            kind,
            scenario: scenario.code(),
            known_from,
            ended_at,
            min_severity: (kind == Kind::Breach).then_some("info"),
            max_severity: None,
        });
    }

    #[expect(clippy::too_many_arguments, reason = "one for each column of the truth")]
    fn push_truth(
        &mut self,
        rule_id: &'static str,
        scenario: Scenario,
        permit: usize,
        kind: Kind,
        known_from: i64,
        ended_at: Option<i64>,
        (min_severity, max_severity): (Option<&'static str>, Option<&'static str>),
    ) {
        self.verdicts.push(Truth {
            person_id: self.id.to_string(),
            permit_id: self.permits[permit].id.clone(),
            rule_id,
            kind,
            scenario: scenario.code(),
            known_from,
            ended_at: ended_at.filter(|at| *at <= self.world.until_us),
            min_severity,
            max_severity,
        });
    }

    /// Whether a breach known from `known_from` stands at all, and the earliest of what ends it: its own end, the permit's,
    /// naturalisation, death.
    fn end_of(&self, rule_id: &'static str, place: usize, known_from: i64, own: Option<i64>) -> (bool, Option<i64>) {
        let mut ends: Vec<i64> = self.naturalised_at.into_iter().chain(self.died_at).collect();
        if !OUTLIVE_THE_PERMIT.contains(&rule_id) {
            let permit = &self.permits[place];
            let after = |day| instant(add_days(day, 1));
            let next = self.permits.iter().find(|next| next.valid_from > permit.valid_from);
            // A breach of a permit stands until the next permit begins, if that was applied for in time.
            let carries = |to: &chrono::NaiveDate| next.is_none_or(|next| next.application_on > *to);
            ends.extend(permit.valid_to.filter(carries).map(after));
            ends.extend(permit.ended_on.map(|day| after(day).max(permit.end_known.unwrap_or(0))));
            ends.extend(next.map(|next| instant(next.valid_from).max(next.known)));
        }
        let stands = ends.iter().all(|at| *at > known_from);
        (stands, ends.into_iter().chain(own).filter(|at| *at > known_from).min())
    }
}
