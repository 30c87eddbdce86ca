//! What failed during a replay, and for how many units: a summary of the quarantine entries about rules.

use std::collections::BTreeMap;

use crate::model::record::{Quarantined, Reason};

/// How often something failed, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failed {
    pub units: usize,
    causes: BTreeMap<String, usize>,
}

/// Failures by rule or link; `cancellers` and `limit` are a shard's names for failures that concern all rules.
pub fn failed(quarantined: &[Quarantined]) -> BTreeMap<&str, Failed> {
    let mut out: BTreeMap<&str, Failed> = BTreeMap::new();
    for entry in quarantined.iter().filter(|entry| entry.reason == Reason::RuleError) {
        let (what, cause) = entry.detail.split_once(": ").unwrap_or((&entry.detail, ""));
        let failed = out.entry(what).or_default();
        failed.units += 1;
        *failed.causes.entry(cause.to_owned()).or_default() += 1;
    }
    out
}

impl Failed {
    /// The most frequent cause, and how many others there are.
    pub fn cause(&self) -> String {
        let most = self.causes.iter().max_by_key(|(cause, times)| (**times, std::cmp::Reverse(*cause)));
        let most = most.map_or("no cause was given", |(cause, _)| cause.as_str());
        match self.causes.len() {
            0 | 1 => most.to_owned(),
            2 => format!("{most} (and another cause)"),
            many => format!("{most} (and {} other causes)", many - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::{Coordinates, Offset};
    use crate::model::schema::Feed;
    use crate::model::time::KnownTime;

    #[test]
    fn failures_are_counted_by_rule_with_the_most_frequent_cause() {
        let entry = |reason, detail: &str| Quarantined {
            coordinates: Coordinates { feed: Feed::Permits, partition: 0, offset: Offset(1) },
            reason,
            detail: detail.into(),
            known_time: KnownTime(0),
        };
        let entries = [
            entry(Reason::RuleError, "a: overflow: in a cast"),
            entry(Reason::RuleError, "a: something else"),
            entry(Reason::RuleError, "a: overflow: in a cast"),
            entry(Reason::RuleError, "limit: too many rows"),
            entry(Reason::Malformed, "a: no rule"),
        ];
        let failed = failed(&entries);
        assert_eq!(failed.keys().copied().collect::<Vec<_>>(), ["a", "limit"]);
        assert_eq!((failed["a"].units, failed["limit"].units), (3, 1));
        assert_eq!(failed["a"].cause(), "overflow: in a cast (and another cause)");
        assert_eq!(failed["limit"].cause(), "too many rows");
    }
}
