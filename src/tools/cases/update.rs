//! `--update`: writes what engine and batch query agree on into the expectations, for a person to review.
//!
//! An expectation that says nothing yet is filled in. What a person wrote is replaced only if a person says so: an expectation that
//! is not met becomes a [`Contradiction`], which lists old beside new. Only what differs is changed, item by item; comments, layout
//! and line ends of the file stay.

use serde_json::Value as Json;
use toml_edit::{Array, DocumentMut, Item, TableLike, Value};

use crate::tools::cases::MAIN;
use crate::tools::cases::compare::{Asked, Found, Matched, Seen, clock, evidence_differs, matched};
use crate::tools::cases::file::Expect;
use crate::tools::cases::list::{self, Change, Pair};
use crate::tools::cases::rule_cases::RuleCases;
use crate::tools::cases::run::Report;

/// A file of cases on its way to other expectations.
pub struct Update {
    document: DocumentMut,
    /// As an editor on Windows writes it.
    has_crlf: bool,
    /// Empty expectations that have been filled in.
    pub filled: usize,
    /// Expectations that are not met.
    pub contradictions: Vec<Contradiction>,
    /// Expectations that cannot be written, each with the reason.
    pub stuck: Vec<String>,
}

/// A list of an expectation that says something else than engine and batch.
#[derive(Clone, Debug)]
pub struct Contradiction {
    /// `case "no salary at all", at 2026-07-07`
    pub place: String,
    /// `alerts`, `transitions` or `pending`
    pub member: &'static str,
    /// Items as written and as found.
    pub pairs: Vec<Pair>,
    case: String,
    expect: usize,
    changes: Vec<Change>,
}

impl Update {
    /// `text` is the file that the cases were read from, as it stands on the disk. Fills in what is empty.
    pub fn new(cases: &RuleCases, report: &Report, text: &str) -> Result<Update, toml_edit::TomlError> {
        let mut update = Update {
            document: text.parse()?,
            has_crlf: text.contains("\r\n"),
            filled: 0,
            contradictions: Vec::new(),
            stuck: Vec::new(),
        };
        for (case, run) in cases.file.case.iter().zip(&report.cases) {
            for (at, (expect, seen)) in case.expect.iter().zip(&run.seen).enumerate() {
                let is_met = run.failures.iter().all(|failure| failure.clock != seen.clock);
                let place = format!("case \"{}\", at {}", case.name, expect.at);
                if is_met && !expect.is_empty() {
                    continue;
                }
                if seen.engine.iter().map(|(found, _)| found).ne(&seen.batch) {
                    update.stuck.push(format!("{place}: engine and batch differ, nothing is written"));
                } else if expect.is_empty() {
                    update.fill(&case.name, at, seen);
                } else {
                    update.contradict(&case.name, at, &place, lists(expect, seen));
                }
            }
        }
        Ok(update)
    }

    /// Replaces what a person wrote.
    pub fn replace(&mut self, contradiction: &Contradiction) {
        let Contradiction { case, expect, member, changes, .. } = contradiction;
        if let Some(array) = array(&mut self.document, case, *expect, member) {
            list::apply(array, changes);
        }
    }

    pub fn text(&self) -> String {
        let text = self.document.to_string();
        if self.has_crlf { text.replace('\n', "\r\n") } else { text }
    }

    fn fill(&mut self, case: &str, at: usize, seen: &Seen) {
        let Some(expect) = expectation(&mut self.document, case, at) else { return };
        let mut alerts = Array::new();
        list::apply(&mut alerts, &added(seen.engine.iter().map(|(found, _)| found)));
        // What stands behind the last value of an inline table is the space before its brace.
        let last = expect.iter_mut().last().and_then(|(_, item)| item.as_value_mut().map(Value::decor_mut));
        let space = last.filter(|decor| decor.suffix().and_then(|suffix| suffix.as_str()) == Some(" "));
        if let Some(decor) = space {
            decor.set_suffix("");
            alerts.decor_mut().set_suffix(" ");
            alerts.decor_mut().set_prefix(" ");
        }
        expect.insert("alerts", Item::Value(Value::Array(alerts)));
        self.filled += 1;
    }

    fn contradict(&mut self, case: &str, at: usize, place: &str, lists: Vec<(&'static str, Vec<Change>)>) {
        for (member, changes) in lists {
            if changes.is_empty() {
                continue;
            }
            let Some(array) = array(&mut self.document, case, at, member) else {
                self.stuck.push(format!("{place}: {member} is no list in brackets; edit it by hand"));
                continue;
            };
            let pairs = list::apply(&mut array.clone(), &changes);
            let (place, case) = (place.to_owned(), case.to_owned());
            self.contradictions.push(Contradiction { place, member, pairs, case, expect: at, changes });
        }
    }
}

/// An expectation of a case in the document.
fn expectation<'d>(document: &'d mut DocumentMut, case: &str, at: usize) -> Option<&'d mut dyn TableLike> {
    let cases = tables(document.get_mut("case")?);
    let case = cases.into_iter().find(|table| table.get("name").and_then(Item::as_str) == Some(case))?;
    tables(case.get_mut("expect")?).into_iter().nth(at)
}

fn array<'d>(document: &'d mut DocumentMut, case: &str, at: usize, member: &str) -> Option<&'d mut Array> {
    expectation(document, case, at)?.get_mut(member)?.as_array_mut()
}

/// The tables of a list, in either form.
fn tables(item: &mut Item) -> Vec<&mut dyn TableLike> {
    match item {
        Item::ArrayOfTables(tables) => tables.iter_mut().map(|table| table as &mut dyn TableLike).collect(),
        Item::Value(Value::Array(list)) => list
            .iter_mut()
            .filter_map(|item| item.as_inline_table_mut().map(|table| table as &mut dyn TableLike))
            .collect(),
        _ => Vec::new(),
    }
}

/// What must change in each list of an expectation.
fn lists(expect: &Expect, seen: &Seen) -> Vec<(&'static str, Vec<Change>)> {
    let mut lists = Vec::new();
    if expect.alerts.is_some() {
        lists.push(("alerts", alerts(expect, seen)));
    }
    if let Some(wanted) = &expect.transitions {
        let asked: Vec<Asked<'_>> = wanted.iter().map(Asked::from).collect();
        let found: Vec<Found> = seen.transitions.iter().map(|(_, found)| found.clone()).collect();
        let pairs = paired(&asked, &found);
        lists.push(("transitions", changes(&asked, &found, &pairs, |_, _| Vec::new())));
    }
    if let Some(wanted) = &expect.pending {
        let gone = wanted.iter().enumerate().filter(|(_, key)| !seen.pending.contains(key));
        let new = seen.pending.iter().filter(|key| !wanted.contains(key));
        let gone = gone.map(|(at, _)| Change::Remove(at));
        lists.push(("pending", gone.chain(new.map(|key| Change::Add(key.as_str().into()))).collect()));
    }
    lists
}

fn alerts(expect: &Expect, seen: &Seen) -> Vec<Change> {
    let wanted = expect.wanted();
    let asked: Vec<Asked<'_>> = wanted.iter().map(Asked::from).collect();
    let found: Vec<Found> = seen.engine.iter().map(|(found, _)| found.clone()).collect();
    changes(&asked, &found, &paired(&asked, &found), |at, other| {
        let (evidence, found) = (&wanted[at].evidence, &seen.engine[other].1);
        let differs = evidence.iter().filter(|(column, value)| {
            let alone = std::iter::once(((*column).clone(), (*value).clone())).collect();
            !evidence_differs(&alone, found).is_empty()
        });
        differs
            .map(|(column, _)| (vec!["evidence".to_owned(), column.clone()], found.get(column).map(value_of)))
            .collect()
    })
}

type Member = (Vec<String>, Option<Value>);

/// `more` gives the other members of a pair that differ.
fn changes(
    asked: &[Asked<'_>],
    found: &[Found],
    pairs: &Matched,
    more: impl Fn(usize, usize) -> Vec<Member>,
) -> Vec<Change> {
    let mut changes = Vec::new();
    for (at, other) in &pairs.pairs {
        let (asked, found) = (&asked[*at], &found[*other]);
        let own = |name: &str, was: Option<&str>, is: Option<&str>| {
            was.is_some_and(|was| Some(was) != is).then(|| (vec![name.to_owned()], is.map(Value::from)))
        };
        let mut members: Vec<Member> = [
            own("status", asked.status, Some(&found.status)),
            own("severity", asked.severity, Some(&found.severity)),
            own("reason", asked.reason, found.reason.as_deref()),
        ]
        .into_iter()
        .flatten()
        .collect();
        if asked.alert_at.is_some() && asked.alert_at != found.alert_at {
            members.push((vec!["alert_at".to_owned()], found.alert_at.map(|at| Value::from(clock(at)))));
        }
        members.extend(more(*at, *other));
        if !members.is_empty() {
            changes.push(Change::Set(*at, members));
        }
    }
    changes.extend(pairs.missing.iter().map(|at| Change::Remove(*at)));
    changes.extend(added(pairs.extra.iter().map(|at| &found[*at])));
    changes
}

/// Pairs what is asked for with what was found: first what fits, then what has the same key and status, then the same key.
fn paired(asked: &[Asked<'_>], found: &[Found]) -> Matched {
    let mut out = Matched { missing: (0..asked.len()).collect(), extra: (0..found.len()).collect(), pairs: Vec::new() };
    for pass in 0..3 {
        let left = out.missing.iter().map(|at| {
            let own = &asked[*at];
            match pass {
                0 => own.clone(),
                1 => Asked { severity: None, reason: None, alert_at: None, ..own.clone() },
                _ => Asked { severity: None, reason: None, alert_at: None, status: None, ..own.clone() },
            }
        });
        let (left, free): (Vec<_>, Vec<_>) = (left.collect(), out.extra.iter().map(|at| found[*at].clone()).collect());
        let matched = matched(&left, &free);
        out.pairs.extend(matched.pairs.iter().map(|(at, other)| (out.missing[*at], out.extra[*other])));
        out.missing = matched.missing.iter().map(|at| out.missing[*at]).collect();
        out.extra = matched.extra.iter().map(|at| out.extra[*at]).collect();
    }
    out.pairs.sort_unstable();
    out
}

/// New items; with the permit where they are about several.
fn added<'f>(found: impl Iterator<Item = &'f Found> + Clone) -> Vec<Change> {
    let several = found.clone().any(|other| found.clone().next().is_some_and(|first| first.permit != other.permit));
    let item = |found: &Found| {
        let mut members = vec![("key", Value::from(found.key.as_str()))];
        if !found.status.is_empty() {
            members.push(("status", found.status.as_str().into()));
        }
        members.push(("severity", found.severity.as_str().into()));
        if several {
            members.push(("permit", found.permit.as_str().into()));
        }
        if found.person != MAIN {
            members.push(("person", found.person.as_str().into()));
        }
        members.extend(found.reason.as_deref().map(|reason| ("reason", reason.into())));
        Change::Add(list::table(members))
    };
    found.map(item).collect()
}

/// Evidence as cases write it: null is an empty text.
fn value_of(evidence: &Json) -> Value {
    match evidence {
        Json::Null => "".into(),
        Json::Bool(flag) => (*flag).into(),
        Json::Number(number) if number.is_i64() => number.as_i64().unwrap_or_default().into(),
        Json::String(text) => text.as_str().into(),
        other => other.to_string().into(),
    }
}

#[cfg(test)]
mod tests;
