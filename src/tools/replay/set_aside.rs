//! What a replay quarantined, for the person who has to repair it: file, line, member and reason, never a value.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::model::record::{Quarantined, Reason};
use crate::source::files::ndjson_path;
use crate::words::Language;
use crate::words::states::set_aside_of;

/// A quarantined message, as `--quarantine` writes it; `quarantine list --file` reads it.
#[derive(Clone, Debug, Serialize, PartialEq, Eq, PartialOrd, Ord)]
pub struct SetAside {
    /// `None` if the entry concerns no message.
    pub file: Option<String>,
    pub line: Option<i64>,
    pub feed: &'static str,
    pub partition: i32,
    pub offset: i64,
    pub reason: &'static str,
    pub member: Option<&'static str>,
    pub detail: String,
    pub known_time: String,
}

/// The entries of a replay by file and line, each once: every shard quarantines the same reference record.
pub fn set_aside(dir: &Path, quarantined: &[Quarantined]) -> Vec<SetAside> {
    let entry = |entry: &Quarantined| {
        let (feed, offset) = (entry.coordinates.feed, entry.coordinates.offset.0);
        let has_line = offset >= 0;
        SetAside {
            file: has_line.then(|| ndjson_path(dir, feed).display().to_string()),
            line: has_line.then_some(offset + 1),
            feed: feed.name(),
            partition: if feed == crate::model::schema::Feed::Reference { 0 } else { entry.coordinates.partition },
            offset,
            reason: entry.reason.name(),
            member: entry.member(),
            detail: entry.detail.clone(),
            known_time: entry.known_time.to_string(),
        }
    };
    let mut out: Vec<SetAside> = quarantined.iter().map(entry).collect();
    out.sort();
    out.dedup();
    out
}

/// How many kinds of entries are printed on a terminal.
const KINDS: usize = 12;

/// For each feed, reason and member: how many entries, and where the first is. Failures of rules are reported elsewhere.
pub fn table(entries: &[SetAside]) -> Vec<String> {
    let mut kinds: BTreeMap<(&str, &str, &str), (usize, i64)> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.reason != Reason::RuleError.name()) {
        let kind = kinds.entry((entry.feed, entry.reason, entry.member.unwrap_or("-"))).or_insert((0, i64::MAX));
        kind.0 += 1;
        kind.1 = kind.1.min(entry.line.unwrap_or(i64::MAX));
    }
    if kinds.is_empty() {
        return Vec::new();
    }
    let mut out =
        vec![format!("{:<12} {:<34} {:<26} {:>9} {:>11}", "set aside", "why", "member", "messages", "first line")];
    let mut rows: Vec<_> = kinds.iter().collect();
    rows.sort_by_key(|(kind, (count, _))| (std::cmp::Reverse(*count), **kind));
    for ((feed, reason, member), (count, line)) in rows.iter().take(KINDS) {
        let why = set_aside_of(Language::En, reason);
        out.push(format!("{feed:<12} {why:<34} {member:<26} {count:>9} {line:>11}"));
    }
    if rows.len() > KINDS {
        out.push(format!("and {} more kinds", rows.len() - KINDS));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::{Coordinates, Offset};
    use crate::model::schema::Feed;
    use crate::model::time::KnownTime;

    #[test]
    fn each_message_is_told_once_with_its_place_and_member() {
        let entry = |feed, partition, offset, reason, detail: &str| Quarantined {
            coordinates: Coordinates { feed, partition, offset: Offset(offset) },
            reason,
            detail: detail.into(),
            known_time: KnownTime(0),
        };
        let entries = [
            entry(Feed::Reference, 1, 4, Reason::WrongType, "sector is not a section"),
            entry(Feed::Reference, 0, 4, Reason::WrongType, "sector is not a section"),
            entry(Feed::Payments, 1, 16, Reason::ImpossibleDate, "month is a day within a month"),
            entry(Feed::Payments, 0, 2, Reason::ImpossibleDate, "month is a day within a month"),
            entry(Feed::Payments, 0, 3, Reason::Malformed, "not one flat JSON object in UTF-8"),
            entry(Feed::Permits, 0, -1, Reason::RuleError, "month: overflow"),
        ];
        let told = set_aside(Path::new("d"), &entries);
        assert_eq!(told.len(), 5);
        let of = |at: usize| (told[at].file.as_deref(), told[at].line, told[at].member);
        assert_eq!(of(0), (None, None, None), "a rule is no member");
        assert_eq!(of(1), (Some("d/ndjson/payments.ndjson"), Some(3), Some("month")));
        assert_eq!(of(2), (Some("d/ndjson/payments.ndjson"), Some(4), None));
        assert_eq!(of(4), (Some("d/ndjson/reference.ndjson"), Some(5), Some("sector")));
        let table = table(&told);
        assert_eq!(table.len(), 4, "{table:?}");
        let words: Vec<&str> = table[1].split_whitespace().collect();
        assert_eq!(words.join(" "), "payments a day that cannot be month 2 3");
        assert!(super::table(&told[..1]).is_empty());
    }
}
