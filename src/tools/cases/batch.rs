//! The batch query's side. Planning a batch query costs far more than running it over a handful of records, so the queries for all
//! clocks of a few rules are combined into one: each expectation gets a copy of its case that has only the records known by its
//! clock, and the text of the standing set uses the clock of each copy.
//!
//! For a rule with a horizon, the copies are queried again without the records before the horizon (`recent`).
//!
//! Where combining would change the result (terms that become known between the clocks, an employer that two cases share, another
//! text of the standing set), each clock is queried by itself. If a combined query fails, each rule is queried alone, so that only
//! the faulty one fails.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::{Catalogue, ViewFile};
use crate::model::record::Record;
use crate::model::schema::TableId;
use crate::model::time::{KnownTime, format_micros};
use crate::oracle::{self, StandingRow};
use crate::tools::cases::CaseError;
use crate::tools::cases::build::{Built, Names};
use crate::tools::cases::compare::Found;
use crate::tools::cases::engine::visibility;
use crate::tools::cases::parallel::in_parallel;
use crate::tools::cases::recording::Recording;
use crate::tools::cases::rule_cases::RuleCases;

/// What stands in a case at an expectation's clock, by the positions of case and expectation.
pub type Standing = BTreeMap<(usize, usize), Vec<Found>>;

/// Rules whose queries are combined.
const TOGETHER: usize = 8;

/// A case as known at the clock of one expectation.
struct Copy {
    /// Positions of the rule in its group, of the case, and of the expectation.
    place: (usize, usize, usize),
    clock: i64,
    built: Built,
}

/// What stands in the cases of each rule.
pub fn standing(all: &[&RuleCases]) -> Vec<Result<Standing, CaseError>> {
    let groups = groups(all);
    let answers = in_parallel(&groups, |group| {
        let members: Vec<&RuleCases> = group.iter().map(|at| all[*at]).collect();
        match together(&members) {
            Some(Ok(standing)) => standing.into_iter().map(Ok).collect(),
            _ => members.iter().map(|cases| alone(cases)).collect::<Vec<_>>(),
        }
    });
    let mut out: Vec<(usize, Result<Standing, CaseError>)> =
        groups.into_iter().flatten().zip(answers.into_iter().flatten()).collect();
    out.sort_by_key(|(at, _)| *at);
    out.into_iter().map(|(_, standing)| standing).collect()
}

/// What stands without the records before the rule's horizon, for the expectations that have such records.
pub fn recent(cases: &RuleCases) -> Result<Standing, CaseError> {
    let horizon: Vec<(TableId, i32)> = cases.horizon().collect();
    if horizon.is_empty() {
        return Ok(Standing::new());
    }
    let mut copies = copies(&[cases])?;
    copies.retain_mut(|copy| {
        let all = copy.built.records.len();
        let day = KnownTime(copy.clock).day();
        copy.built.records.retain(|record| {
            let own = horizon.iter().find(|(table, _)| *table == record.table);
            let first = own.and_then(|(_, months)| day.first_of_month()?.add_months(-months));
            first.is_none_or(|first| record.event_time.0 >= first.instant())
        });
        copy.built.records.len() < all
    });
    if copies.is_empty() {
        return Ok(Standing::new());
    }
    let Some(catalogue) = at_once(&[cases], &copies) else {
        let message = "the rule has a horizon and cannot be asked at all clocks at once: let no two cases share terms or employers";
        return Err(CaseError::Rule { rule: cases.rule.clone(), message: message.into() });
    };
    let until = copies.iter().map(|copy| copy.clock).max().unwrap_or_default();
    let rows = ask(&catalogue, &recording(&copies), until)?;
    let found = copies.iter().map(|copy| {
        let (_, case, expect) = copy.place;
        ((case, expect), alerts(&cases.rule, &copy.built.names, &rows))
    });
    Ok(found.collect())
}

/// Positions of rules that may be combined: all persons share the terms, so the rules' terms must be equal.
fn groups(all: &[&RuleCases]) -> Vec<Vec<usize>> {
    let mut by_terms: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, cases) in all.iter().enumerate() {
        let terms = cases.recording.records().iter().filter(|record| record.table == TableId::Terms);
        by_terms.entry(format!("{:?}", terms.collect::<Vec<_>>())).or_default().push(at);
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let most = all.len().div_ceil(cores).clamp(1, TOGETHER);
    by_terms.values().flat_map(|group| group.chunks(most)).map(<[usize]>::to_vec).collect()
}

fn alone(cases: &RuleCases) -> Result<Standing, CaseError> {
    match together(&[cases]) {
        Some(standing) => standing.map(|mut standing| standing.pop().unwrap_or_default()),
        None => each_clock(cases),
    }
}

/// `None` if combining would not give the same as a query for each clock.
fn together(group: &[&RuleCases]) -> Option<Result<Vec<Standing>, CaseError>> {
    let copies = match copies(group) {
        Ok(copies) => copies,
        Err(error) => return Some(Err(error)),
    };
    let catalogue = at_once(group, &copies)?;
    let until = copies.iter().map(|copy| copy.clock).max().unwrap_or_default();
    let rows = match ask(&catalogue, &recording(&copies), until) {
        Ok(rows) => rows,
        Err(error) => return Some(Err(error)),
    };
    let mut out = vec![Standing::new(); group.len()];
    for copy in &copies {
        let (rule, case, expect) = copy.place;
        out[rule].insert((case, expect), alerts(&group[rule].rule, &copy.built.names, &rows));
    }
    Some(Ok(out))
}

fn each_clock(cases: &RuleCases) -> Result<Standing, CaseError> {
    let mut by_clock: BTreeMap<i64, Vec<(usize, usize)>> = BTreeMap::new();
    for (number, case) in cases.file.case.iter().enumerate() {
        for (at, expect) in case.expect.iter().enumerate() {
            by_clock.entry(expect.clock().unwrap_or_default()).or_default().push((number, at));
        }
    }
    let mut out = Standing::new();
    for (clock, places) in by_clock {
        let rows = ask(&cases.catalogue, &cases.recording, cases.seen_until(clock))?;
        out.extend(places.into_iter().map(|place| (place, alerts(&cases.rule, cases.names(place.0), &rows))));
    }
    Ok(out)
}

fn ask(catalogue: &Catalogue, recording: &Recording, clock: i64) -> Result<Vec<StandingRow>, CaseError> {
    let tables = recording.tables();
    let recorded = |table: TableId| tables.get(table.index()).cloned().into_iter().collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(CaseError::Runtime)?;
    Ok(runtime.block_on(oracle::standing(catalogue, &visibility(), clock, recorded))?)
}

fn alerts(rule: &str, names: &Names, rows: &[StandingRow]) -> Vec<Found> {
    let own = rows.iter().filter(|row| row.rule_id == rule && names.has(&row.person));
    let found = own.map(|row| Found {
        key: names.key(&row.alert_key),
        severity: row.severity.name().to_owned(),
        permit: names.subject(&row.subject),
        person: names.person(&row.person),
        alert_at: Some(row.alert_at),
        ..Found::default()
    });
    let mut found: Vec<Found> = found.collect();
    found.sort();
    found
}

fn copies(group: &[&RuleCases]) -> Result<Vec<Copy>, CaseError> {
    let mut out = Vec::new();
    for (rule, cases) in group.iter().enumerate() {
        for (number, case) in cases.file.case.iter().enumerate() {
            for (at, expect) in case.expect.iter().enumerate() {
                let clock = expect.clock().unwrap_or_default();
                let mut built = cases.file.build(case, &format!("r{rule}c{number:03}x{at}"))?;
                let known = cases.seen_until(clock);
                built.records.retain(|record| record.table == TableId::Terms || record.known_time.0 <= known);
                out.push(Copy { place: (rule, number, at), clock, built });
            }
        }
    }
    Ok(out)
}

/// All copies in one recording; terms, which all persons share, once.
fn recording(copies: &[Copy]) -> Recording {
    let mut records: Vec<Record> = Vec::new();
    for (number, copy) in copies.iter().enumerate() {
        let own = copy.built.records.iter().filter(|record| number == 0 || record.table != TableId::Terms);
        records.extend(own.cloned());
    }
    Recording::new(records)
}

/// The rules of the group, with the copies' clocks in place of a single clock: in the standing set, and in links that show rows
/// from an instant.
fn at_once(group: &[&RuleCases], copies: &[Copy]) -> Option<Catalogue> {
    let first = copies.iter().map(|copy| copy.clock).min()?;
    let terms = copies.first()?.built.records.iter().filter(|record| record.table == TableId::Terms);
    if terms.into_iter().any(|record| record.known_time.0 > first) {
        return None;
    }
    let mut seen = BTreeSet::new();
    let mut clocks = Vec::new();
    for copy in copies {
        let names = &copy.built.names;
        let employers = names.employers.keys().map(|number| format!("employer={number}"));
        for unit in names.persons.keys().cloned().chain(employers) {
            let at = format_micros(copy.clock).replace('T', " ");
            clocks.push(format!("('{}', TIMESTAMP '{}')", unit.replace('\'', "''"), at.trim_end_matches('Z')));
            if !seen.insert(unit) {
                return None;
            }
        }
    }
    let mut out = group.first()?.catalogue.clone();
    for cases in &group[1..] {
        for rule in &cases.catalogue.rules {
            if out.rule(&rule.header.id).is_none() {
                out.rules.push(rule.clone());
            }
        }
        for view in &cases.catalogue.views {
            if !out.views.iter().any(|other| other.name == view.name) {
                out.views.push(view.clone());
            }
        }
        for link in &cases.catalogue.links {
            if !out.links.iter().any(|other| other.table == link.table) {
                out.links.push(link.clone());
            }
        }
    }
    for link in &mut out.links {
        let Some(from) = link.from_column() else { continue };
        link.sql = format!(
            "SELECT s.* FROM (\n{}\n) s JOIN case_clocks k ON k.person_id = s.to_id AND s.{from} <= k.as_of",
            link.sql
        );
    }
    // Who has left by the clock of the copy, and not by the latest of all.
    out.tables = left_by_each_clock(&out.tables, &clocks)?;
    let text = out.standing.replace("$as_of", "h.as_of").replace("$spoken", "h.as_of");
    let (before, after) = text.split_once("FROM hits h\n")?;
    out.standing = format!(
        "{before}FROM (SELECT a.*, k.as_of FROM hits a JOIN case_clocks k ON k.person_id = a.person_id) h\n{after}"
    );
    out.views.push(ViewFile {
        name: "case_clocks".to_owned(),
        doc: "the clock of each copy of a case".to_owned(),
        sql: format!("SELECT person_id, as_of FROM (VALUES {}) AS c (person_id, as_of)", clocks.join(", ")),
    });
    Some(out)
}

/// `tables.sql` with each person's own clock in place of a single one where it asks who has left.
fn left_by_each_clock(tables: &str, clocks: &[String]) -> Option<String> {
    const END: &str = ") b\n        GROUP BY person_id\n";
    let asked = tables.replace("max(until_at) > {as_of}", "max(until_at) > max(coalesce(c.own_clock, {as_of}))");
    let (before, after) = asked.split_once(END)?;
    let own = format!("SELECT own_id, own_clock FROM (VALUES {}) AS k (own_id, own_clock)", clocks.join(", "));
    Some(format!("{before}) b\nLEFT JOIN ({own}) c ON c.own_id = b.person_id\nGROUP BY person_id\n{after}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The combined queries and the single ones give the same, for rules with terms, with employers, and with clocks before and
    /// after everything is known.
    #[test]
    fn all_clocks_at_once_are_as_each_by_itself() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        let catalogue = Catalogue::load(&dir, &BTreeMap::new()).unwrap();
        let read = |rule: &str| {
            let mut cases = RuleCases::read(&catalogue, &dir.join("tests"), rule, None).unwrap();
            cases.file.case.truncate(1);
            RuleCases::new(&catalogue, rule, cases.file).unwrap()
        };
        let all = ["study-not-registered", "employer-mismatch"].map(read);
        let once = standing(&all.each_ref());
        for (cases, once) in all.iter().zip(once) {
            let once = once.unwrap();
            assert!(together(&[cases]).is_some(), "{} cannot be asked at once", cases.rule);
            assert!(once.values().any(|alerts| !alerts.is_empty()));
            assert_eq!(once, each_clock(cases).unwrap(), "{}", cases.rule);
        }
    }

    #[test]
    fn a_horizon_that_is_too_short_is_noticed() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        let catalogue = Catalogue::load(&dir, &BTreeMap::new()).unwrap();
        let differ = |horizon: &str| {
            let mut catalogue = catalogue.clone();
            let rule = catalogue.rules.iter_mut().find(|rule| rule.header.id == "ltr-absence-limit").unwrap();
            rule.header.horizon = BTreeMap::from([("border".to_owned(), horizon.to_owned())]);
            let file = crate::tools::cases::CaseFile::read(&dir.join("tests"), "ltr-absence-limit").unwrap();
            let cases = RuleCases::new(&catalogue, "ltr-absence-limit", file).unwrap();
            let all = standing(&[&cases]).pop().unwrap().unwrap();
            let recent = recent(&cases).unwrap();
            assert!(!recent.is_empty(), "{horizon}: no case has older records");
            recent.iter().filter(|(place, found)| all.get(place).is_none_or(|all| all != *found)).count()
        };
        assert_eq!(differ("P84M"), 0);
        assert!(differ("P3M") > 0);
    }
}
