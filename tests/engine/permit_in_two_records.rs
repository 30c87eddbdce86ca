//! Aim: a permit that its register keeps in several records is one permit. Nothing is said more often, less often, earlier or later for it.
//! Method: the rules' cases in strict order. Each record of a permit comes twice, under two keys: once with the same days, once each with
//! its part of the days. What is said, and when, must be what is said of the one record.

use std::collections::BTreeSet;

use permitwatch::model::alert::Alert;
use permitwatch::model::record::{Record, Value};
use permitwatch::model::schema::TableId;
use permitwatch::model::time::MICROS_PER_DAY;
use permitwatch::rules::RuleSet;
use permitwatch::tools::cases::Recording;

use crate::drive::{case_file, catalogue, plan, records_of, strict};

/// Of a permit without an end the first record has so many days.
const FIRST_DAYS: i32 = 100;

fn day(record: &Record, column: &str) -> (usize, Option<i32>) {
    let (at, _) = TableId::Permits.def().column(column).expect("a column");
    match record.values.get(at) {
        Some(Value::Day(day)) => (at, Some(*day)),
        _ => (at, None),
    }
}

/// The record under another key.
fn copy_of(record: &Record) -> Record {
    Record { record_key: format!("{}-2", record.record_key).into(), ..record.clone() }
}

/// Two records with the days of the one: all of them each.
fn doubled(record: &Record) -> [Record; 2] {
    [record.clone(), copy_of(record)]
}

/// Two records with the days of the one: the first ones, and the rest. A retraction has none, and a single day is not divided.
fn divided(record: &Record) -> [Record; 2] {
    let [mut first, mut last] = doubled(record);
    let ((from, Some(valid_from)), (to, valid_to)) = (day(record, "valid_from"), day(record, "valid_to")) else {
        return [first, last];
    };
    let days = valid_to.map_or(FIRST_DAYS, |valid_to| (valid_to - valid_from) / 2);
    if days > 0 {
        first.values[to] = Value::Day(valid_from + days);
        last.values[from] = Value::Day(valid_from + days + 1);
    }
    [first, last]
}

/// What is said of the rule, and when.
fn said(rules: RuleSet, id: &str, records: Vec<Record>) -> (RuleSet, BTreeSet<String>) {
    let messages = Recording::new(records).messages();
    let end = messages.iter().map(|message| message.known_time.0).max().unwrap_or_default() + 366 * MICROS_PER_DAY;
    let (rules, ran) = strict(rules, &messages.iter().collect::<Vec<_>>(), 1, &[end]);
    let words = |alert: &Alert| {
        format!("{} {:?} {} {:?} {}", alert.as_of, alert.status, alert.alert_key, alert.severity, alert.alert_id)
    };
    (rules, ran.log.iter().filter(|alert| alert.rule_id == id).map(words).collect())
}

#[test]
fn a_permit_in_two_records_is_one_permit() {
    let ids: Vec<String> = catalogue().rules.iter().map(|rule| rule.header.id.clone()).collect();
    let (mut runs, mut told, mut different) = (0, 0, Vec::new());
    for id in &ids {
        let mut catalogue = catalogue();
        catalogue.retain(&[id.as_str()]);
        let mut rules = plan(&catalogue);
        let file = case_file(id);
        for (number, case) in file.case.iter().enumerate() {
            let records = records_of(&file, case, &format!("c{number:04}"));
            let (back, once) = said(rules, id, records.clone());
            rules = back;
            told += once.len();
            for (how, two) in [("doubled", doubled as fn(&Record) -> [Record; 2]), ("divided", divided)] {
                let in_two = |record: &Record| match record.table {
                    TableId::Permits => two(record).to_vec(),
                    _ => vec![record.clone()],
                };
                let (back, twice) = said(rules, id, records.iter().flat_map(in_two).collect());
                rules = back;
                runs += 1;
                if let Some(other) = once.symmetric_difference(&twice).next() {
                    different.push(format!("{id}, {}, {how}: {other}", case.name));
                }
            }
        }
    }
    println!("{runs} runs, {told} said");
    assert!(runs > 3_000 && told > 3_000, "{runs} {told}");
    assert!(different.is_empty(), "{}", different.join("\n"));
}
