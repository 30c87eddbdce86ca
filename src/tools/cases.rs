//! The rules' own tests: cases in `queries/tests/<rule id>.toml`, run through the engine and as a batch query.
//!
//! - `file` parses them, `build` makes records of them, `recording` gives the records to each side.
//! - `engine` plays them through a shard in strict order, `batch` runs the plain query.
//! - `run` collects what was found at each expectation, `compare` pairs it with what is expected, `verdict` words the differences.
//! - `mutants` checks whether the cases notice a changed rule.
//! - `update` fills expectations in and replaces what a person lets it (`list` changes a list in its layout), `junit` a report for build servers.
//!
//! All cases of a file are in one shard and in one set of tables, as persons who have nothing to do with each other.

use thiserror::Error;

use crate::catalogue::CatalogueError;
use crate::oracle::BatchError;
use crate::rules::plan::PlanError;

mod batch;
mod build;
mod compare;
mod engine;
mod file;
mod junit;
mod list;
mod mutants;
mod parallel;
mod recording;
mod rule_cases;
mod run;
mod update;
mod verdict;

pub use build::{Built, MAIN, Names};
pub use compare::{Found, Seen, clock};
pub use file::{Case, CaseFile, Expect, Wanted, WantedTransition};
pub use junit::junit;
pub use mutants::{Fate, Mutant, Mutants, mutants};
pub use parallel::in_parallel;
pub use recording::Recording;
pub use rule_cases::RuleCases;
pub use run::{CaseReport, Failure, Report, run};
pub use update::{Contradiction, Update};

/// Why cases cannot be run at all.
#[derive(Debug, Error)]
pub enum CaseError {
    #[error("cannot read {file}; every rule has its cases there: {dir}/README.md shows a first one")]
    Read { file: String, dir: String, source: std::io::Error },
    #[error("{file}")]
    Form { file: String, source: Box<toml::de::Error> },
    #[error("{file}, case \"{case}\": {message}")]
    Case { file: String, case: String, message: String },
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Batch(#[from] BatchError),
    #[error("cannot start the batch query: {0}")]
    Runtime(std::io::Error),
    #[error("{count} of its cases fail without any change: mend them first (`permitwatch test {rule}`)\n{lines}")]
    Fails { rule: String, count: usize, lines: String },
    #[error("rule \"{rule}\" failed on a case: {message}")]
    Rule { rule: String, message: String },
}
