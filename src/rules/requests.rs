//! Which plans each unit of a batch asks for, so that one execution of a plan serves all units and reads only the rows of those
//! that ask.

use crate::model::schema::TableId;
use crate::model::sets::{RuleBits, TableSet};

/// What to evaluate for a unit.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub rules: RuleBits,
    /// Whether to evaluate the links that read what rules found.
    pub links: bool,
}

impl Request {
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && !self.links
    }

    /// One rule alone.
    pub fn rule(rule: usize) -> Request {
        Request { rules: RuleBits::of(rule), links: false }
    }
}

/// A set of plans.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plans {
    pub rules: RuleBits,
    /// Links, by the table that each fills.
    pub links: TableSet,
    /// The views `cancellers` and `corroborations`.
    pub conditions: bool,
}

impl Plans {
    pub const CONDITIONS: Plans = Plans { rules: RuleBits::NONE, links: TableSet::NONE, conditions: true };

    pub fn rule(rule: usize) -> Plans {
        Plans { rules: RuleBits::of(rule), ..Plans::default() }
    }

    pub fn link(table: TableId) -> Plans {
        Plans { links: TableSet::of(table), ..Plans::default() }
    }

    #[inline]
    fn meets(&self, other: &Plans) -> bool {
        self.rules.meets(&other.rules) || self.links.meets(other.links) || (self.conditions && other.conditions)
    }

    pub fn insert_all(&mut self, other: &Plans) {
        self.rules.insert_all(&other.rules);
        self.links = self.links.union(other.links);
        self.conditions |= other.conditions;
    }
}

/// What each unit of a batch asks for.
pub(super) struct Requests {
    plans: Vec<Plans>,
    pub any: Plans,
}

/// Which rules must run before other plans.
#[derive(Clone)]
pub(super) struct Needs {
    /// Links that read what rules found.
    pub late_links: TableSet,
    /// Rules that read the rows of other rules.
    pub late_rules: RuleBits,
    /// Rules whose rows other rules read, and rules whose rows links read.
    pub used_by_rules: RuleBits,
    pub used_by_links: RuleBits,
}

impl Requests {
    /// Every unit asks for the same plans.
    pub fn for_all(units: usize, plans: Plans) -> Requests {
        Requests { plans: vec![plans.clone(); units], any: plans }
    }

    /// Each unit asks for what it was given, and for the rules that this needs.
    pub fn new(asked: &[Request], needs: &Needs) -> Requests {
        let plans: Vec<Plans> = asked.iter().map(|asked| needs.whole(asked)).collect();
        let mut any = Plans::default();
        plans.iter().for_each(|plans| any.insert_all(plans));
        Requests { plans, any }
    }

    pub fn units(&self) -> usize {
        self.plans.len()
    }

    pub fn asks(&self, unit: usize, plans: &Plans) -> bool {
        self.plans.get(unit).is_some_and(|own| own.meets(plans))
    }

    /// For each unit, whether it asks for one of the plans; `None` if all do.
    pub fn of(&self, plans: &Plans) -> Option<Vec<bool>> {
        let asks: Vec<bool> = self.plans.iter().map(|own| own.meets(plans)).collect();
        asks.contains(&false).then_some(asks)
    }
}

impl Needs {
    fn whole(&self, asked: &Request) -> Plans {
        let mut plans = Plans { rules: asked.rules.clone(), ..Plans::default() };
        if asked.links && !self.late_links.is_empty() {
            plans.links = self.late_links;
            plans.rules.insert_all(&self.used_by_links);
        }
        if plans.rules.meets(&self.late_rules) {
            plans.rules.insert_all(&self.used_by_rules);
        }
        plans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: TableId = TableId::EmployerIndications;

    /// Far apart, so that the bit sets use different words.
    const USED_BY_RULES: usize = 0;
    const USED_BY_LINKS: usize = 70;
    const OTHER: usize = 2;
    const LATE: usize = 130;

    fn needs() -> Needs {
        Needs {
            late_links: TableSet::of(LINK),
            late_rules: RuleBits::of(LATE),
            used_by_rules: RuleBits::of(USED_BY_RULES),
            used_by_links: RuleBits::of(USED_BY_LINKS),
        }
    }

    #[test]
    fn who_asks_for_a_link_asks_for_the_rules_that_it_reads() {
        let links = Request { links: true, ..Request::default() };
        let requests = Requests::new(&[Request::rule(OTHER), links], &needs());
        assert_eq!(requests.of(&Plans::rule(OTHER)), Some(vec![true, false]));
        assert_eq!(requests.of(&Plans::rule(USED_BY_LINKS)), Some(vec![false, true]));
        assert_eq!(requests.of(&Plans::link(LINK)), Some(vec![false, true]));
        assert_eq!(requests.of(&Plans::CONDITIONS), Some(vec![false, false]));
        assert_eq!(requests.any.rules, RuleBits::from_iter([OTHER, USED_BY_LINKS]));
    }

    #[test]
    fn who_asks_for_a_late_rule_asks_for_those_that_it_uses() {
        let requests = Requests::new(&[Request::rule(LATE), Request::rule(LATE)], &needs());
        assert_eq!(requests.of(&Plans::rule(USED_BY_RULES)), None);
        assert_eq!(requests.of(&Plans::rule(LATE)), None);
        assert_eq!(requests.of(&Plans::rule(USED_BY_LINKS)), Some(vec![false, false]));
    }
}
