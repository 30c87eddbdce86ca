//! Which plans each unit of a batch asks for, so that one execution of a plan serves all units and looks at the rows of no others.

use crate::rules::set::{Asked, RuleMask};

/// A set of plans: rules by their position, then late links by theirs.
pub(super) type PlanMask = u128;

/// Bits of the links begin here.
const LINKS: u32 = RuleMask::BITS;

/// The cancellers and corroborations, which are views.
pub(super) const CONDITIONS: PlanMask = 1 << (PlanMask::BITS - 1);

/// How many links a set may hold.
pub(super) const MAX_LINKS: usize = (PlanMask::BITS - LINKS - 1) as usize;

pub(super) fn rule_bit(rule: usize) -> PlanMask {
    1 << rule
}

pub(super) fn link_bit(link: usize) -> PlanMask {
    1 << (LINKS as usize + link)
}

/// What the units of a batch ask for, by unit.
pub(super) struct Asking {
    plans: Vec<PlanMask>,
    pub any: PlanMask,
}

/// Which rules other plans need first.
#[derive(Clone)]
pub(super) struct Needs {
    /// Links that read what rules found.
    pub late_links: PlanMask,
    /// Rules that read the rows of others.
    pub late_rules: RuleMask,
    /// Rules whose rows other rules read, and those whose rows links read.
    pub used_by_rules: RuleMask,
    pub used_by_links: RuleMask,
}

impl Asking {
    /// Every unit asks for the same.
    pub fn for_all(units: usize, plans: PlanMask) -> Asking {
        Asking { plans: vec![plans; units], any: plans }
    }

    /// Each asks for what it was given, and for the rules that this needs.
    pub fn new(asked: &[Asked], needs: &Needs) -> Asking {
        let plans: Vec<PlanMask> = asked.iter().map(|asked| needs.whole(*asked)).collect();
        let any = plans.iter().fold(0, |any, plans| any | plans);
        Asking { plans, any }
    }

    pub fn units(&self) -> usize {
        self.plans.len()
    }

    pub fn rules(&self) -> RuleMask {
        self.any as RuleMask
    }

    pub fn asks(&self, unit: usize, plans: PlanMask) -> bool {
        self.plans.get(unit).is_some_and(|own| own & plans != 0)
    }

    /// By unit whether it asks for one of the plans; `None` if all do.
    pub fn of(&self, plans: PlanMask) -> Option<Vec<bool>> {
        let asks: Vec<bool> = self.plans.iter().map(|own| own & plans != 0).collect();
        asks.contains(&false).then_some(asks)
    }
}

impl Needs {
    fn whole(&self, asked: Asked) -> PlanMask {
        let links = if asked.links { self.late_links } else { 0 };
        let mut rules = asked.rules;
        if links != 0 {
            rules |= self.used_by_links;
        }
        if rules & self.late_rules != 0 {
            rules |= self.used_by_rules;
        }
        links | PlanMask::from(rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDS: Needs =
        Needs { late_links: 1 << 65, late_rules: 0b1000, used_by_rules: 0b0001, used_by_links: 0b0010 };

    fn asked(rules: RuleMask, links: bool) -> Asked {
        Asked { rules, links }
    }

    #[test]
    fn who_asks_for_a_link_asks_for_the_rules_that_it_reads() {
        let asking = Asking::new(&[asked(0b0100, false), asked(0, true)], &NEEDS);
        assert_eq!(asking.of(rule_bit(2)), Some(vec![true, false]));
        assert_eq!(asking.of(rule_bit(1)), Some(vec![false, true]));
        assert_eq!(asking.of(link_bit(1)), Some(vec![false, true]));
        assert_eq!(asking.rules(), 0b0110);
    }

    #[test]
    fn who_asks_for_a_late_rule_asks_for_those_that_it_uses() {
        let asking = Asking::new(&[asked(0b1000, false); 2], &NEEDS);
        assert_eq!(asking.of(rule_bit(0)), None);
        assert_eq!(asking.of(rule_bit(3)), None);
        assert_eq!(asking.of(rule_bit(1)), Some(vec![false, false]));
    }
}
