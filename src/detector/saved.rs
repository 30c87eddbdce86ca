//! What the detector remembers of persons, as a checkpoint has it.
//!
//! Rules and cancellers go by their names, so that it fits any other rule set: what belongs to a rule that has changed since is worked out
//! again. Sequences are not here: the alerts topic has them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{DailyChecks, Detector, PersonState, Standing, Timer};
use crate::history::PersonNo;
use crate::model::alert::{AlertId, Severity};
use crate::model::sets::{RuleBits, RuleNo};
use crate::model::time::{Day, KnownTime};
use crate::rules::output::Corroboration;
use crate::rules::{Conditions, Interval};

/// What is remembered of one person. Rules and reasons are places in [`SavedNames`].
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct SavedState {
    /// Cancellers: permit, reason, from, to.
    cancellers: Vec<(String, u8, Option<i64>, Option<i64>)>,
    /// Corroborations: rule, since, from and to day.
    corroborations: Vec<(u16, i64, i32, i32)>,
    pub standing: Vec<SavedAlert>,
    /// Timers: rule, by the fact clock, by the rule's clock.
    timers: Vec<(u16, Option<i64>, Option<i64>)>,
}

/// An alert that stands.
#[derive(Debug, Deserialize, Serialize)]
pub struct SavedAlert {
    rule: u16,
    pub id: [u8; 16],
    subject: String,
    alert_key: String,
    severity: u8,
    anchor: Option<i32>,
    alert_at: i64,
    late: bool,
    /// What it says (`shard::render`).
    pub body: Vec<u8>,
}

/// The names that saved states refer to by place.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct SavedNames {
    pub rules: Vec<String>,
    pub reasons: Vec<String>,
}

/// Daily checks that wait: rule, instant, person.
pub type SavedChecks = Vec<(u16, i64, u32)>;

/// Where saved names are in the rule set in force.
pub struct Places<'a> {
    pub names: &'a SavedNames,
    /// By place in the names; none of a rule that is gone.
    pub rules: &'a [Option<RuleNo>],
    /// Rules that are evaluated again for everybody: their timers are set then.
    pub changed: &'a RuleBits,
}

impl SavedNames {
    pub fn of(rules: &[&str]) -> SavedNames {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        SavedNames { rules: names(rules), reasons: names(Interval::REASONS) }
    }
}

impl SavedState {
    pub fn is_empty(&self) -> bool {
        self.cancellers.is_empty()
            && self.corroborations.is_empty()
            && self.standing.is_empty()
            && self.timers.is_empty()
    }
}

impl Detector {
    /// What is remembered of a person; `body` gives what an alert says.
    pub fn saved(&self, person: PersonNo, body: impl Fn(AlertId) -> Vec<u8>) -> SavedState {
        let Some(state) = self.persons.get(&person) else { return SavedState::default() };
        let instant = |at: Option<KnownTime>| at.map(|at| at.0);
        let rule = |rule: RuleNo| rule.index() as u16;
        let cancellers = state.conditions.cancellers.iter();
        let corroborations = state.conditions.corroborations.iter();
        SavedState {
            cancellers: cancellers
                .map(|own| (own.subject.clone(), own.reason, instant(own.from), instant(own.to)))
                .collect(),
            corroborations: corroborations
                .map(|own| (rule(own.rule), own.since.0, own.from_on.0, own.to_on.0))
                .collect(),
            standing: state
                .standing
                .iter()
                .map(|alert| SavedAlert {
                    rule: rule(alert.rule),
                    id: alert.id.0,
                    subject: alert.subject.clone(),
                    alert_key: alert.alert_key.clone(),
                    severity: alert.severity as u8,
                    anchor: alert.anchor.map(|day| day.0),
                    alert_at: alert.alert_at.0,
                    late: alert.late,
                    body: body(alert.id),
                })
                .collect(),
            timers: state
                .timers
                .iter()
                .map(|timer| (rule(timer.rule), instant(timer.fact), instant(timer.absence)))
                .collect(),
        }
    }

    pub fn saved_checks(&self) -> SavedChecks {
        self.daily_checks.iter().map(|(rule, at, person)| (rule.index() as u16, at.0, person.0)).collect()
    }

    /// Takes what was remembered of a person. Alerts of rules that are gone are left out, and timers of rules that have changed.
    pub fn restore(&mut self, person: PersonNo, saved: SavedState, places: &Places<'_>) {
        let place = |rule: u16| places.rules.get(rule as usize).copied().flatten();
        let reason = |reason: u8| {
            let name = places.names.reasons.get(reason as usize)?;
            Interval::REASONS.iter().position(|own| own == name).map(|place| place as u8)
        };
        let known = |at: Option<i64>| at.map(KnownTime);
        let cancellers = saved.cancellers.into_iter().filter_map(|(subject, number, from, to)| {
            Some(Interval { subject, reason: reason(number)?, from: known(from), to: known(to) })
        });
        let corroborations = saved.corroborations.into_iter().filter_map(|(rule, since, from_on, to_on)| {
            Some(Corroboration {
                rule: place(rule)?,
                since: KnownTime(since),
                from_on: Day(from_on),
                to_on: Day(to_on),
            })
        });
        let mut conditions = Conditions { cancellers: cancellers.collect(), corroborations: corroborations.collect() };
        // Their order is that of their numbers, which may be others now.
        conditions.cancellers.sort_unstable();
        conditions.corroborations.sort_unstable();
        let standing = saved.standing.into_iter().filter_map(|alert| {
            Some(Standing {
                rule: place(alert.rule)?,
                id: AlertId(alert.id),
                subject: alert.subject,
                alert_key: alert.alert_key,
                severity: Severity::ALL.get(alert.severity as usize).copied()?,
                anchor: alert.anchor.map(Day),
                alert_at: KnownTime(alert.alert_at),
                // Worked out from what it says, once all is there.
                content: 0,
                late: alert.late,
            })
        });
        let timers = saved.timers.into_iter().filter_map(|(rule, fact, absence)| {
            let rule = place(rule).filter(|rule| !places.changed.contains(rule.index()))?;
            Some(Timer { rule, fact: known(fact), absence: known(absence) })
        });
        let state = PersonState { conditions, standing: standing.collect(), timers: timers.collect() };
        if state.conditions != Conditions::default() || !state.standing.is_empty() || !state.timers.is_empty() {
            self.persons.insert(person, Box::new(state));
        }
    }

    /// Sets the timers of everybody; to be called once all persons have been restored.
    pub fn restore_timers(&mut self, rules: usize, checks: SavedChecks, places: &Places<'_>) {
        let mut facts = Vec::new();
        let mut absences = vec![Vec::new(); rules];
        for (person, state) in &self.persons {
            for timer in &state.timers {
                facts.extend(timer.fact.map(|at| (at, *person, timer.rule)));
                if let (Some(at), Some(own)) = (timer.absence, absences.get_mut(timer.rule.index())) {
                    own.push((at, *person));
                }
            }
        }
        // From a list, a set is built in one go.
        self.fact_timers = BTreeSet::from_iter(facts);
        self.absence_timers = absences.into_iter().map(BTreeSet::from_iter).collect();
        self.daily_checks = DailyChecks::new(rules);
        for (rule, at, person) in checks {
            if let Some(rule) = places.rules.get(rule as usize).copied().flatten() {
                self.daily_checks.add(rule, PersonNo(person), KnownTime(at));
            }
        }
    }
}
