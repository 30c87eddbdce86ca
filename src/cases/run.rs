//! Runs a rule's cases and holds both sides against what is expected.

use std::path::Path;
use std::time::Instant;

use crate::cases::CaseError;
use crate::cases::batch;
use crate::cases::build::{Built, Names};
use crate::cases::compare::{Asked, Found, Matched, evidence_differs, matched};
use crate::cases::engine::{Played, Said, play};
use crate::cases::file::{Case, CaseFile, Expect};
use crate::cases::recording::Recording;
use crate::record::{Quarantined, Record};
use crate::rules::{Catalogue, RuleSet};
use crate::schema::TableId;
use crate::time::format_micros;

/// A rule with its cases, ready to run.
#[derive(Clone, Debug)]
pub struct RuleCases {
    pub rule: String,
    pub file: CaseFile,
    /// The rule, those that it uses, and the views that they read.
    pub catalogue: Catalogue,
    pub recording: Recording,
    built: Vec<Built>,
}

/// What running them gave.
#[derive(Clone, Debug)]
pub struct Report {
    pub rule: String,
    pub number: String,
    pub cases: Vec<CaseReport>,
    pub micros: u64,
}

#[derive(Clone, Debug)]
pub struct CaseReport {
    pub name: String,
    pub expectations: usize,
    pub failures: Vec<Failure>,
}

/// An expectation that was not met.
#[derive(Clone, Debug)]
pub struct Failure {
    pub clock: i64,
    pub lines: Vec<String>,
}

impl Report {
    pub fn expectations(&self) -> usize {
        self.cases.iter().map(|case| case.expectations).sum()
    }

    pub fn failed(&self) -> usize {
        self.cases.iter().map(|case| case.failures.len()).sum()
    }
}

impl RuleCases {
    /// Reads the cases of a rule from `dir`; `filter` keeps those whose names contain it.
    pub fn read(catalogue: &Catalogue, dir: &Path, rule: &str, filter: Option<&str>) -> Result<RuleCases, CaseError> {
        let mut file = CaseFile::read(dir, rule)?;
        if let Some(part) = filter {
            file.case.retain(|case| case.name.contains(part));
        }
        let mut built = Vec::new();
        let mut records: Vec<Record> = Vec::new();
        for (number, case) in file.case.iter().enumerate() {
            let case = file.build(case, &format!("c{number:03}"))?;
            let own = case.records.iter().filter(|record| number == 0 || record.table != TableId::Terms);
            records.extend(own.cloned());
            built.push(case);
        }
        let catalogue = only(catalogue, rule)?;
        Ok(RuleCases { rule: rule.to_owned(), file, catalogue, recording: Recording::new(records), built })
    }

    /// Every clock that a case asks about.
    pub fn clocks(&self) -> Vec<i64> {
        let mut clocks: Vec<i64> =
            self.file.case.iter().flat_map(|case| case.expect.iter().filter_map(Expect::clock)).collect();
        clocks.sort_unstable();
        clocks.dedup();
        clocks
    }

    /// Runs the cases in the engine and as a batch query.
    pub fn run(&self) -> Result<Report, CaseError> {
        let started = Instant::now();
        let played = self.play(RuleSet::plan(&self.catalogue)?)?;
        let standing = batch::standing(self)?;
        let mut cases = Vec::new();
        for (number, case) in self.file.case.iter().enumerate() {
            let mut failures = Vec::new();
            let mut since = i64::MIN;
            for (at, expect) in case.expect.iter().enumerate() {
                let clock = expect.clock().unwrap_or(since);
                let batch = standing.get(&(number, at)).map(Vec::as_slice).unwrap_or_default();
                let lines = self.differences(number, expect, (since, clock), &played, batch)?;
                if !lines.is_empty() {
                    failures.push(Failure { clock, lines });
                }
                since = clock;
            }
            cases.push(CaseReport { name: case.name.clone(), expectations: case.expect.len(), failures });
        }
        let number = self.catalogue.rule(&self.rule).map(|rule| rule.header.number.clone()).unwrap_or_default();
        Ok(Report { rule: self.rule.clone(), number, cases, micros: started.elapsed().as_micros() as u64 })
    }

    /// The engine's side, up to the last clock.
    pub fn play(&self, rules: RuleSet) -> Result<Played, CaseError> {
        let played = play(rules, &self.recording, self.clocks().last().copied().unwrap_or(i64::MIN));
        match played.quarantined.first() {
            Some(bad) => Err(self.refused(bad)),
            None => Ok(played),
        }
    }

    /// Short names of a case.
    pub fn names(&self, number: usize) -> &Names {
        &self.built[number].names
    }

    /// How one expectation fails; empty if it does not.
    fn differences(
        &self,
        number: usize,
        expect: &Expect,
        (since, clock): (i64, i64),
        played: &Played,
        batch: &[Found],
    ) -> Result<Vec<String>, CaseError> {
        let case = &self.file.case[number];
        let mut lines = Vec::new();
        if expect.alerts.is_none() && expect.transitions.is_none() && expect.pending.is_none() {
            return Err(self.file.error(case, "expect: it says nothing; give alerts, or run with --update"));
        }
        if expect.alerts.is_some() {
            let engine = self.engine_alerts(number, clock, played);
            lines.extend(alert_lines(case, expect, &engine, batch));
        }
        if let Some(wanted) = &expect.transitions {
            let asked: Vec<Asked<'_>> = wanted.get_ref().iter().map(Asked::from).collect();
            let found = self.transitions(number, (since, clock), played);
            let matched = matched(&asked, &found);
            lines.extend(
                matched.missing.iter().map(|at| format!("transition {}: wanted, not said", asked[*at].words())),
            );
            lines.extend(
                matched.extra.iter().map(|at| format!("transition {}: said, not wanted", found[*at].words(true))),
            );
        }
        if let Some(wanted) = &expect.pending {
            let mut wanted: Vec<&str> = wanted.get_ref().iter().map(String::as_str).collect();
            wanted.sort_unstable();
            let found = self.pending(number, clock, played)?;
            if found != wanted {
                lines.push(format!("pending: want {wanted:?}, found {found:?}"));
            }
        }
        Ok(lines)
    }

    /// The engine's alerts of a case that stand at the clock.
    pub fn engine_alerts<'a>(&self, number: usize, clock: i64, played: &'a Played) -> Vec<(Found, &'a Said)> {
        let standing = played.standing(clock).into_iter().filter(|said| self.is_own(number, said));
        let mut found: Vec<(Found, &Said)> = standing
            .map(|said| (Found { status: String::new(), reason: None, ..self.found(number, said) }, said))
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }

    /// What was said of a case after one clock and up to another.
    fn transitions(&self, number: usize, (since, clock): (i64, i64), played: &Played) -> Vec<Found> {
        let between = played.log.iter().filter(|said| since < said.at && said.at <= clock);
        between.filter(|said| self.is_own(number, said)).map(|said| self.found(number, said)).collect()
    }

    /// Keys of a case that lie ahead.
    fn pending(&self, number: usize, clock: i64, played: &Played) -> Result<Vec<String>, CaseError> {
        let failed = |message| CaseError::Rule { rule: self.rule.clone(), message };
        let ahead = played.ahead(&self.rule, clock).map_err(failed)?;
        let own = ahead.into_iter().filter(|row| self.built[number].names.has(&row.person));
        let mut keys: Vec<String> = own.map(|row| row.alert_key).collect();
        keys.sort();
        keys.dedup();
        Ok(keys)
    }

    fn is_own(&self, number: usize, said: &Said) -> bool {
        said.alert.rule_id == self.rule && self.built[number].names.has(&said.person)
    }

    fn found(&self, number: usize, said: &Said) -> Found {
        let names = &self.built[number].names;
        Found {
            key: said.alert.alert_key.clone(),
            severity: said.alert.severity.name().to_owned(),
            permit: names.subject(&said.alert.subject),
            person: names.person(&said.person),
            status: said.alert.status.name().to_owned(),
            reason: said.alert.reason.clone(),
        }
    }

    /// A record that the engine set aside: a case means what it says, or it is wrong.
    fn refused(&self, bad: &Quarantined) -> CaseError {
        let record = self.recording.at(bad.coordinates.feed, bad.coordinates.offset);
        let owner = record.and_then(|record| self.built.iter().position(|built| built.records.contains(record)));
        let message = format!("{}: {}", bad.reason.name(), bad.detail);
        match (record, owner) {
            (Some(record), Some(owner)) => {
                let place = format!(
                    "{} record \"{}\" known {}",
                    record.table.name(),
                    record.record_key,
                    format_micros(record.known_time.0)
                );
                self.file.error(&self.file.case[owner], &format!("{place} is refused, {message}"))
            }
            _ => CaseError::Rule { rule: self.rule.clone(), message },
        }
    }
}

/// How the alerts of one expectation differ; empty if they do not.
fn alert_lines(case: &Case, expect: &Expect, engine: &[(Found, &Said)], batch: &[Found]) -> Vec<String> {
    let asked: Vec<Asked<'_>> = expect.wanted().iter().map(Asked::from).collect();
    let engine_found: Vec<Found> = engine.iter().map(|(found, _)| found.clone()).collect();
    let (in_engine, in_batch) = (matched(&asked, &engine_found), matched(&asked, batch));
    let whole = case.record.iter().any(|line| line.person.is_some())
        || asked.iter().any(|asked| asked.permit.is_some() || asked.person.is_some());
    let mut lines = Vec::new();
    for (at, asked) in asked.iter().enumerate() {
        let place = match (in_engine.missing.contains(&at), in_batch.missing.contains(&at)) {
            (true, true) => "wanted, found by neither engine nor batch",
            (true, false) => "wanted, found by batch, not by the engine",
            (false, true) => "wanted, found by the engine, not by batch",
            (false, false) => continue,
        };
        lines.push(format!("{}: {place}", asked.words()));
    }
    let extra = |matched: &Matched, found: &[Found]| -> Vec<Found> {
        matched.extra.iter().map(|at| found[*at].clone()).collect()
    };
    let (engine_extra, mut batch_extra) = (extra(&in_engine, &engine_found), extra(&in_batch, batch));
    for found in engine_extra {
        let shared = batch_extra.iter().position(|other| *other == found);
        let place = match shared.map(|at| batch_extra.remove(at)) {
            Some(_) => "found by engine and batch, not wanted",
            None => "found by the engine, not by batch, not wanted",
        };
        lines.push(format!("{}: {place}", found.words(whole)));
    }
    let only_batch = batch_extra.iter();
    lines.extend(
        only_batch.map(|found| format!("{}: found by batch, not by the engine, not wanted", found.words(whole))),
    );
    for (at, other) in in_engine.pairs {
        let differs = evidence_differs(&expect.wanted()[at].evidence, &engine[other].1.alert.evidence);
        lines.extend(differs.into_iter().map(|words| format!("{}: evidence {words}", asked[at].words())));
    }
    lines
}

/// The catalogue with one rule and the views that it needs: what else is in the directory costs nothing.
fn only(catalogue: &Catalogue, rule: &str) -> Result<Catalogue, CaseError> {
    let known = || catalogue.rules.iter().map(|rule| rule.header.id.as_str()).collect::<Vec<_>>().join(", ");
    let file = catalogue.rule(rule).ok_or_else(|| CaseError::NoRule { rule: rule.to_owned(), known: known() })?;
    let mut out = catalogue.clone();
    out.rules.retain(|other| other.header.id == rule);
    let mut texts = vec![file.sql.clone(), catalogue.standing.clone()];
    let mut views: Vec<&str> = Vec::new();
    while let Some(text) = texts.pop() {
        let names: Vec<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        for view in &catalogue.views {
            if names.contains(&view.name.as_str()) && !views.contains(&view.name.as_str()) {
                views.push(&view.name);
                texts.push(view.sql.clone());
            }
        }
    }
    out.views.retain(|view| views.contains(&view.name.as_str()));
    Ok(out)
}
