//! Runs a rule's cases on both sides and says what was seen at every expectation.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Map, Value as Json};

use crate::cases::CaseError;
use crate::cases::batch::{self, Standing};
use crate::cases::build::{Built, MAIN, Names};
use crate::cases::compare::Found;
use crate::cases::engine::{Played, Said, play};
use crate::cases::file::{CaseFile, Expect};
use crate::cases::parallel::in_parallel;
use crate::cases::recording::Recording;
use crate::cases::verdict::differences;
use crate::record::{Quarantined, Record};
use crate::rules::{Catalogue, RuleSet, horizon};
use crate::schema::TableId;
use crate::time::{KnownTime, format_micros};

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
    /// One for each expectation.
    pub seen: Vec<Seen>,
    /// Its records that no rule sees, and why.
    pub unseen: Vec<String>,
    pub failures: Vec<Failure>,
}

/// What there was to see at an expectation's clock.
#[derive(Clone, Debug)]
pub struct Seen {
    pub clock: i64,
    /// What stands in the engine, with its evidence, and in the batch query.
    pub engine: Vec<(Found, Map<String, Json>)>,
    pub batch: Vec<Found>,
    /// What stands without the records before the rule's horizon, where there are any.
    pub recent: Option<Vec<Found>>,
    /// What the engine said since the case's previous expectation, and when.
    pub transitions: Vec<(i64, Found)>,
    /// Keys that lie ahead; only where the expectation asks.
    pub pending: Vec<String>,
}

/// An expectation that was not met.
#[derive(Clone, Debug)]
pub struct Failure {
    pub clock: i64,
    pub lines: Vec<String>,
}

/// Runs the cases of all rules in the engine and as a batch query. Without `strict`, an expectation may say nothing yet.
pub fn run(all: &[&RuleCases], strict: bool) -> Vec<Result<Report, CaseError>> {
    let played = in_parallel(all, |cases| -> Result<(Played, Duration), CaseError> {
        let started = Instant::now();
        if strict {
            cases.check_silent()?;
        }
        Ok((cases.play(RuleSet::plan(&cases.catalogue)?)?, started.elapsed()))
    });
    let started = Instant::now();
    let standing = batch::standing(all);
    // The rules are asked together: each has its share of the time.
    let share = started.elapsed() / all.len().max(1) as u32;
    let recent = in_parallel(all, |cases| batch::recent(cases));
    let mut out = Vec::new();
    for (((cases, played), standing), recent) in all.iter().zip(played).zip(standing).zip(recent) {
        out.push(played.and_then(|(played, elapsed)| {
            cases.report(&played, (standing?, recent?), (elapsed + share).as_micros() as u64)
        }));
    }
    out
}

impl Report {
    pub fn expectations(&self) -> usize {
        self.cases.iter().map(|case| case.seen.len()).sum()
    }

    /// Expectations that were also held against what stands without the records before the rule's horizon.
    pub fn without_old(&self) -> usize {
        self.cases.iter().flat_map(|case| &case.seen).filter(|seen| seen.recent.is_some()).count()
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
        Self::new(catalogue, rule, file)
    }

    /// The cases of a rule.
    pub fn new(catalogue: &Catalogue, rule: &str, file: CaseFile) -> Result<RuleCases, CaseError> {
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

    /// Short names of a case.
    pub fn names(&self, number: usize) -> &Names {
        &self.built[number].names
    }

    /// Up to when the rule sees records at a clock: with a cadence, up to the last midnight.
    pub fn seen_until(&self, clock: i64) -> i64 {
        let daily = self.catalogue.rule(&self.rule).is_some_and(|rule| rule.header.cadence.is_some());
        if daily { KnownTime(clock).day().instant() } else { clock }
    }

    /// How many months back the rule needs tables, where it says so.
    pub fn horizon(&self) -> impl Iterator<Item = (TableId, i32)> {
        let rule = self.catalogue.rule(&self.rule);
        rule.into_iter().flat_map(|rule| &rule.header.horizon).filter_map(|(table, duration)| {
            let months = i32::try_from(horizon::months(duration)?).ok()?;
            Some((TableId::from_name(table)?, months))
        })
    }

    /// The last clock that a case asks about.
    pub fn until(&self) -> i64 {
        let clocks = self.file.case.iter().flat_map(|case| case.expect.iter().filter_map(Expect::clock));
        clocks.max().unwrap_or(i64::MIN)
    }

    /// An expectation that asks for nothing is allowed only until it is filled in.
    fn check_silent(&self) -> Result<(), CaseError> {
        let is_silent =
            |expect: &Expect| expect.alerts.is_none() && expect.transitions.is_none() && expect.pending.is_none();
        match self.file.case.iter().find(|case| case.expect.iter().any(is_silent)) {
            Some(case) => Err(self.file.error(case, "expect: it says nothing; give alerts, or run with --update")),
            None => Ok(()),
        }
    }

    fn report(
        &self,
        played: &Played,
        (standing, mut recent): (Standing, Standing),
        micros: u64,
    ) -> Result<Report, CaseError> {
        let mut cases = Vec::new();
        for (number, (case, mut seen)) in self.file.case.iter().zip(self.see_all(played, Some(standing))?).enumerate() {
            for (at, seen) in seen.iter_mut().enumerate() {
                seen.recent = recent.remove(&(number, at));
            }
            let mut failures = Vec::new();
            for (expect, seen) in case.expect.iter().zip(&seen) {
                let lines = differences(case, expect, seen);
                if !lines.is_empty() {
                    failures.push(Failure { clock: seen.clock, lines });
                }
            }
            cases.push(CaseReport { name: case.name.clone(), seen, unseen: self.unseen(number, played), failures });
        }
        let number = self.catalogue.rule(&self.rule).map(|rule| rule.header.number.clone()).unwrap_or_default();
        Ok(Report { rule: self.rule.clone(), number, cases, micros })
    }

    /// What there is to see at every expectation of every case. Without a batch query's answer it is taken to be the engine's.
    pub fn see_all(&self, played: &Played, mut batch: Option<Standing>) -> Result<Vec<Vec<Seen>>, CaseError> {
        let mut out = Vec::new();
        for (number, case) in self.file.case.iter().enumerate() {
            let mut all = Vec::new();
            let mut since = i64::MIN;
            for (at, expect) in case.expect.iter().enumerate() {
                let clock = expect.clock().unwrap_or(since);
                let mut seen = self.see(number, expect, (since, clock), played)?;
                seen.batch = match &mut batch {
                    Some(batch) => batch.remove(&(number, at)).unwrap_or_default(),
                    None => seen.engine.iter().map(|(found, _)| found.clone()).collect(),
                };
                all.push(seen);
                since = clock;
            }
            out.push(all);
        }
        Ok(out)
    }

    /// The engine's side, up to the last clock.
    pub fn play(&self, rules: RuleSet) -> Result<Played, CaseError> {
        let played = play(rules, &self.recording, self.until());
        if let Some(bad) = played.quarantined.first() {
            return Err(self.refused(bad));
        }
        let failed = |message| CaseError::Rule { rule: self.rule.clone(), message };
        if let Some(row) = played.overdue(&self.rule, self.until()).map_err(failed)?.first() {
            let owner = (0..self.built.len()).find(|number| self.names(*number).has(&row.person));
            let message = format!("row \"{}\" has a due_at later than its alert_at", row.alert_key);
            return Err(match owner {
                Some(owner) => self.file.error(&self.file.case[owner], &message),
                None => failed(message),
            });
        }
        Ok(played)
    }

    fn see(
        &self,
        number: usize,
        expect: &Expect,
        (since, clock): (i64, i64),
        played: &Played,
    ) -> Result<Seen, CaseError> {
        let said = played.log.iter().filter(|said| since < said.at && said.at <= clock);
        let own = said.filter(|said| self.is_own(number, said));
        let mut transitions: Vec<(i64, Found)> = own.map(|said| (said.at, self.found(number, said))).collect();
        transitions.sort_by(|(a, one), (b, other)| (a, &one.key, &one.permit).cmp(&(b, &other.key, &other.permit)));
        Ok(Seen {
            clock,
            engine: self.standing(number, clock, played),
            batch: Vec::new(),
            recent: None,
            transitions,
            pending: if expect.pending.is_some() { self.pending(number, clock, played)? } else { Vec::new() },
        })
    }

    /// The engine's alerts of a case that stand at the clock, with their evidence.
    pub fn standing(&self, number: usize, clock: i64, played: &Played) -> Vec<(Found, Map<String, Json>)> {
        let own = played.standing(clock).into_iter().filter(|said| self.is_own(number, said));
        let mut found: Vec<(Found, Map<String, Json>)> = own
            .map(|said| {
                let found = Found { status: String::new(), reason: None, ..self.found(number, said) };
                (found, said.alert.evidence.clone())
            })
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }

    /// Keys of a case that lie ahead.
    fn pending(&self, number: usize, clock: i64, played: &Played) -> Result<Vec<String>, CaseError> {
        let failed = |message| CaseError::Rule { rule: self.rule.clone(), message };
        let ahead = played.ahead(&self.rule, clock).map_err(failed)?;
        let own = ahead.into_iter().filter(|row| self.names(number).has(&row.person));
        let mut keys: Vec<String> = own.map(|row| self.names(number).key(&row.alert_key)).collect();
        keys.sort();
        keys.dedup();
        Ok(keys)
    }

    /// Records of a case that no rule sees, in words.
    fn unseen(&self, number: usize, played: &Played) -> Vec<String> {
        let own = played.unseen.iter().filter_map(|(feed, offset, why)| {
            let record = self.recording.at(*feed, *offset)?;
            let is_own = self.names(number).has(&record.subject) && self.built[number].records.contains(record);
            is_own.then(|| format!("{}, {why}", self.place(number, record)))
        });
        own.collect()
    }

    /// A record as messages name it.
    fn place(&self, number: usize, record: &Record) -> String {
        let known = format_micros(record.known_time.0).replace('T', " ");
        let known = known.split('.').next().unwrap_or(&known).trim_end_matches(" 00:00:00");
        let person = if record.table.is_person() { self.names(number).person(&record.subject) } else { String::new() };
        let of = if person.is_empty() || person == MAIN { String::new() } else { format!(" of {person}") };
        format!("{} record \"{}\"{of} known {known}", record.table.name(), record.record_key)
    }

    fn is_own(&self, number: usize, said: &Said) -> bool {
        said.alert.rule_id == self.rule && self.names(number).has(&said.person)
    }

    fn found(&self, number: usize, said: &Said) -> Found {
        let names = self.names(number);
        Found {
            key: names.key(&said.alert.alert_key),
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
                let place = self.place(owner, record);
                self.file.error(&self.file.case[owner], &format!("{place} is refused, {message}"))
            }
            _ => CaseError::Rule { rule: self.rule.clone(), message },
        }
    }
}

/// The catalogue with one rule and what it needs: what else is in the directory costs nothing.
fn only(catalogue: &Catalogue, rule: &str) -> Result<Catalogue, CaseError> {
    let known = || catalogue.rules.iter().map(|rule| rule.header.id.as_str()).collect::<Vec<_>>().join(", ");
    catalogue.rule(rule).ok_or_else(|| CaseError::NoRule { rule: rule.to_owned(), known: known() })?;
    let mut out = catalogue.clone();
    out.retain(&[rule]);
    Ok(out)
}
