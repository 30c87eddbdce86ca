//! The batch query's side. Planning a batch query costs far more than running it over a handful of records, so all clocks are
//! asked in one: each expectation gets a copy of its case that has only what was known by then, and in the text of the
//! standing set the clock is the copy's own.
//!
//! Where that is not the same (terms that become known between the clocks, an employer that two cases share, another text of
//! the standing set) each clock is asked for itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::cases::CaseError;
use crate::cases::build::{Built, Names};
use crate::cases::compare::Found;
use crate::cases::engine::visibility;
use crate::cases::recording::Recording;
use crate::cases::run::RuleCases;
use crate::record::Record;
use crate::rules::Catalogue;
use crate::rules::batch::{self, StandingRow};
use crate::rules::catalogue::ViewFile;
use crate::schema::TableId;
use crate::time::format_micros;

/// What stands in a case at an expectation's clock, by their positions.
pub type Standing = BTreeMap<(usize, usize), Vec<Found>>;

/// A case as known at the clock of one expectation.
struct Copy {
    place: (usize, usize),
    clock: i64,
    built: Built,
}

pub fn standing(cases: &RuleCases) -> Result<Standing, CaseError> {
    let copies = copies(cases)?;
    match at_once(&cases.catalogue, &copies) {
        Some(catalogue) => {
            let until = copies.iter().map(|copy| copy.clock).max().unwrap_or_default();
            let rows = ask(cases, &catalogue, &recording(&copies), until)?;
            Ok(copies.iter().map(|copy| (copy.place, alerts(&copy.built.names, &rows))).collect())
        }
        None => each_clock(cases),
    }
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
        let rows = ask(cases, &cases.catalogue, &cases.recording, clock)?;
        out.extend(places.into_iter().map(|place| (place, alerts(cases.names(place.0), &rows))));
    }
    Ok(out)
}

fn ask(
    cases: &RuleCases,
    catalogue: &Catalogue,
    recording: &Recording,
    clock: i64,
) -> Result<Vec<StandingRow>, CaseError> {
    let tables = recording.tables();
    let recorded = |table: TableId| tables.get(table.index()).cloned().into_iter().collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(CaseError::Runtime)?;
    let mut rows = runtime.block_on(batch::standing(catalogue, &visibility(), clock, recorded))?;
    rows.retain(|row| row.rule_id == cases.rule);
    Ok(rows)
}

fn alerts(names: &Names, rows: &[StandingRow]) -> Vec<Found> {
    let own = rows.iter().filter(|row| names.has(&row.person));
    let found = own.map(|row| Found {
        key: row.alert_key.clone(),
        severity: row.severity.name().to_owned(),
        permit: names.subject(&row.subject),
        person: names.person(&row.person),
        ..Found::default()
    });
    let mut found: Vec<Found> = found.collect();
    found.sort();
    found
}

fn copies(cases: &RuleCases) -> Result<Vec<Copy>, CaseError> {
    let mut out = Vec::new();
    for (number, case) in cases.file.case.iter().enumerate() {
        for (at, expect) in case.expect.iter().enumerate() {
            let clock = expect.clock().unwrap_or_default();
            let mut built = cases.file.build(case, &format!("c{number:03}x{at}"))?;
            built.records.retain(|record| record.table == TableId::Terms || record.known_time.0 <= clock);
            out.push(Copy { place: (number, at), clock, built });
        }
    }
    Ok(out)
}

/// All copies in one; terms, which are everybody's, once.
fn recording(copies: &[Copy]) -> Recording {
    let mut records: Vec<Record> = Vec::new();
    for (number, copy) in copies.iter().enumerate() {
        let own = copy.built.records.iter().filter(|record| number == 0 || record.table != TableId::Terms);
        records.extend(own.cloned());
    }
    Recording::new(records)
}

/// The catalogue with the clocks of the copies in place of one clock; `None` where that would not be the same.
fn at_once(catalogue: &Catalogue, copies: &[Copy]) -> Option<Catalogue> {
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
    let text = catalogue.standing.replace("$as_of", "h.as_of");
    let (before, after) = text.split_once("FROM hits h\n")?;
    let mut out = catalogue.clone();
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
