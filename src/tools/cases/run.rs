//! Runs a rule's cases on both sides and collects what was found at every expectation.

use std::time::{Duration, Instant};

use serde_json::{Map, Value as Json};

use crate::model::record::{Quarantined, Record};
use crate::model::time::{KnownTime, format_micros, parse_instant};
use crate::rules::RuleSet;
use crate::tools::cases::CaseError;
use crate::tools::cases::batch::{self, Standing};
use crate::tools::cases::build::MAIN;
use crate::tools::cases::compare::{Found, Seen};
use crate::tools::cases::engine::{Played, Said, play};
use crate::tools::cases::file::Expect;
use crate::tools::cases::parallel::in_parallel;
use crate::tools::cases::rule_cases::RuleCases;
use crate::tools::cases::verdict::differences;

/// The result of running the cases.
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
    /// Records of the case that no rule sees, and why.
    pub unseen: Vec<String>,
    pub failures: Vec<Failure>,
}

/// An expectation that was not met.
#[derive(Clone, Debug)]
pub struct Failure {
    pub clock: i64,
    pub lines: Vec<String>,
}

/// Runs the cases of all rules in the engine and as a batch query. Without `strict`, an expectation may be empty.
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
    // The rules run together: each gets an equal share of the time.
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

    /// Number of expectations that were also compared with what stands without the records before the rule's horizon.
    pub fn without_old(&self) -> usize {
        self.cases.iter().flat_map(|case| &case.seen).filter(|seen| seen.recent.is_some()).count()
    }

    pub fn failed(&self) -> usize {
        self.cases.iter().map(|case| case.failures.len()).sum()
    }
}

impl RuleCases {
    /// An expectation without any demand is allowed only until it is filled in.
    fn check_silent(&self) -> Result<(), CaseError> {
        match self.file.case.iter().find(|case| case.expect.iter().any(Expect::is_empty)) {
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

    /// Everything that was found at every expectation of every case. Without a result of the batch query, the engine's counts as
    /// its.
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

    /// Plays the engine's side up to the last clock.
    pub fn play(&self, rules: RuleSet) -> Result<Played, CaseError> {
        let played = play(rules, &self.recording, self.until());
        if let Some(bad) = played.quarantined.first() {
            return Err(self.refused(bad));
        }
        let failed = |message| CaseError::Rule { rule: self.rule.clone(), message };
        if let Some(row) = played.overdue(&self.rule, KnownTime(self.until())).map_err(failed)?.first() {
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
                let alert_at = parse_instant(&said.alert.alert_at);
                let found = Found { status: String::new(), reason: None, alert_at, ..self.found(number, said) };
                (found, said.alert.evidence.clone())
            })
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }

    /// Keys of a case's rows that lie ahead.
    fn pending(&self, number: usize, clock: i64, played: &Played) -> Result<Vec<String>, CaseError> {
        let failed = |message| CaseError::Rule { rule: self.rule.clone(), message };
        let ahead = played.ahead(&self.rule, KnownTime(clock)).map_err(failed)?;
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

    /// A record, as messages name it.
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
            alert_at: None,
        }
    }

    /// The error for a record that the engine has quarantined: a case must contain valid records.
    fn refused(&self, bad: &Quarantined) -> CaseError {
        let record = self.recording.at(bad.coordinates.feed, bad.coordinates.offset);
        let owner = record.and_then(|record| self.built.iter().position(|built| built.records.contains(record)));
        let message = bad.detail.clone();
        match (record, owner) {
            (Some(record), Some(owner)) => {
                let place = self.place(owner, record);
                self.file.error(&self.file.case[owner], &format!("{place} is refused, {message}"))
            }
            _ => CaseError::Rule { rule: self.rule.clone(), message },
        }
    }
}
