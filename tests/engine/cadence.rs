//! Aim: a rule with `cadence = "P1D"` sees at every midnight what the plain query sees then, in between what it saw at midnight;
//! its log depends on no cut and no partition, and live order is where strict order is, at midnight and at noon.
//! Method: the cases of employer-breach-cluster, in which records become known at any time of the day.

use std::cell::RefCell;
use std::collections::BTreeMap;

use permitwatch::catalogue::Catalogue;
use permitwatch::model::alert::Status;
use permitwatch::model::record::{Message, Record};
use permitwatch::model::schema::TableId;
use permitwatch::model::time::{Day, KnownTime, MICROS_PER_DAY, format_micros, parse_day};
use permitwatch::oracle::StandingRow;
use permitwatch::tools::cases::Recording;

use crate::drive::{Dice, SEED, batch, case_file, catalogue, difference, log_bytes, plan, records_of, strict};
use crate::property::{live, spread};

const RULE: &str = "employer-breach-cluster";

fn midnight(day: &str) -> i64 {
    parse_day(day).map(Day::instant).expect("a day")
}

fn only_the_rule() -> Catalogue {
    let mut catalogue = catalogue();
    catalogue.retain(&[RULE]);
    catalogue
}

/// The records of every `step`th case; each is known some minutes later than its case says, a permit before what else is known of it.
fn recording(step: usize) -> Recording {
    let file = case_file(RULE);
    let mut dice = Dice(SEED);
    let mut records: Vec<Record> = Vec::new();
    for (number, case) in file.case.iter().enumerate().step_by(step) {
        // Those that are told together stay together.
        let mut moved: BTreeMap<i64, i64> = BTreeMap::new();
        for mut record in records_of(&file, case, &format!("c{number:02}")) {
            let minutes = *moved.entry(record.known_time.0).or_insert_with(|| dice.below(1_440) as i64);
            record.known_time.0 += minutes * 60_000_000;
            records.push(record);
        }
    }
    records.sort_by_key(|record| record.known_time);
    Recording::new(records)
}

fn of_rule(rows: &[StandingRow]) -> Vec<StandingRow> {
    rows.iter().filter(|row| row.rule_id == RULE).cloned().collect()
}

#[test]
fn what_stands_is_what_the_plain_query_finds_with_what_was_known_at_midnight() {
    let catalogue = only_the_rule();
    let recording = recording(1);
    let noon = MICROS_PER_DAY / 2;
    let clocks: Vec<i64> = ["2025-08-07", "2025-08-08", "2026-08-07"]
        .into_iter()
        .flat_map(|day| [midnight(day), midnight(day) + noon])
        .collect();
    let messages = recording.messages();
    let (mut rules, ran) = strict(plan(&catalogue), &messages.iter().collect::<Vec<_>>(), 1_000, &clocks);
    let (mut stood, mut later) = (0, 0);
    for (clock, engine) in clocks.iter().zip(&ran.standing) {
        let seen = KnownTime(*clock).day().instant();
        let known =
            recording.records().iter().filter(|record| record.known_time.0 <= seen || record.table == TableId::Terms);
        let wanted = of_rule(&batch(&catalogue, &Recording::new(known.cloned().collect()).tables(), *clock));
        let engine = of_rule(engine);
        assert!(engine == wanted, "at {}:\n{}", format_micros(*clock), difference(&engine, &wanted));
        stood += engine.len();
        later += usize::from(*clock != seen && of_rule(&batch(&catalogue, &recording.tables(), *clock)) != engine);
    }
    assert!(stood > 20, "only {stood} alerts stood");
    assert!(later > 0, "at no noon anything had become known since midnight: the cadence was not tried");
    let raised = ran.log.iter().filter(|alert| alert.rule_id == RULE && alert.status == Status::Raised);
    let waited =
        raised.filter(|alert| alert.as_of.ends_with("T00:00:00.000000Z") && alert.as_of != alert.alert_at).count();
    assert!(waited > 0, "every alert was raised when it became known: the cadence was not tried");
    let last = *clocks.last().expect("a clock");
    for end in [last - noon, last] {
        let (given_back, standing) = live(rules, &messages, end, SEED);
        let (given_back, ran) = strict(given_back, &messages.iter().collect::<Vec<_>>(), 1_000, &[end]);
        rules = given_back;
        let (standing, wanted) = (of_rule(&standing), of_rule(&ran.standing[0]));
        assert!(standing == wanted, "live (first), strict (second):\n{}", difference(&standing, &wanted));
    }
    println!("{stood} alerts stood at {} clocks, {waited} waited for midnight", clocks.len());
}

#[test]
fn the_log_depends_on_no_cut_and_no_partition() {
    let catalogue = only_the_rule();
    let messages = recording(3).messages();
    let all: Vec<&Message> = messages.iter().collect();
    let end = midnight("2026-09-01") + MICROS_PER_DAY / 3;
    let mut rules = plan(&catalogue);
    let mut logs: Vec<(String, Vec<u8>)> = Vec::new();
    for cut in [1, 1_000, 100_000] {
        let (given_back, ran) = strict(rules, &all, cut, &[end]);
        rules = given_back;
        logs.push((format!("batches of {cut}"), log_bytes(ran.log)));
    }
    let planned = RefCell::new((0..8).map(|_| plan(&catalogue)).collect());
    for partitions in [1, 2, 8] {
        let log = spread(&planned, &messages, partitions, KnownTime(end));
        logs.push((format!("{partitions} partitions"), log_bytes(log)));
    }
    let (_, wanted) = &logs[0];
    assert!(!wanted.is_empty());
    for (what, log) in &logs[1..] {
        assert!(log == wanted, "{what}: another log");
    }
    println!("{} bytes, {} ways", wanted.len(), logs.len());
}
