//! A rule with its cases, ready to run.

use std::path::Path;

use crate::catalogue::{Catalogue, horizon};
use crate::model::record::Record;
use crate::model::schema::TableId;
use crate::model::time::KnownTime;
use crate::tools::cases::CaseError;
use crate::tools::cases::build::{Built, Names};
use crate::tools::cases::file::{CaseFile, Expect};
use crate::tools::cases::recording::Recording;

/// A rule with its cases, ready to run.
#[derive(Clone, Debug)]
pub struct RuleCases {
    pub rule: String,
    pub file: CaseFile,
    /// The rule, the rules that it uses, and the views that they read.
    pub catalogue: Catalogue,
    pub recording: Recording,
    pub(super) built: Vec<Built>,
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

    /// The time up to which the rule sees records at a clock: for a rule with a cadence, the last midnight.
    pub fn seen_until(&self, clock: i64) -> i64 {
        let daily = self.catalogue.rule(&self.rule).is_some_and(|rule| rule.header.cadence.is_some());
        if daily { KnownTime(clock).day().instant() } else { clock }
    }

    /// How many months back the rule needs tables, for those of which it says so.
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
}

/// The catalogue with one rule and what it needs, so that the rest of the directory costs nothing.
fn only(catalogue: &Catalogue, rule: &str) -> Result<Catalogue, CaseError> {
    let rule = &catalogue.named(rule)?.header.id;
    let mut out = catalogue.clone();
    out.retain(&[rule]);
    Ok(out)
}
