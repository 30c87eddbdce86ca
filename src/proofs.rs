//! What a text of `queries/` may not do, proved before anything runs.
//!
//! Proofs on the texts: `gateways` (whose findings may be used), `finding_words` (what findings show), `neutral_words` (that no word
//! judges), `code_lists` (words that a column never holds), `text` (what the plan no longer shows); `evidence_words` (words for readers) is
//! asked for by `check` alone.
//! Proofs on the logical plans: `isolation` (units never mix, only listed tables are read) with `tags`, `columns` (the output of a
//! rule), `values` and `dates` (arithmetic that a rule should not use), `alike` (what engines read differently), `sets` (rows of
//! different types under one another), `nulls`, `frames` (windows that fail when they run), `size` (expressions that multiply). `lawful` has the safeguards, judged by where the data of a plan flows.
//! `refusal` has the wording of their findings. `approved` asks who has reviewed the texts that are not the program's own.

mod alike;
pub mod approved;
pub mod code_lists;
pub mod columns;
pub mod dates;
pub mod duckdb;
pub mod evidence_words;
pub mod finding_words;
pub mod frames;
pub mod gateways;
pub mod isolation;
pub mod keys;
pub mod lawful;
pub mod neutral_words;
pub mod nulls;
mod order;
pub mod own;
pub mod refusal;
pub mod sets;
pub mod size;
pub mod tags;
pub mod text;
pub mod values;

use std::collections::BTreeMap;
use std::path::Path;

use crate::catalogue::exceptions::Exception;
use crate::catalogue::refused::Refused;
use crate::catalogue::{Catalogue, CatalogueError};
use crate::proofs::lawful::exceptions::fingerprint;

/// Reads a directory and proves what its texts alone can show.
impl Catalogue {
    /// Reads `dir`; `set` holds parameter values by `rule-id.parameter`. Refuses rules that read data without a gateway for it.
    pub fn load(dir: &Path, set: &BTreeMap<String, i64>) -> Result<Catalogue, CatalogueError> {
        Self::load_with(dir, set, &[])
    }

    /// As `load`, with the exceptions from safeguards that a configuration makes.
    pub fn load_with(
        dir: &Path,
        set: &BTreeMap<String, i64>,
        exceptions: &[Exception],
    ) -> Result<Catalogue, CatalogueError> {
        let (catalogue, mut errors) = Self::load_all(dir, set, exceptions);
        match catalogue {
            Some(catalogue) if errors.is_empty() => Ok(catalogue),
            _ if errors.is_empty() => Err(CatalogueError::Empty { dir: dir.display().to_string() }),
            _ => Err(errors.swap_remove(0)),
        }
    }

    /// As `load`, but without the checks of texts (gateways, sensitive columns, findings, code lists): for cases, whose data are made up.
    /// `check` has them.
    pub fn load_for_cases(dir: &Path) -> Result<Catalogue, CatalogueError> {
        let mut errors = Vec::new();
        let catalogue = Self::read_directory(dir, &BTreeMap::new(), &mut errors)?;
        if errors.is_empty() { Ok(Catalogue { is_made_up: true, ..catalogue }) } else { Err(errors.swap_remove(0)) }
    }

    /// As `load`, but returns every error in any file, and the catalogue of what could be read all the same. No catalogue if not
    /// even the fixed files can be read.
    pub fn load_all(
        dir: &Path,
        set: &BTreeMap<String, i64>,
        exceptions: &[Exception],
    ) -> (Option<Catalogue>, Vec<CatalogueError>) {
        let mut errors = Vec::new();
        let mut catalogue = Self::read_directory(dir, set, &mut errors).map_err(|error| errors.push(error)).ok();
        if let Some(catalogue) = &mut catalogue {
            // Now, since texts that are not needed may be left out later.
            let dated = |of: &Exception| Exception { now: fingerprint(catalogue, &of.text), ..of.clone() };
            catalogue.exceptions = exceptions.iter().map(dated).collect();
            errors.extend(catalogue.lint().into_iter().map(|refused| CatalogueError::Refused(Box::new(refused))));
        }
        (catalogue, errors)
    }

    /// Errors that the texts alone show: data without a gateway, misuse of sensitive columns, unknown names.
    pub fn lint(&self) -> Vec<Refused> {
        let mut refused = gateways::check(self);
        if !self.is_made_up {
            refused.extend(lawful::fixed::check(self));
        }
        refused.extend(finding_words::check(self));
        refused.extend(neutral_words::check(self));
        refused.extend(code_lists::check(self));
        refused
    }
}
