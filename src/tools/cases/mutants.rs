//! Mutation tests: do a rule's own cases notice when the rule is changed?
//!
//! Each mutant is the rule's SELECT with one change (`change`), printed from its syntax tree. Only the mutant is planned, and plays
//! the rule's cases in the engine; it is caught if an expectation fails. Mutants that the check of rules refuses could never run
//! and are not counted. A mutant that no case can distinguish from the rule is listed in the case file under `[[equivalent]]`, with
//! the reason.

use std::panic::{AssertUnwindSafe, catch_unwind};

use datafusion::sql::parser::{DFParser, Statement as Parsed};
use datafusion::sql::sqlparser::ast::Statement;

use crate::rules::RuleSet;
use crate::tools::cases::CaseError;
use crate::tools::cases::compare::Seen;
use crate::tools::cases::engine::Played;
use crate::tools::cases::mutants::change::{Change, changed, changes};
use crate::tools::cases::parallel::in_parallel;
use crate::tools::cases::rule_cases::RuleCases;
use crate::tools::cases::verdict::differences;

mod change;
mod shown;

/// The outcome for a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A case fails.
    Caught,
    /// The check of rules refuses it.
    Refused,
    /// Every case passes; these evidence columns differ.
    Survived { evidence: Vec<String> },
    /// Every case passes, and no case could fail.
    Equivalent { because: String },
}

#[derive(Clone, Debug)]
pub struct Mutant {
    pub name: String,
    /// Line of the rule's SELECT, from 1; 0 if not known.
    pub line: u64,
    pub fate: Fate,
}

/// A rule's mutants.
#[derive(Clone, Debug, Default)]
pub struct Mutants {
    pub mutants: Vec<Mutant>,
    /// `[[equivalent]]` entries that name no mutant, or one that a case catches.
    pub stale: Vec<String>,
}

impl Mutants {
    pub fn count(&self, fate: impl Fn(&Fate) -> bool) -> usize {
        self.mutants.iter().filter(|mutant| fate(&mutant.fate)).count()
    }

    pub fn caught(&self) -> usize {
        self.count(|fate| *fate == Fate::Caught)
    }

    pub fn survived(&self) -> usize {
        self.count(|fate| matches!(fate, Fate::Survived { .. }))
    }

    /// Share of mutants that a case catches, in per cent, among those that are caught or survive.
    pub fn rate_pct(&self) -> f64 {
        let (caught, survived) = (self.caught() as f64, self.survived() as f64);
        if caught + survived == 0.0 { 100.0 } else { 100.0 * caught / (caught + survived) }
    }
}

/// Makes and runs every mutant of a rule, on all cores.
pub fn mutants(cases: &RuleCases) -> Result<Mutants, CaseError> {
    let failed = |message: String| CaseError::Rule { rule: cases.rule.clone(), message };
    let rule = cases.catalogue.rule(&cases.rule).ok_or_else(|| failed("it is not in the catalogue".into()))?;
    let statement = parse(&rule.sql).map_err(failed)?;
    let subject = rule.header.subject_column();
    let decisive = [
        "person_id",
        subject,
        "alert_key",
        "alert_at",
        "due_at",
        "cleared_at",
        "cleared_reason",
        "anchor_at",
        "severity",
    ];
    sound(cases)?;
    let before = match attempt(cases, &statement) {
        Attempt::Played(seen) if misses(cases, &seen) => {
            return Err(failed("its cases fail with its text as printed from the syntax tree".into()));
        }
        Attempt::Played(seen) => seen,
        Attempt::Refused => return Err(failed("its text as printed from the syntax tree does not plan".into())),
        Attempt::Broke => return Err(failed("its text as printed from the syntax tree fails on a case".into())),
    };
    let changes = changes(&statement, &decisive);
    let mut out = Mutants {
        mutants: in_parallel(&changes, |change| mutant(cases, &statement, change, &before)),
        stale: Vec::new(),
    };
    for equivalent in &cases.file.equivalent {
        for name in equivalent.mutant.names() {
            match out.mutants.iter_mut().find(|mutant| mutant.name == *name) {
                Some(mutant) if matches!(mutant.fate, Fate::Survived { .. }) => {
                    mutant.fate = Fate::Equivalent { because: equivalent.because.clone() };
                }
                Some(_) => out.stale.push(format!("{name}: it is caught or refused")),
                None => out.stale.push(format!("{name}: there is no such mutant")),
            }
        }
    }
    Ok(out)
}

fn parse(sql: &str) -> Result<Statement, String> {
    let parsed = DFParser::parse_sql(sql).map_err(|error| error.strip_backtrace())?;
    match parsed.into_iter().next() {
        Some(Parsed::Statement(statement)) => Ok(*statement),
        _ => Err("it is no SELECT".to_owned()),
    }
}

fn mutant(cases: &RuleCases, statement: &Statement, change: &Change, before: &[Vec<Seen>]) -> Mutant {
    let fate = match attempt(cases, &changed(statement, change)) {
        Attempt::Refused => Fate::Refused,
        Attempt::Broke => Fate::Caught,
        Attempt::Played(seen) if misses(cases, &seen) => Fate::Caught,
        Attempt::Played(seen) => Fate::Survived { evidence: other_evidence(before, &seen) },
    };
    Mutant { name: change.name.clone(), line: change.line, fate }
}

enum Attempt {
    Refused,
    /// The mutant failed while it ran.
    Broke,
    /// Everything that was found at every expectation of every case.
    Played(Vec<Vec<Seen>>),
}

fn attempt(cases: &RuleCases, statement: &Statement) -> Attempt {
    let mut catalogue = cases.catalogue.clone();
    for rule in catalogue.rules.iter_mut().filter(|rule| rule.header.id == cases.rule) {
        rule.sql = statement.to_string();
        // Run it for all permit classes: the text alone must exclude persons of other classes, as in a batch query.
        rule.header.permit_classes = vec!["*".to_owned()];
    }
    let Ok(rules) = RuleSet::plan(&catalogue) else { return Attempt::Refused };
    // The query engine may panic on a text that nobody would write.
    let played: Option<Played> = catch_unwind(AssertUnwindSafe(|| cases.play(rules))).ok().and_then(Result::ok);
    match played.map(|played| cases.see_all(&played, None)) {
        Some(Ok(seen)) => Attempt::Played(seen),
        _ => Attempt::Broke,
    }
}

/// Refuses cases that fail with the unchanged rule: every mutant would seem to be caught.
fn sound(cases: &RuleCases) -> Result<(), CaseError> {
    let seen = cases.see_all(&cases.play(RuleSet::plan(&cases.catalogue)?)?, None)?;
    let (mut count, mut lines) = (0, Vec::new());
    for (case, seen) in cases.file.case.iter().zip(&seen) {
        let all = case.expect.iter().zip(seen).map(|(expect, seen)| (expect, differences(case, expect, seen)));
        let wrong: Vec<_> = all.filter(|(_, differences)| !differences.is_empty()).collect();
        count += usize::from(!wrong.is_empty());
        for (expect, differences) in wrong {
            lines.push(format!("  case \"{}\", at {}", case.name, expect.at));
            lines.extend(differences.iter().map(|line| format!("      {line}")));
        }
    }
    if count == 0 {
        return Ok(());
    }
    Err(CaseError::Fails { rule: cases.rule.clone(), count, lines: lines.join("\n") })
}

/// Whether any case fails.
fn misses(cases: &RuleCases, seen: &[Vec<Seen>]) -> bool {
    cases.file.case.iter().zip(seen).any(|(case, seen)| {
        case.expect.iter().zip(seen).any(|(expect, seen)| !differences(case, expect, seen).is_empty())
    })
}

/// Evidence columns that differ anywhere.
fn other_evidence(before: &[Vec<Seen>], after: &[Vec<Seen>]) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for (before, after) in before.iter().flatten().zip(after.iter().flatten()) {
        for ((_, one), (_, other)) in before.engine.iter().zip(&after.engine) {
            columns.extend(
                one.iter().filter(|(name, value)| other.get(*name) != Some(value)).map(|(name, _)| name.clone()),
            );
        }
    }
    columns.sort();
    columns.dedup();
    columns
}
