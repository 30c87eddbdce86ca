//! Aim: each rule says what its cases expect, in the engine and as a batch query.
//! Method: what `permitwatch test` does, for every rule of the catalogue; none is without cases.

use permitwatch::catalogue::file::RuleFile;
use permitwatch::tools::cases::{RuleCases, run};

use crate::drive::{catalogue, repository};

#[test]
fn every_rule_does_what_its_cases_say() {
    let catalogue = catalogue();
    let read = |rule: &RuleFile| {
        let id = &rule.header.id;
        RuleCases::read(&catalogue, &repository("queries/tests"), id, None).unwrap_or_else(|error| panic!("{error:?}"))
    };
    let all: Vec<RuleCases> = catalogue.rules.iter().map(read).collect();
    let mut expectations = 0;
    for (cases, report) in all.iter().zip(run(&all.iter().collect::<Vec<_>>(), true)) {
        let report = report.unwrap_or_else(|error| panic!("{}: {error:?}", cases.rule));
        println!("{}: {} cases, {} expectations", cases.rule, report.cases.len(), report.expectations());
        let failures: Vec<_> = report.cases.iter().filter(|case| !case.failures.is_empty()).collect();
        assert!(failures.is_empty(), "{}: {failures:#?}", cases.rule);
        expectations += report.expectations();
    }
    assert!(expectations >= 322, "{expectations} expectations are left");
}
