//! When a rule with a cadence looks at a unit again: at the midnight after something about it has changed.
//!
//! A look is due when the rule's clock has come so far, and is gone once taken: the unit is then evaluated, whatever comes of
//! it. What the rows themselves wait for are the detector's timers.

use std::collections::BTreeSet;

use crate::history::PersonNo;

/// Looks that wait, by rule.
#[derive(Debug, Default)]
pub struct Looks(Vec<BTreeSet<(i64, PersonNo)>>);

impl Looks {
    pub fn new(rules: usize) -> Looks {
        Looks(vec![BTreeSet::new(); rules])
    }

    pub fn len(&self) -> usize {
        self.0.iter().map(BTreeSet::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rule is to look at the unit as of `at`.
    pub fn add(&mut self, rule: u8, person: PersonNo, at: i64) {
        if let Some(looks) = self.0.get_mut(rule as usize) {
            looks.insert((at, person));
        }
    }

    /// Takes what is due at the rules' clocks, none of which is beyond `latest`, of the units asked for: (instant, unit, rule), in
    /// order.
    pub fn take(
        &mut self,
        latest: i64,
        clock: impl Fn(u8) -> i64,
        wanted: impl Fn(PersonNo) -> bool,
    ) -> Vec<(i64, PersonNo, u8)> {
        let mut due = Vec::new();
        for (rule, looks) in self.0.iter_mut().enumerate() {
            if looks.first().is_none_or(|(first, _)| *first > latest) {
                continue;
            }
            let reached = looks.range(..=(clock(rule as u8), PersonNo(u32::MAX)));
            let taken: Vec<(i64, PersonNo)> = reached.copied().filter(|(_, person)| wanted(*person)).collect();
            for look in taken {
                looks.remove(&look);
                due.push((look.0, look.1, rule as u8));
            }
        }
        due.sort_unstable();
        due
    }

    /// Goes over to another set of rules, of which `place` says where an old one stands.
    pub fn replace_rules(&mut self, place: impl Fn(u8) -> Option<u8>, count: usize) {
        let mut looks = vec![BTreeSet::new(); count];
        for (rule, old) in std::mem::take(&mut self.0).into_iter().enumerate() {
            if let Some(set) = place(rule as u8).and_then(|rule| looks.get_mut(rule as usize)) {
                *set = old;
            }
        }
        self.0 = looks;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_taken_once_when_its_rules_clock_is_there() {
        let (one, other) = (PersonNo(1), PersonNo(2));
        let mut looks = Looks::new(2);
        for at in [20, 10, 20] {
            looks.add(1, one, at);
        }
        looks.add(1, other, 10);
        looks.add(0, one, 10);
        assert_eq!(looks.len(), 4);
        let clock = |rule| if rule == 1 { 15 } else { 9 };
        assert_eq!(looks.take(15, clock, |person| person == one), [(10, one, 1)]);
        assert_eq!(looks.take(15, clock, |person| person == one), []);
        looks.replace_rules(|rule| (rule == 1).then_some(0), 1);
        assert_eq!(looks.take(99, |_| 99, |_| true), [(10, other, 0), (20, one, 0)]);
        assert!(looks.is_empty());
    }
}
