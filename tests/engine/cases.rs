//! Aim: each rule says what its cases expect, in the engine and as a batch query.
//! Method: what `permitwatch test` does, for every rule of the catalogue; none is without cases.

use permitwatch::cases::RuleCases;

use crate::drive::{catalogue, repository};

#[test]
fn every_rule_does_what_its_cases_say() {
    let catalogue = catalogue();
    let mut expectations = 0;
    for rule in &catalogue.rules {
        let id = &rule.header.id;
        let cases = RuleCases::read(&catalogue, &repository("queries/tests"), id, None);
        let report = cases.and_then(|cases| cases.run(true)).unwrap_or_else(|error| panic!("{id}: {error}"));
        println!("{id}: {} cases, {} expectations", report.cases.len(), report.expectations());
        let failures: Vec<_> = report.cases.iter().filter(|case| !case.failures.is_empty()).collect();
        assert!(failures.is_empty(), "{id}: {failures:#?}");
        expectations += report.expectations();
    }
    assert!(expectations >= 322, "{expectations} expectations are left");
}
