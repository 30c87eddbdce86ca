//! Steps that variants of one rule have in common: they are worked out once for all of them.
//!
//! A step whose text, with all that it reads, is the same in several variants is the same table for them. It needs a table of its own only
//! where some reader of it is the same in fewer variants: what lies behind it is then read through it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalogue::file::RuleFile;
use crate::proofs::isolation::Known;
use crate::proofs::lawful::uses::Breach;
use crate::rules::steps::Steps;

/// What the variants of one rule have in common, and the tables that have been made of it so far.
pub(super) struct Common {
    id: String,
    /// By the text of a step alone: in how many variants it stands.
    counts: BTreeMap<String, usize>,
    /// By the text of a step alone, with the tables that it reads in their places: its table, and what it does with sensitive columns.
    pub tables: BTreeMap<String, (String, Vec<Breach>)>,
    /// What may be read, the tables of all variants' steps included.
    pub known: Option<Arc<Known>>,
}

impl Common {
    /// `None` if no rule stands in the set twice.
    pub fn of(rules: &[RuleFile]) -> Option<Common> {
        let is_again = |at: usize| rules[..at].iter().any(|other| other.header.id == rules[at].header.id);
        let id = rules.iter().enumerate().rev().find(|(at, _)| is_again(*at))?.1.header.id.clone();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for rule in rules.iter().filter(|rule| rule.header.id == id) {
            let Some(steps) = Steps::of(&rule.sql) else { continue };
            (0..steps.len()).for_each(|at| *counts.entry(steps.alone(at)).or_default() += 1);
        }
        Some(Common { id, counts, tables: BTreeMap::new(), known: None })
    }

    pub fn is_of(&self, owner: &str) -> bool {
        self.id == owner
    }

    /// The steps of a variant that need a table, in their order: those that it reads twice, and those that more variants have than
    /// have one of their readers.
    pub fn steps(&self, steps: &Steps) -> Vec<usize> {
        let mut wanted = steps.repeated();
        let count = |at: usize| self.counts.get(&steps.alone(at)).copied().unwrap_or(1);
        let readers = (0..steps.len()).map(|at| (count(at), steps.read_by(Some(at))));
        for (own, read) in readers.chain([(1, steps.read_by(None))]) {
            wanted.extend(read.into_iter().filter(|step| count(*step) > own));
        }
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::catalogue::Catalogue;

    #[test]
    fn what_variants_have_in_common_is_cut_where_they_begin_to_differ() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        let own = Catalogue::load(&dir, &BTreeMap::new()).unwrap();
        assert!(Common::of(&own.rules).is_none());
        let mut set = own.with_variants("salary-drop", &[BTreeMap::new(), BTreeMap::new()]).unwrap();
        let text = |limit: i64| {
            format!(
                "WITH a AS (SELECT x FROM t), b AS (SELECT x FROM a), c AS (SELECT x FROM b WHERE x > {limit}), d AS (SELECT x FROM c) SELECT x FROM d"
            )
        };
        for (limit, rule) in set.rules.iter_mut().filter(|rule| rule.header.id == "salary-drop").enumerate() {
            rule.sql = text(limit as i64 / 2);
        }
        let common = Common::of(&set.rules).unwrap();
        assert!(common.is_of("salary-drop") && !common.is_of("r"));
        let names = |limit: i64| -> Vec<String> {
            let steps = Steps::of(&text(limit)).unwrap();
            common.steps(&steps).into_iter().map(|at| steps.name(at).to_owned()).collect()
        };
        // Two of three variants are alike up to the end, the third is alone from `c` on.
        assert_eq!((names(0), names(1)), (vec!["b".to_owned(), "d".to_owned()], vec!["b".to_owned()]));
    }
}
