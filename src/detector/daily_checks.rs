//! The daily checks of rules with a cadence: such a rule evaluates a unit again at the midnight after something about it has
//! changed.
//!
//! A check is due when the rule's clock has reached its midnight. It is removed when taken, whatever the evaluation finds. The
//! rows' own boundaries are the detector's timers, not checks.

use std::collections::BTreeSet;

use crate::history::PersonNo;
use crate::model::sets::RuleNo;
use crate::model::time::KnownTime;

/// Checks that wait, by rule.
#[derive(Debug, Default)]
pub struct DailyChecks(Vec<BTreeSet<(KnownTime, PersonNo)>>);

impl DailyChecks {
    pub fn new(rules: usize) -> DailyChecks {
        DailyChecks(vec![BTreeSet::new(); rules])
    }

    pub fn len(&self) -> usize {
        self.0.iter().map(BTreeSet::len).sum()
    }

    /// All checks: rule, instant, unit.
    pub fn iter(&self) -> impl Iterator<Item = (RuleNo, KnownTime, PersonNo)> {
        let of_rule = |(rule, own): (usize, &BTreeSet<(KnownTime, PersonNo)>)| {
            own.iter().map(move |(at, person)| (RuleNo::at(rule), *at, *person)).collect::<Vec<_>>()
        };
        self.0.iter().enumerate().flat_map(of_rule)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a check: the rule is to evaluate the unit as of `at`.
    pub fn add(&mut self, rule: RuleNo, person: PersonNo, at: KnownTime) {
        if let Some(daily_checks) = self.0.get_mut(rule.index()) {
            daily_checks.insert((at, person));
        }
    }

    /// Takes the checks that are due by the rules' clocks, none of which is ahead of `latest`, for the units that are asked for.
    /// Returns (instant, unit, rule), in order.
    pub fn take(
        &mut self,
        latest: KnownTime,
        clock: impl Fn(RuleNo) -> KnownTime,
        wanted: impl Fn(PersonNo) -> bool,
    ) -> Vec<(KnownTime, PersonNo, RuleNo)> {
        let mut due = Vec::new();
        for (rule, daily_checks) in self.0.iter_mut().enumerate() {
            let rule = RuleNo::at(rule);
            if daily_checks.first().is_none_or(|(first, _)| *first > latest) {
                continue;
            }
            let reached = daily_checks.range(..=(clock(rule), PersonNo(u32::MAX)));
            let taken: Vec<(KnownTime, PersonNo)> = reached.copied().filter(|(_, person)| wanted(*person)).collect();
            for look in taken {
                daily_checks.remove(&look);
                due.push((look.0, look.1, rule));
            }
        }
        due.sort_unstable();
        due
    }

    /// Switches to another rule set, in which `place` gives an old rule's number.
    pub fn replace_rules(&mut self, place: impl Fn(RuleNo) -> Option<RuleNo>, count: usize) {
        let mut daily_checks = vec![BTreeSet::new(); count];
        for (rule, old) in std::mem::take(&mut self.0).into_iter().enumerate() {
            if let Some(set) = place(RuleNo::at(rule)).and_then(|rule| daily_checks.get_mut(rule.index())) {
                *set = old;
            }
        }
        self.0 = daily_checks;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_taken_once_when_its_rules_clock_is_there() {
        let (one, other) = (PersonNo(1), PersonNo(2));
        let [first, second] = [0, 1].map(RuleNo::at);
        let mut daily_checks = DailyChecks::new(2);
        for at in [20, 10, 20] {
            daily_checks.add(second, one, KnownTime(at));
        }
        daily_checks.add(second, other, KnownTime(10));
        daily_checks.add(first, one, KnownTime(10));
        assert_eq!(daily_checks.len(), 4);
        let clock = |rule| KnownTime(if rule == second { 15 } else { 9 });
        assert_eq!(daily_checks.take(KnownTime(15), clock, |person| person == one), [(KnownTime(10), one, second)]);
        assert_eq!(daily_checks.take(KnownTime(15), clock, |person| person == one), []);
        daily_checks.replace_rules(|rule| (rule == second).then_some(first), 1);
        assert_eq!(
            daily_checks.take(KnownTime(99), |_| KnownTime(99), |_| true),
            [(KnownTime(10), other, first), (KnownTime(20), one, first)]
        );
        assert!(daily_checks.is_empty());
    }
}
