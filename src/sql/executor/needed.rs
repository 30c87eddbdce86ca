//! In which tables a person must have rows for a plan to have any: a rule about benefits has no rows for a person without benefits,
//! and need not run for that person.

use crate::model::sets::TableSet;
use crate::sql::executor::{Node, Operator};
use crate::sql::slots::Slot;
use datafusion::common::JoinType;

/// A conjunction of sets: a person must have, for each set, a row in one of its tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needed(Vec<TableSet>);

/// Further sets are dropped, which only makes the condition weaker.
const MAX_SETS: usize = 12;

impl Needed {
    pub fn table(table: TableSet) -> Needed {
        Needed(vec![table])
    }

    /// Whether a person with rows in exactly these tables may have rows of the plan.
    pub fn is_met(&self, tables: TableSet) -> bool {
        self.0.iter().all(|set| set.meets(tables))
    }

    /// All tables that the condition mentions.
    pub fn tables(&self) -> TableSet {
        self.0.iter().fold(TableSet::default(), |all, set| all.union(*set))
    }

    /// Both conditions must be met.
    fn and(mut self, other: Needed) -> Needed {
        for set in other.0 {
            self.add(set);
        }
        self
    }

    /// One of both conditions must be met.
    fn or(&self, other: &Needed) -> Needed {
        let mut either = Needed::default();
        for own in &self.0 {
            other.0.iter().for_each(|set| either.add(own.union(*set)));
        }
        either
    }

    /// Adds a set, unless a stronger one is there: a person who meets that meets this one too.
    fn add(&mut self, set: TableSet) {
        if self.0.iter().any(|own| own.union(set) == set) || self.0.len() == MAX_SETS {
            return;
        }
        self.0.retain(|own| own.union(set) != *own);
        self.0.push(set);
    }
}

/// The condition for rows of a node; `of_slot` gives the condition for a slot's rows.
pub(super) fn needed(node: &Node, of_slot: &impl Fn(&Slot) -> Needed) -> Needed {
    let of = |node: &Node| needed(node, of_slot);
    match &node.operator {
        Operator::Input(input) => of_slot(&input.slot),
        Operator::Filter { input, .. } | Operator::Project { input, .. } => of(input),
        Operator::Sort(sort) => of(&sort.input),
        Operator::Window(window) => of(window.input()),
        // A grouping without keys always has one row.
        Operator::Group(group) if !group.keys.is_empty() => of(&group.input),
        Operator::Union { inputs } => {
            let mut inputs = inputs.iter().map(|part| of(&part.node));
            let first = inputs.next().unwrap_or_default();
            inputs.fold(first, |either, input| either.or(&input))
        }
        Operator::Join(join) => {
            use JoinType::*;
            match join.kind {
                Inner | LeftSemi | RightSemi => of(&join.left).and(of(&join.right)),
                Left | LeftAnti | LeftMark => of(&join.left),
                Right | RightAnti | RightMark => of(&join.right),
                Full => of(&join.left).or(&of(&join.right)),
            }
        }
        Operator::Group(_) | Operator::Constant { .. } | Operator::Foreign { .. } => Needed::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: TableSet = TableSet(1);
    const B: TableSet = TableSet(2);
    const C: TableSet = TableSet(4);

    #[test]
    fn both_need_more_than_one_of_both() {
        let (a, b) = (Needed::table(A), Needed::table(B));
        let both = a.clone().and(b.clone());
        assert!(both.is_met(A.union(B)) && !both.is_met(A) && !both.is_met(C));
        let either = a.or(&b);
        assert!(either.is_met(A) && either.is_met(B) && !either.is_met(C));
        assert!(!either.clone().and(Needed::table(C)).is_met(A.union(B)));
    }

    #[test]
    fn where_one_of_both_needs_nothing_nothing_is_needed() {
        assert_eq!(Needed::table(A).or(&Needed::default()), Needed::default());
        assert!(Needed::default().is_met(TableSet::default()));
    }

    #[test]
    fn what_says_less_is_left_out() {
        let either = Needed::table(A).or(&Needed::table(B));
        assert_eq!(either.clone().and(Needed::table(A)), Needed::table(A));
        assert_eq!(Needed::table(A).and(either), Needed::table(A));
    }
}
