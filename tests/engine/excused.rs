//! Aim: an excuse may only help. Excused months added to any history raise no alert and no severity, for any rule; so no
//! rule can use the token against a person, whatever it does with it.
//! Method: the random persons of `property`, from the cases of rules that read the token, without and with tokens drawn at
//! random; all rules of the engine over both (`property` holds the engine to the batch query, which would take minutes
//! here). What is compared is a rule's greatest severity for a subject: an excuse in the middle of an episode may well
//! make two weaker ones of it, the second under a new key.

use std::cell::Cell;
use std::collections::BTreeMap;

use permitwatch::alert::Severity;
use permitwatch::cases::{CaseFile, Recording};
use permitwatch::record::{Op, Record, Value};
use permitwatch::rules::batch::StandingRow;
use permitwatch::schema::TableId;
use permitwatch::time::{Day, EventTime, KnownTime, MICROS_PER_DAY, format_micros};

use crate::drive::{Dice, strict};
use crate::property::{Bench, clocks, run};

const SETS: u32 = 16;
const PERSONS: usize = 120;

/// The recording with one to fifteen excused months for two persons of three, around the days of their permits.
fn with_tokens(recording: &Recording, seed: u64) -> (Recording, usize) {
    let mut dice = Dice(seed);
    let mut records = recording.records().to_vec();
    let mut permits: BTreeMap<&str, &Record> = BTreeMap::new();
    for record in recording.records().iter().filter(|record| record.table == TableId::Permits) {
        permits.entry(&record.subject).or_insert(record);
    }
    let (from, _) = TableId::Permits.def().column("valid_from").expect("a column");
    let mut added = 0;
    for (subject, permit) in permits {
        let Some(Value::Day(valid_from)) = permit.values.get(from).filter(|_| dice.below(3) > 0) else { continue };
        let first = dice.below(16) as i32 - 3;
        // A run of months, as an illness has, or single ones.
        let step = if dice.below(4) > 0 { 1 } else { 1 + dice.below(3) as i32 };
        let late = if dice.below(4) > 0 { 30 } else { 400 };
        for number in 0..=dice.below(15) as i32 {
            let Some(month) = Day(*valid_from).first_of_month().and_then(|day| day.add_months(first + number * step))
            else {
                continue;
            };
            // Known after the permit, so that it is in scope; often before the month, as a parental leave is, at times long after.
            let known = permit.known_time.0 + MICROS_PER_DAY * (1 + dice.below(late) as i64);
            records.push(Record {
                table: TableId::ExcusedMonths,
                subject: subject.into(),
                record_key: format!("token:{number}").into(),
                version: 1,
                op: Op::Upsert,
                event_time: EventTime(known),
                registered_at: known,
                known_time: KnownTime(known),
                values: vec![Value::Day(month.0)],
                ..permit.clone()
            });
            added += 1;
        }
    }
    (Recording::new(records), added)
}

fn greatest(standing: &[StandingRow]) -> BTreeMap<(&str, &str), Severity> {
    let mut out = BTreeMap::new();
    for row in standing {
        let severity = out.entry((row.rule_id.as_str(), row.subject.as_str())).or_insert(row.severity);
        *severity = row.severity.max(*severity);
    }
    out
}

#[test]
fn an_excused_month_never_raises_an_alert_or_its_severity() {
    let mut bench = Bench::new();
    let rules = bench.rules();
    let reads = |file: &CaseFile| {
        let id = file.path.file_stem().and_then(|id| id.to_str());
        let rule = rules.rules().iter().find(|rule| Some(rule.file.header.id.as_str()) == id);
        rule.is_some_and(|rule| rule.tables.contains(TableId::ExcusedMonths))
    };
    bench.stock.0.retain(|(file, _)| reads(file));
    bench.give_back(rules);
    let lowered = Cell::new(0);
    run(SETS, PERSONS, &bench, |draw| {
        let recording = bench.stock.recording(draw);
        let (excused, tokens) = with_tokens(&recording, draw.shuffle);
        bench.count(0, tokens);
        let clocks = clocks(&recording, draw);
        let standing = [&recording, &excused].map(|recording| {
            let messages = recording.messages();
            let (rules, ran) = strict(bench.rules(), &messages.iter().collect::<Vec<_>>(), usize::MAX, &clocks);
            bench.give_back(rules);
            ran.standing
        });
        for (at, clock) in clocks.iter().enumerate() {
            let (before, after) = (&standing[0][at], &standing[1][at]);
            bench.count(1, before.len());
            let (without, with) = (greatest(before), greatest(after));
            for ((rule, subject), severity) in &with {
                let was = without.get(&(*rule, *subject));
                if was.is_none_or(|was| was < severity) {
                    let was = was.map_or("nothing", |was| was.name());
                    let at = format_micros(*clock);
                    return Err(format!(
                        "{rule} {subject}: {was} without, {} with excused months, at {at}",
                        severity.name()
                    ));
                }
            }
            let helped = without.iter().filter(|(about, was)| with.get(about).is_none_or(|severity| severity < was));
            lowered.set(lowered.get() + helped.count());
        }
        Ok(())
    });
    let [tokens, standing, _] = *bench.compared.borrow();
    println!("{tokens} tokens, {standing} alerts standing without them, {} lowered or gone with them", lowered.get());
    assert!(tokens > 100 && standing > 100 && lowered.get() > 20, "the tokens met nothing that they could excuse");
}
