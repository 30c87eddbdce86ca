//! Reports everything that is wrong in a rules directory at once.
//!
//! Planning stops at the first rule or view that it refuses. `check` notes that one, leaves it out, and plans the rest again, until
//! all of it can be planned. Errors that only follow from a refused view are not reported.
//!
//! `diagnostic` and `locate` turn errors into lines with a caret; `coverage` compares the permit classes with the rules,
//! `reference` writes a description of each rule.

pub mod coverage;
pub mod diagnostic;
pub mod functions;
pub mod locate;
pub mod reference;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

use crate::catalogue::exceptions::Exception;
use crate::catalogue::file::RuleFile;
use crate::catalogue::refused::Refused;
use crate::catalogue::rewritten::byte_at;
use crate::catalogue::{Catalogue, CatalogueError};
use crate::proofs::evidence_words;
use crate::rules::RuleSet;
use crate::rules::plan::PlanError;
use crate::tools::check::coverage::Coverage;
use crate::tools::check::diagnostic::Problem;
use crate::tools::check::locate::Locator;

/// The result of an examination.
pub struct Examined {
    /// The catalogue without what could not be read and what was refused.
    pub catalogue: Option<Catalogue>,
    /// The rules that passed, planned.
    pub rules: Option<RuleSet>,
    /// By rule id: the fingerprints within the whole directory, as alerts carry them.
    pub fingerprints: BTreeMap<String, String>,
    /// Sorted by file and line.
    pub problems: Vec<Problem>,
    pub coverage: Option<Coverage>,
}

/// Reads, checks and plans the directory. `only` are the rules to examine, by id or number; if empty, all rules are examined, and
/// whether every permit class has a rule.
pub fn examine(dir: &Path, set: &BTreeMap<String, i64>, only: &[String]) -> Examined {
    examine_with(dir, set, only, &[])
}

/// As `examine`, with the exceptions from safeguards that a configuration makes.
pub fn examine_with(dir: &Path, set: &BTreeMap<String, i64>, only: &[String], exceptions: &[Exception]) -> Examined {
    let (catalogue, errors) = Catalogue::load_all(dir, set, exceptions);
    let locator = Locator::new(dir, catalogue.as_ref());
    let mut problems: Vec<Problem> = errors.iter().map(|error| locator.of_catalogue(error)).collect();
    let Some(mut catalogue) = catalogue else {
        return Examined { catalogue: None, rules: None, fingerprints: BTreeMap::new(), problems, coverage: None };
    };
    let coverage = Coverage::load(dir).map_err(|problem| problems.push(problem)).ok();
    if let Some(coverage) = &coverage {
        problems.extend(coverage.unknown(dir, &catalogue));
        // A rule that cannot be read may be the only one of its class.
        if only.is_empty() && errors.is_empty() {
            problems.extend(coverage.check(dir, &catalogue));
        }
    }
    // Before anything is removed: other rules' views and links are part of a rule's fingerprint.
    let named = |rule: &RuleFile| (rule.header.id.clone(), catalogue.fingerprint(rule));
    let fingerprints = catalogue.rules.iter().map(named).collect();
    if !only.is_empty() {
        // A rule that cannot be read has no number.
        let id = |name: &String| catalogue.named(name).map_or_else(|_| name.clone(), |rule| rule.header.id.clone());
        let only: Vec<String> = only.iter().map(id).collect();
        // Keep also what they need.
        catalogue.retain(&only.iter().map(String::as_str).collect::<Vec<_>>());
        problems.retain(|problem| {
            !problem.file.ends_with(".sql")
                || problem.file.contains('/')
                || only.iter().any(|id| problem.file == format!("{id}.sql"))
        });
    }
    let rules = plan(&mut catalogue, &locator, &mut problems);
    // Words come last: a rule that has another problem is not asked for them.
    let is_sound = |refused: &Refused| problems.iter().all(|problem| problem.file != format!("{}.sql", refused.name));
    let lacking: Vec<Refused> = evidence_words::check(&catalogue).into_iter().filter(is_sound).collect();
    problems
        .extend(lacking.into_iter().map(|refused| locator.of_catalogue(&CatalogueError::Refused(Box::new(refused)))));
    problems.sort_by(|a, b| (&a.file, a.line, a.column, &a.message).cmp(&(&b.file, b.line, b.column, &b.message)));
    problems.dedup();
    Examined { catalogue: Some(catalogue), rules, fingerprints, problems, coverage }
}

fn plan(catalogue: &mut Catalogue, locator: &Locator<'_>, problems: &mut Vec<Problem>) -> Option<RuleSet> {
    let mut refused_views: Vec<String> = Vec::new();
    let mut blanked: BTreeSet<String> = BTreeSet::new();
    loop {
        let error = match RuleSet::plan(catalogue) {
            Ok(rules) => return Some(rules),
            Err(error) => error,
        };
        let follows = |problem: &Problem| {
            refused_views.iter().any(|view| problem.message == format!("there is no table or view {view}"))
        };
        let of_text = match &error {
            PlanError::Check { name, .. } | PlanError::Sql { name, .. } => blanked.contains(name),
            _ => false,
        };
        // Other errors in a text with blanked columns may only follow from the blanks, and so may errors under a star.
        let sure =
            |problem: &Problem| !of_text || (problem.message.starts_with("there is no ") && !problem.is_under_star());
        problems.extend(locator.of_plan(&error).into_iter().filter(|problem| !follows(problem) && sure(problem)));
        let (PlanError::Check { what, name, .. } | PlanError::Sql { what, name, .. }) = &error else { return None };
        if let PlanError::Sql { source, .. } = &error
            && let Some(text) = text_of(catalogue, what, name)
            && blank_column(text, source)
        {
            blanked.insert(name.clone());
            continue;
        }
        let left = (catalogue.rules.len(), catalogue.views.len(), catalogue.links.len());
        match *what {
            "rule" => catalogue.rules.retain(|rule| rule.header.id != *name),
            "link" => catalogue.links.retain(|link| link.table.name() != name),
            _ => {
                catalogue.views.retain(|view| view.name != *name);
                refused_views.push(name.clone());
            }
        }
        if left == (catalogue.rules.len(), catalogue.views.len(), catalogue.links.len()) {
            return None;
        }
        if ["cancellers", "corroborations"].contains(&name.as_str()) {
            // Nothing can be planned without them.
            return None;
        }
    }
}

fn text_of<'a>(catalogue: &'a mut Catalogue, what: &str, name: &str) -> Option<&'a mut String> {
    if what == "rule" {
        return catalogue.rules.iter_mut().find(|rule| rule.header.id == name).map(|rule| &mut rule.sql);
    }
    catalogue.views.iter_mut().find(|view| view.name == name).map(|view| &mut view.sql)
}

/// Puts NULL in place of an unknown column, so that planning can find the next one. Every other character keeps its place.
fn blank_column(text: &mut String, error: &DataFusionError) -> bool {
    let mut error = error;
    loop {
        error = match error {
            DataFusionError::Diagnostic(_, inner) | DataFusionError::Context(_, inner) => inner,
            DataFusionError::Shared(inner) => inner,
            DataFusionError::Collection(errors) if !errors.is_empty() => &errors[0],
            _ => break,
        };
    }
    let DataFusionError::SchemaError(error, _) = error else { return false };
    let SchemaError::FieldNotFound { field, .. } = error.as_ref() else { return false };
    let Some(span) = field.spans.first() else { return false };
    let [from, to] = [span.start, span.end].map(|at| byte_at(text, at.line, at.column));
    if span.start.line != span.end.line || to < from + 4 || !text[from..to].is_ascii() {
        return false;
    }
    let blank = format!("{:1$}", "NULL", to - from);
    text.replace_range(from..to, &blank);
    true
}
