//! The classes of the units that rules concern: the classes of a person's permits, and the kinds of units that are not persons.

use crate::decode::PERMIT_CLASSES;

/// A set of classes, as bits: the permit classes by their place in their list, then the kinds of other units. Every class is in the
/// list, since decoding refuses others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassSet(u64);

const EMPLOYERS: usize = PERMIT_CLASSES.len();
const IDENTIFIERS: usize = EMPLOYERS + 1;

const _: () = assert!(
    IDENTIFIERS < u64::BITS as usize,
    "there are more permit classes than ClassSet has bits for: two would share one; take a wider number"
);

impl ClassSet {
    /// Units that are employers.
    pub const EMPLOYERS: ClassSet = ClassSet(1 << EMPLOYERS);

    /// Units that are not persons.
    pub const OTHER_UNITS: ClassSet = ClassSet(1 << EMPLOYERS | 1 << IDENTIFIERS);

    /// Every permit class.
    pub const PERSONS: ClassSet = ClassSet((1 << EMPLOYERS) - 1);

    /// The set of one permit class; empty for an unknown name.
    pub fn of(class: &str) -> ClassSet {
        let place = PERMIT_CLASSES.iter().position(|(name, _)| *name == class);
        ClassSet(place.map_or(0, |place| 1 << place))
    }

    /// The set of the class of a unit that is not a person. Such units are named `<kind>=<key>`.
    pub fn of_unit(subject: &str) -> ClassSet {
        match subject.split_once('=') {
            Some(("employer", _)) => ClassSet::EMPLOYERS,
            Some(("identifier", _)) => ClassSet(1 << IDENTIFIERS),
            _ => ClassSet::default(),
        }
    }

    #[inline]
    pub fn meets(self, other: ClassSet) -> bool {
        self.0 & other.0 != 0
    }

    #[must_use]
    pub fn union(self, other: ClassSet) -> ClassSet {
        ClassSet(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_classes_share_a_bit() {
        let permits = PERMIT_CLASSES.iter().map(|(class, _)| ClassSet::of(class));
        let units = ["employer=5560000001", "identifier=P1"].map(ClassSet::of_unit);
        let all: Vec<ClassSet> = permits.chain(units).collect();
        for (at, class) in all.iter().enumerate() {
            assert_ne!(*class, ClassSet::default());
            assert!(all[..at].iter().all(|other| !class.meets(*other)), "{at}");
        }
        assert!(!ClassSet::PERSONS.meets(ClassSet::OTHER_UNITS));
        assert_eq!(ClassSet::of("no class"), ClassSet::default());
        assert_eq!(ClassSet::of_unit("no unit"), ClassSet::default());
    }
}
