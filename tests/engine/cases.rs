//! Aim: each rule says what its cases expect, in the engine and as a batch query.
//! Method: all cases of a file are persons of one shard and of one set of tables; the clock is stepped to every expectation.

use std::collections::BTreeMap;

use permitwatch::record::Record;
use permitwatch::rules::batch::StandingRow;
use permitwatch::schema::TableId;
use permitwatch::time::format_micros;

use crate::drive::{batch, catalogue, catalogue_of, plan, strict};
use crate::recording::Recording;
use crate::templates::{CaseFile, Wanted};

/// Every rule has its test below, and its cases.
const RULES: [&str; 8] = [
    "work-not-started",
    "salary-below-floor",
    "employer-mismatch",
    "study-not-registered",
    "permanent-permit-emigrated",
    "protected-home-travel",
    "identity-changed",
    "payment-after-permit-end",
];

#[test]
fn every_rule_has_cases() {
    let mut rules: Vec<String> = catalogue().rules.into_iter().map(|rule| rule.header.id).collect();
    let mut tested: Vec<&str> = RULES.to_vec();
    rules.sort();
    tested.sort_unstable();
    assert_eq!(rules, tested);
    let expectations: usize =
        tested.iter().map(|rule| CaseFile::read(rule).case.iter().map(|case| case.expect.len()).sum::<usize>()).sum();
    println!("{expectations} expectations");
    assert!(expectations >= 322, "{expectations} expectations are left");
}

#[test]
fn work_not_started() {
    check(0);
}

#[test]
fn salary_below_floor() {
    check(1);
}

#[test]
fn employer_mismatch() {
    check(2);
}

#[test]
fn study_not_registered() {
    check(3);
}

#[test]
fn permanent_permit_emigrated() {
    check(4);
}

#[test]
fn protected_home_travel() {
    check(5);
}

#[test]
fn identity_changed() {
    check(6);
}

#[test]
fn payment_after_permit_end() {
    check(7);
}

fn check(at: usize) {
    let rule = RULES[at];
    let file = CaseFile::read(rule);
    let catalogue = catalogue_of(rule);
    let person = |case: usize| format!("c{case:03}");
    let mut records: Vec<Record> = Vec::new();
    for (number, case) in file.case.iter().enumerate() {
        let own = file.records(case, &person(number));
        records.extend(own.into_iter().filter(|record| number == 0 || record.table != TableId::Terms));
    }
    let recording = Recording::new(records);
    let mut by_clock: BTreeMap<i64, Vec<(usize, &[Wanted])>> = BTreeMap::new();
    for (number, case) in file.case.iter().enumerate() {
        for expect in &case.expect {
            by_clock.entry(expect.clock()).or_default().push((number, &expect.alerts));
        }
    }
    let clocks: Vec<i64> = by_clock.keys().copied().collect();
    let messages = recording.messages();
    let (_, ran) = strict(plan(&catalogue), &messages.iter().collect::<Vec<_>>(), 1, &clocks);
    for bad in &ran.quarantined {
        println!("{rule}: quarantined {} {} {}", bad.coordinates, bad.reason.name(), bad.detail);
    }
    assert_eq!(ran.fates.quarantined_total(), 0, "{rule}: a case's record is refused");
    let tables = recording.tables();
    let mut failures = Vec::new();
    let mut expectations = 0;
    for ((&clock, wanted), engine) in by_clock.iter().zip(&ran.standing) {
        let batch = batch(&catalogue, &tables, clock);
        for (number, alerts) in wanted {
            expectations += 1;
            let with_permit = alerts.iter().any(|alert| alert.permit.is_some());
            let want = wanted_words(alerts);
            let engine = words(engine, &person(*number), with_permit);
            let batch = words(&batch, &person(*number), with_permit);
            if engine != want || batch != want {
                failures.push(format!(
                    "{rule}, case \"{}\", at {}:\n  want   {want:?}\n  engine {engine:?}\n  batch  {batch:?}",
                    file.case[*number].name,
                    format_micros(clock)
                ));
            }
        }
    }
    println!("{rule}: {} cases, {expectations} expectations, {} clocks", file.case.len(), clocks.len());
    assert!(failures.is_empty(), "{} of {expectations} fail\n{}", failures.len(), failures.join("\n"));
}

fn wanted_words(alerts: &[Wanted]) -> Vec<String> {
    let with_permit = alerts.iter().any(|alert| alert.permit.is_some());
    let mut words: Vec<String> = alerts
        .iter()
        .map(|alert| {
            let permit = alert.permit.as_deref().filter(|_| with_permit).map(|permit| format!(" {permit}"));
            format!("{} {}{}", alert.key, alert.severity, permit.unwrap_or_default())
        })
        .collect();
    words.sort();
    words
}

fn words(rows: &[StandingRow], person: &str, with_permit: bool) -> Vec<String> {
    let prefix = format!("{person}:");
    let own = rows.iter().filter(|row| row.person == person);
    let mut words: Vec<String> = own
        .map(|row| {
            let permit = row.subject.strip_prefix(&prefix).unwrap_or(&row.subject);
            let permit = if with_permit { format!(" {permit}") } else { String::new() };
            format!("{} {}{permit}", row.alert_key, row.severity.name())
        })
        .collect();
    words.sort();
    words
}
