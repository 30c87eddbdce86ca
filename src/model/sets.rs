//! Sets of feeds, of tables and of rules.

use crate::model::schema::{Feed, TableId};

/// A set of feeds, as bits by [`Feed::index`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedSet(pub u16);

impl FeedSet {
    pub fn of(feeds: impl IntoIterator<Item = Feed>) -> FeedSet {
        FeedSet(feeds.into_iter().fold(0, |bits, feed| bits | 1 << feed.index()))
    }

    pub fn contains(self, feed: Feed) -> bool {
        self.0 & (1 << feed.index()) != 0
    }

    pub fn union(self, other: FeedSet) -> FeedSet {
        FeedSet(self.0 | other.0)
    }

    pub fn iter(self) -> impl Iterator<Item = Feed> {
        Feed::ALL.into_iter().filter(move |feed| self.contains(*feed))
    }
}

/// A set of tables, as bits by [`TableId::index`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableSet(pub u32);

impl TableSet {
    pub const ALL: TableSet = TableSet(u32::MAX);
    pub const NONE: TableSet = TableSet(0);

    pub fn insert(&mut self, table: TableId) {
        self.0 |= 1 << table.index();
    }

    pub fn of(table: TableId) -> TableSet {
        TableSet(1 << table.index())
    }

    /// All tables of the feeds.
    pub fn of_feeds(feeds: FeedSet) -> TableSet {
        let tables = feeds.iter().flat_map(Feed::tables);
        tables.fold(TableSet::default(), |set, table| set.union(TableSet::of(table)))
    }

    pub fn contains(self, table: TableId) -> bool {
        self.0 & (1 << table.index()) != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn meets(self, other: TableSet) -> bool {
        self.0 & other.0 != 0
    }

    pub fn union(self, other: TableSet) -> TableSet {
        TableSet(self.0 | other.0)
    }

    pub fn iter(self) -> impl Iterator<Item = TableId> {
        TableId::ALL.into_iter().filter(move |table| self.contains(*table))
    }

    pub fn feeds(self) -> FeedSet {
        FeedSet::of(self.iter().map(|table| table.def().feed))
    }
}

/// Number of a rule: its position in the set of rules that a shard runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleNo(u32);

impl RuleNo {
    pub const MAX: RuleNo = RuleNo(u32::MAX);

    /// The number of the rule at a position. A `u32` is enough: each rule is a file and a plan.
    pub fn at(position: usize) -> RuleNo {
        RuleNo(position as u32)
    }

    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A set of rules, as bits by their positions. The bits of the first 64 rules are in the set itself, so that a set of them
/// allocates nothing; more words follow as needed.
///
/// The last word of `more` is never 0, so that equal sets have equal parts. Sets of the first 64 rules are ordered as the numbers
/// that their bits make.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleBits {
    more: Vec<u64>,
    first: u64,
}

/// Rules per word of bits.
const WORD: usize = u64::BITS as usize;

impl RuleBits {
    pub const NONE: RuleBits = RuleBits { more: Vec::new(), first: 0 };

    /// One rule alone.
    pub fn of(rule: usize) -> RuleBits {
        RuleBits::from_iter([rule])
    }

    /// The first `count` rules.
    pub fn first(count: usize) -> RuleBits {
        (0..count).collect()
    }

    #[inline]
    pub fn insert(&mut self, rule: usize) {
        let Some(at) = (rule / WORD).checked_sub(1) else {
            self.first |= 1 << rule;
            return;
        };
        if self.more.len() <= at {
            self.more.resize(at + 1, 0);
        }
        self.more[at] |= 1 << (rule % WORD);
    }

    #[inline]
    pub fn contains(&self, rule: usize) -> bool {
        let word = match (rule / WORD).checked_sub(1) {
            None => self.first,
            Some(at) => self.more.get(at).copied().unwrap_or(0),
        };
        word & 1 << (rule % WORD) != 0
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.first == 0 && self.more.is_empty()
    }

    /// Whether some rule is in both.
    #[inline]
    pub fn meets(&self, other: &RuleBits) -> bool {
        self.first & other.first != 0 || self.more.iter().zip(&other.more).any(|(one, other)| one & other != 0)
    }

    /// Adds the rules of another set.
    #[inline]
    pub fn insert_all(&mut self, other: &RuleBits) {
        self.first |= other.first;
        if self.more.len() < other.more.len() {
            self.more.resize(other.more.len(), 0);
        }
        self.more.iter_mut().zip(&other.more).for_each(|(own, other)| *own |= other);
    }

    /// The rules that are in both.
    #[inline]
    pub fn and(&self, other: &RuleBits) -> RuleBits {
        let more = self.more.iter().zip(&other.more).map(|(one, other)| one & other).collect();
        RuleBits { first: self.first & other.first, more }.trimmed()
    }

    /// The rules that are not in the other.
    #[inline]
    pub fn without(&self, other: &RuleBits) -> RuleBits {
        let mut more = self.more.clone();
        more.iter_mut().zip(&other.more).for_each(|(own, other)| *own &= !other);
        RuleBits { first: self.first & !other.first, more }.trimmed()
    }

    fn trimmed(mut self) -> RuleBits {
        while self.more.last() == Some(&0) {
            self.more.pop();
        }
        self
    }

    /// Positions in ascending order.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        let words = std::iter::once(self.first).chain(self.more.iter().copied()).enumerate();
        words.flat_map(|(at, word)| bits(word).map(move |bit| at * WORD + bit))
    }
}

/// Positions of the bits that are set.
#[inline]
fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros() as usize)?;
        word &= word - 1;
        Some(bit)
    })
}

impl FromIterator<usize> for RuleBits {
    fn from_iter<I: IntoIterator<Item = usize>>(rules: I) -> RuleBits {
        let mut set = RuleBits::default();
        rules.into_iter().for_each(|rule| set.insert(rule));
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Positions on both sides of each word's end, up to the 4,096th rule.
    const RULES: [usize; 12] = [0, 1, 31, 62, 63, 64, 65, 127, 128, 1_000, 4_094, 4_095];

    /// Sets of some of these, each with the same as a plain set: every third, every fourth and so on.
    fn sets() -> Vec<(RuleBits, BTreeSet<usize>)> {
        let some = |step: usize, from: usize| RULES.into_iter().skip(from).step_by(step);
        let sets = (1..6).flat_map(|step| (0..12).map(move |from| (step, from)));
        sets.map(|(step, from)| (some(step, from).collect(), some(step, from).collect())).collect()
    }

    #[test]
    fn rules_are_kept_apart_up_to_the_4096th() {
        for (bits, plain) in sets() {
            assert_eq!(bits.iter().collect::<BTreeSet<_>>(), plain);
            assert!((0..5_000).all(|rule| bits.contains(rule) == plain.contains(&rule)));
            assert_eq!(bits.is_empty(), plain.is_empty());
        }
        assert_eq!(RuleBits::first(70).iter().count(), 70);
        assert!(!RuleBits::of(65).meets(&RuleBits::of(1)));
    }

    #[test]
    fn sets_are_put_together_as_plain_ones_are() {
        for (one, plain) in sets() {
            for (other, other_plain) in sets() {
                let collect = |bits: RuleBits| bits.iter().collect::<BTreeSet<_>>();
                let mut all = one.clone();
                all.insert_all(&other);
                assert_eq!(collect(all), &plain | &other_plain);
                assert_eq!(collect(one.and(&other)), &plain & &other_plain);
                assert_eq!(collect(one.without(&other)), &plain - &other_plain);
                assert_eq!(one.meets(&other), !plain.is_disjoint(&other_plain));
                // A set is the same however it was built.
                assert_eq!(one == other, plain == other_plain);
                assert_eq!(one.without(&other).is_empty(), plain.is_subset(&other_plain));
                assert_eq!(one.and(&other), other.and(&one));
            }
        }
    }

    #[test]
    fn sets_of_the_first_rules_take_no_memory_of_their_own() {
        assert_eq!(RuleBits::first(WORD).more.capacity(), 0);
        assert_eq!(RuleBits::of(3_000).and(&RuleBits::first(WORD)), RuleBits::default());
    }
}
