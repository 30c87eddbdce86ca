//! Everything that is wrong in a rules directory, at once.
//!
//! Planning stops at the first rule or view that it refuses. Here that one is noted and left out, and the rest planned
//! again, until it all holds. What only follows from a refused view is not told twice.

use std::collections::BTreeMap;
use std::path::Path;

use crate::rules::RuleSet;
use crate::rules::catalogue::Catalogue;
use crate::rules::coverage::Coverage;
use crate::rules::diagnostic::Problem;
use crate::rules::locate::Locator;
use crate::rules::plan::PlanError;

/// What an examination found.
pub struct Examined {
    /// What could be read; without what was refused.
    pub catalogue: Option<Catalogue>,
    /// The rules that hold, planned.
    pub rules: Option<RuleSet>,
    /// By file and line.
    pub problems: Vec<Problem>,
    pub coverage: Option<Coverage>,
}

/// Reads, checks and plans the directory. `only` are the rules to look at; all if empty, and then also whether every
/// permit class has a rule.
pub fn examine(dir: &Path, set: &BTreeMap<String, i64>, only: &[String]) -> Examined {
    let (catalogue, errors) = Catalogue::load_all(dir, set);
    let locator = Locator::new(dir, catalogue.as_ref());
    let mut problems: Vec<Problem> = errors.iter().map(|error| locator.of_catalogue(error)).collect();
    let Some(mut catalogue) = catalogue else {
        return Examined { catalogue: None, rules: None, problems, coverage: None };
    };
    let coverage = Coverage::load(dir).map_err(|problem| problems.push(problem)).ok();
    if let Some(coverage) = coverage.as_ref().filter(|_| only.is_empty()) {
        // A rule that cannot be read may be the only one of its class.
        let whole = errors.is_empty();
        problems
            .extend(coverage.check(dir, &catalogue).into_iter().filter(|problem| whole || problem.file != COVERAGE));
    }
    if !only.is_empty() {
        catalogue.rules.retain(|rule| only.contains(&rule.header.id));
        problems.retain(|problem| {
            !problem.file.ends_with(".sql")
                || problem.file.contains('/')
                || only.iter().any(|id| problem.file == format!("{id}.sql"))
        });
    }
    let rules = plan(&mut catalogue, &locator, &mut problems);
    problems.sort_by(|a, b| (&a.file, a.line, a.column, &a.message).cmp(&(&b.file, b.line, b.column, &b.message)));
    problems.dedup();
    Examined { catalogue: Some(catalogue), rules, problems, coverage }
}

const COVERAGE: &str = "coverage.toml";

fn plan(catalogue: &mut Catalogue, locator: &Locator<'_>, problems: &mut Vec<Problem>) -> Option<RuleSet> {
    let mut refused_views: Vec<String> = Vec::new();
    loop {
        let error = match RuleSet::plan(catalogue) {
            Ok(rules) => return Some(rules),
            Err(error) => error,
        };
        let follows = |problem: &Problem| {
            refused_views.iter().any(|view| problem.message == format!("there is no table or view {view}"))
        };
        problems.extend(locator.of_plan(&error).into_iter().filter(|problem| !follows(problem)));
        let (PlanError::Check { what, name, .. } | PlanError::Sql { what, name, .. }) = &error else { return None };
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
