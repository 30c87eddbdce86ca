//! `--update`: writes what engine and batch query agree on into the expectations, for a person to review.
//!
//! It replaces only the values of `alerts`, `transitions` and `pending`, each in its place and layout; comments and the layout of
//! the file stay as they are.

use std::fmt::Write as _;
use std::ops::Range;

use serde_json::Value as Json;

use crate::tools::cases::compare::{Asked, Found, Seen, matched};
use crate::tools::cases::file::{Expect, Wanted};
use crate::tools::cases::rule_cases::RuleCases;
use crate::tools::cases::run::Report;

/// The result of an update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Updated {
    pub text: String,
    /// Values written.
    pub written: usize,
    /// Case and clock of each expectation on which engine and batch query differ.
    pub disputed: Vec<String>,
}

/// `text` is the file that the cases were read from.
pub fn updated(cases: &RuleCases, report: &Report, text: &str) -> Updated {
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let mut out = Updated::default();
    for (case, run) in cases.file.case.iter().zip(&report.cases) {
        for (expect, seen) in case.expect.iter().zip(&run.seen) {
            let failed = run.failures.iter().any(|failure| failure.clock == seen.clock);
            let is_empty = expect.alerts.is_none() && expect.transitions.is_none() && expect.pending.is_none();
            if !failed && !is_empty {
                continue;
            }
            if seen.engine.iter().map(|(found, _)| found).ne(&seen.batch) {
                out.disputed.push(format!("{}, at {}", case.name, expect.at.get_ref()));
                continue;
            }
            edits.extend(edits_of(expect, seen, text));
        }
    }
    out.written = edits.len();
    out.text = text.to_owned();
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    for (range, new) in edits {
        out.text.replace_range(range, &new);
    }
    out
}

fn edits_of(expect: &Expect, seen: &Seen, text: &str) -> Vec<(Range<usize>, String)> {
    let mut edits = Vec::new();
    let mut replace = |span: Range<usize>, items: &[String]| {
        let old = text.get(span.clone()).unwrap_or_default();
        if old.starts_with('[') && !old.starts_with("[[") {
            let new = list(items, old.contains('\n').then(|| indent_of(text, span.start)));
            if new != old {
                edits.push((span, new));
            }
        }
    };
    let alerts = alert_items(expect, seen);
    match &expect.alerts {
        Some(old) => replace(old.span(), &alerts),
        None if expect.transitions.is_some() || expect.pending.is_some() => {}
        None => {
            let at = expect.at.span();
            let is_inline = text.get(at.end..).is_some_and(|rest| rest.trim_start().starts_with([',', '}']));
            let between = if is_inline { ", " } else { "\n" };
            edits.push((at.end..at.end, format!("{between}alerts = {}", list(&alerts, None))));
            return edits;
        }
    }
    if let Some(old) = &expect.transitions {
        let several = seen.transitions.iter().any(|(_, found)| found.permit != seen.transitions[0].1.permit);
        let items: Vec<String> = seen.transitions.iter().map(|(_, found)| item(found, several, &[])).collect();
        replace(old.span(), &items);
    }
    if let Some(old) = &expect.pending {
        let items: Vec<String> = seen.pending.iter().map(|key| quoted(key)).collect();
        replace(old.span(), &items);
    }
    edits
}

/// The alerts that stand, with the evidence columns that the expectation listed before.
fn alert_items(expect: &Expect, seen: &Seen) -> Vec<String> {
    let found: Vec<Found> = seen.engine.iter().map(|(found, _)| found.clone()).collect();
    let wanted = expect.wanted();
    let by_key: Vec<Asked<'_>> = wanted.iter().map(|wanted| Asked { severity: None, ..Asked::from(wanted) }).collect();
    let pairs = matched(&by_key, &found).pairs;
    let before = |at: usize| -> Option<&Wanted> {
        pairs.iter().find(|(_, other)| *other == at).and_then(|(asked, _)| wanted.get(*asked))
    };
    let several = found.iter().any(|other| other.permit != found[0].permit);
    let items = seen.engine.iter().enumerate().map(|(at, (found, evidence))| {
        let asked = before(at);
        let columns: Vec<(&str, &Json)> = asked
            .iter()
            .flat_map(|wanted| wanted.evidence.keys())
            .filter_map(|column| Some((column.as_str(), evidence.get(column)?)))
            .collect();
        item(found, several || asked.is_some_and(|wanted| wanted.permit.is_some()), &columns)
    });
    items.collect()
}

fn item(found: &Found, with_permit: bool, evidence: &[(&str, &Json)]) -> String {
    let mut out = format!("{{ key = {}", quoted(&found.key));
    let mut member = |name: &str, value: &str| {
        let _ = write!(out, ", {name} = {}", quoted(value));
    };
    if !found.status.is_empty() {
        member("status", &found.status);
    }
    member("severity", &found.severity);
    if with_permit {
        member("permit", &found.permit);
    }
    if found.person != crate::tools::cases::MAIN {
        member("person", &found.person);
    }
    if let Some(reason) = &found.reason {
        member("reason", reason);
    }
    if !evidence.is_empty() {
        let columns: Vec<String> =
            evidence.iter().map(|(name, value)| format!("{name} = {}", toml_of(value))).collect();
        let _ = write!(out, ", evidence = {{ {} }}", columns.join(", "));
    }
    out + " }"
}

fn toml_of(value: &Json) -> String {
    match value {
        Json::Null => "\"\"".to_owned(),
        Json::String(text) => quoted(text),
        other => other.to_string(),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// On one line, or one item a line if the list was laid out so.
fn list(items: &[String], indent: Option<&str>) -> String {
    match indent {
        Some(indent) if !items.is_empty() => {
            let lines: String = items.iter().map(|item| format!("{indent}    {item},\n")).collect();
            format!("[\n{lines}{indent}]")
        }
        _ => format!("[{}]", items.join(", ")),
    }
}

/// The white space at the beginning of a position's line.
fn indent_of(text: &str, at: usize) -> &str {
    let line = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
    let rest = text.get(line..).unwrap_or_default();
    &rest[..rest.len() - rest.trim_start_matches([' ', '\t']).len()]
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::tools::cases::file::CaseFile;

    fn seen(keys: &[&str]) -> Seen {
        let found = |key: &&str| Found {
            key: (*key).to_owned(),
            severity: "weak".into(),
            permit: "p1".into(),
            person: "self".into(),
            ..Found::default()
        };
        let evidence = serde_json::json!({"n": 2, "m": 3}).as_object().unwrap().clone();
        Seen {
            clock: 0,
            engine: keys.iter().map(|key| (found(key), evidence.clone())).collect(),
            batch: keys.iter().map(found).collect(),
            recent: None,
            transitions: Vec::new(),
            pending: Vec::new(),
        }
    }

    fn update(text: &str, keys: &[&str]) -> String {
        let file = CaseFile::parse(Path::new("x.toml"), text).unwrap();
        let mut out = text.to_owned();
        let mut edits = edits_of(&file.case[0].expect[0], &seen(keys), text);
        edits.reverse();
        for (range, new) in edits {
            out.replace_range(range, &new);
        }
        out
    }

    #[test]
    fn layout_and_comments_stay() {
        let text = "[[case]]\nname = \"a\"\nexpect = [{ at = \"2026-01-01\", alerts = [] }] # why\n";
        let new = text.replace("alerts = []", "alerts = [{ key = \"k\", severity = \"weak\" }]");
        assert_eq!(update(text, &["k"]), new);
        let text = "[[case]]\nname = \"a\"\n[[case.expect]]\nat = \"2026-01-01\"\n# none\nalerts = [\n    { key = \"k\", severity = \"info\", evidence = { n = 1 } },\n]\n";
        let new = text.replace("\"info\"", "\"weak\"").replace("n = 1", "n = 2");
        assert_eq!(update(text, &["k"]), new);
    }

    #[test]
    fn what_is_not_there_yet_follows_the_clock() {
        let text = "[[case]]\nname = \"a\"\nexpect = [{ at = \"2026-01-01\" }]\n";
        assert_eq!(update(text, &[]), text.replace("01\" }", "01\", alerts = [] }"));
        let text = "[[case]]\nname = \"a\"\n[[case.expect]]\nat = \"2026-01-01\"\n";
        assert_eq!(update(text, &[]), text.replace("01\"\n", "01\"\nalerts = []\n"));
    }
}
