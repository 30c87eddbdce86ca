//! Parses `queries/tests/<rule id>.toml`; the README beside those files describes the form.
//!
//! Nothing here knows what a record is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Table;

use crate::catalogue::text_of;
use crate::model::time::parse_time;
use crate::tools::cases::CaseError;

/// A rule's cases as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// The file's path, for messages.
    #[serde(skip)]
    pub path: PathBuf,
    #[serde(default)]
    pub defaults: BTreeMap<String, Table>,
    /// Records that are added to every case.
    #[serde(default)]
    pub record: Vec<Line>,
    pub case: Vec<Case>,
    /// Mutants that are equivalent to the rule.
    #[serde(default)]
    pub equivalent: Vec<Equivalent>,
}

/// One or a few persons: the records, and what must follow from them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    #[serde(default)]
    pub record: Vec<Line>,
    pub expect: Vec<Expect>,
}

/// What must hold at a clock.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    pub at: String,
    /// All alerts that stand. Absent only until `--update` has filled it in.
    pub alerts: Option<Vec<Wanted>>,
    /// All transitions since the case's previous expectation.
    pub transitions: Option<Vec<WantedTransition>>,
    /// Keys of all rows that lie ahead.
    pub pending: Option<Vec<String>>,
}

/// An alert that must stand. A member that is left out may be anything.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    pub key: String,
    pub severity: String,
    /// The time from which its row holds.
    pub alert_at: Option<String>,
    /// Short name of the alert's permit, or of its other subject.
    pub permit: Option<String>,
    /// Short name of the alert's person; `self` is the main one.
    pub person: Option<String>,
    /// Evidence columns and their values; the alert may have others.
    #[serde(default)]
    pub evidence: Table,
}

/// A transition that must have happened.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedTransition {
    pub key: String,
    pub status: String,
    pub severity: Option<String>,
    pub reason: Option<String>,
    pub permit: Option<String>,
    pub person: Option<String>,
}

/// A record, or several similar ones.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    pub table: String,
    pub person: Option<String>,
    pub key: Option<String>,
    pub known: Option<String>,
    #[serde(default)]
    pub set: Table,
    pub op: Option<String>,
    pub version: Option<i64>,
    pub source: Option<String>,
    /// What the record was disclosed for; permit_control without it.
    pub purpose: Option<String>,
    pub event: Option<String>,
    pub repeat: Option<Repeat>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    pub months: Option<i32>,
    pub amounts_sek: Option<Vec<i64>>,
}

/// Mutants that no case can catch, and why.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Equivalent {
    pub mutant: OneOrMore,
    pub because: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    pub fn names(&self) -> &[String] {
        match self {
            OneOrMore::One(name) => std::slice::from_ref(name),
            OneOrMore::More(names) => names,
        }
    }
}

impl CaseFile {
    /// Reads the cases of a rule from `dir`, the rules' directory `tests`.
    pub fn read(dir: &Path, rule: &str) -> Result<CaseFile, CaseError> {
        let path = dir.join(format!("{rule}.toml"));
        let failed =
            |source| CaseError::Read { file: path.display().to_string(), dir: dir.display().to_string(), source };
        let text = text_of(&path).map_err(failed)?;
        Self::parse(&path, &text)
    }

    pub fn parse(path: &Path, text: &str) -> Result<CaseFile, CaseError> {
        let file = || path.display().to_string();
        let mut cases: CaseFile =
            toml::from_str(text).map_err(|source| CaseError::Form { file: file(), source: Box::new(source) })?;
        cases.path = path.to_owned();
        for (at, case) in cases.case.iter().enumerate() {
            if cases.case[..at].iter().any(|other| other.name == case.name) {
                return Err(cases.error(case, "name: an earlier case has it"));
            }
            if case.expect.is_empty() {
                return Err(cases.error(case, "expect: it expects nothing"));
            }
            for expect in &case.expect {
                expect
                    .clock()
                    .ok_or_else(|| cases.error(case, &format!("expect.at: \"{}\" is no date or time", expect.at)))?;
                let is_none = |text: &&String| instant(text).is_none();
                if let Some(text) = expect.wanted().iter().filter_map(|wanted| wanted.alert_at.as_ref()).find(is_none) {
                    return Err(cases.error(case, &format!("expect.alerts.alert_at: \"{text}\" is no date or time")));
                }
            }
        }
        Ok(cases)
    }

    /// An error in one case.
    pub fn error(&self, case: &Case, message: &str) -> CaseError {
        CaseError::Case { file: self.path.display().to_string(), case: case.name.clone(), message: message.to_owned() }
    }
}

impl Expect {
    /// The clock in microseconds; checked when the file is read.
    pub fn clock(&self) -> Option<i64> {
        instant(&self.at)
    }

    /// Whether it says nothing yet.
    pub fn is_empty(&self) -> bool {
        self.alerts.is_none() && self.transitions.is_none() && self.pending.is_none()
    }

    /// The alerts that must stand.
    pub fn wanted(&self) -> &[Wanted] {
        self.alerts.as_deref().unwrap_or_default()
    }
}

/// Parses a date, or `YYYY-MM-DD HH:MM:SS` in UTC.
pub fn instant(text: &str) -> Option<i64> {
    if text.len() == 19 { parse_time(&format!("{}Z", text.replace(' ', "T"))) } else { parse_time(text) }
}
