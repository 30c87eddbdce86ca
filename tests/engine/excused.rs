//! Aim: an excuse may only help. Excused months added to any history raise no alert and no severity, for any rule; so no
//! rule can use the token against a person, whatever it does with it.
//! Method: the random persons of `property`, from the cases of rules that read the token, without and with tokens drawn at
//! random; then the same persons on leave as it mostly is: whole months without any pay, some in a row, in the middle of an
//! employment or at an end of it, with and without the tokens for them. All rules of the engine over both (`property` holds the
//! engine to the batch query, which would take minutes here). No permit says when it was decided, so that no renewal settles what
//! an excuse puts off until after its decision. What is compared is a rule's greatest severity for a subject: an excuse in the middle of an episode may well
//! make two weaker ones of it, the second under a new key.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use permitwatch::model::alert::Severity;
use permitwatch::model::record::{Op, Record, Value};
use permitwatch::model::schema::TableId;
use permitwatch::model::time::{Day, EventTime, KnownTime, MICROS_PER_DAY, format_micros};
use permitwatch::oracle::StandingRow;
use permitwatch::tools::cases::{CaseFile, Recording};

use crate::drive::{Dice, strict};
use crate::property::{Bench, clocks, run};

const SETS: u32 = 16;
const PERSONS: usize = 120;

/// The recording without the days on which permits were decided.
fn undecided(recording: &Recording) -> Recording {
    let (at, _) = TableId::Permits.def().column("decided_on").expect("a column");
    let mut records = recording.records().to_vec();
    for record in records.iter_mut().filter(|record| record.table == TableId::Permits) {
        record.values.get_mut(at).into_iter().for_each(|value| *value = Value::Null);
    }
    Recording::new(records)
}

/// The first record of each person's permits.
fn permits(recording: &Recording) -> BTreeMap<&str, &Record> {
    let mut permits = BTreeMap::new();
    for record in recording.records().iter().filter(|record| record.table == TableId::Permits) {
        permits.entry(&*record.subject).or_insert(record);
    }
    permits
}

fn day(record: &Record, column: &str) -> Option<Day> {
    let (at, _) = record.table.def().column(column).expect("a column");
    match record.values.get(at) {
        Some(Value::Day(day)) => Some(Day(*day)),
        _ => None,
    }
}

fn token(permit: &Record, number: i32, month: Day, known: i64) -> Record {
    Record {
        table: TableId::ExcusedMonths,
        record_key: format!("token:{number}").into(),
        version: 1,
        op: Op::Upsert,
        event_time: EventTime(known),
        registered_at: known,
        known_time: KnownTime(known),
        values: vec![Value::Day(month.0)],
        ..permit.clone()
    }
}

/// The recording with one to fifteen excused months for two persons of three, around the days of their permits.
fn with_tokens(recording: &Recording, seed: u64) -> (Recording, usize) {
    let mut dice = Dice(seed);
    let mut records = recording.records().to_vec();
    let mut added = 0;
    for permit in permits(recording).into_values() {
        let Some(valid_from) = day(permit, "valid_from").filter(|_| dice.below(3) > 0) else { continue };
        let first = dice.below(16) as i32 - 3;
        // A run of months, as an illness has, or single ones.
        let step = if dice.below(4) > 0 { 1 } else { 1 + dice.below(3) as i32 };
        let late = if dice.below(4) > 0 { 30 } else { 400 };
        for number in 0..=dice.below(15) as i32 {
            let Some(month) = valid_from.first_of_month().and_then(|day| day.add_months(first + number * step)) else {
                continue;
            };
            // Known after the permit, so that it is in scope; often before the month, as a parental leave is, at times long after.
            let known = permit.known_time.0 + MICROS_PER_DAY * (1 + dice.below(late) as i64);
            records.push(token(permit, number, month, known));
            added += 1;
        }
    }
    (Recording::new(records), added)
}

/// The recording with up to three runs of whole months without any salary for five persons of six, once without the tokens that
/// excuse them and once with them.
fn on_leave(recording: &Recording, seed: u64) -> (Recording, Recording, usize) {
    let mut dice = Dice(seed);
    let mut leave: BTreeSet<(Box<str>, Day)> = BTreeSet::new();
    let mut tokens = Vec::new();
    for (subject, permit) in permits(recording) {
        let Some(valid_from) = day(permit, "valid_from").filter(|_| dice.below(6) > 0) else { continue };
        // Paid months that a run may touch the first or last of.
        let paid: Vec<Day> = recording
            .records()
            .iter()
            .filter(|record| record.table == TableId::Payments && *record.subject == *subject)
            .filter_map(|record| day(record, "month"))
            .collect();
        for run in 0..=dice.below(3) as i32 {
            let edge = [paid.iter().min(), paid.iter().max()][dice.below(2)].copied();
            let from = match (edge, dice.below(3)) {
                (Some(edge), 0) => edge.add_months(dice.below(7) as i32 - 5),
                _ => valid_from.first_of_month().and_then(|day| day.add_months(dice.below(20) as i32 - 2)),
            };
            let known = permit.known_time.0 + MICROS_PER_DAY * (1 + dice.below(200) as i64);
            for number in 0..=dice.below(6) as i32 {
                let Some(month) = from.and_then(|day| day.add_months(number)) else { continue };
                if leave.insert((subject.into(), month)) {
                    tokens.push(token(permit, run * 10 + number, month, known));
                }
            }
        }
    }
    let is_pay = |record: &&Record| {
        record.table == TableId::Payments
            && day(record, "month").is_some_and(|month| leave.contains(&(record.subject.clone(), month)))
    };
    let gone: BTreeSet<(Box<str>, Box<str>)> =
        recording.records().iter().filter(is_pay).map(|pay| (pay.subject.clone(), pay.record_key.clone())).collect();
    let mut records = recording.records().to_vec();
    records.retain(|record| {
        record.table != TableId::Payments || !gone.contains(&(record.subject.clone(), record.record_key.clone()))
    });
    let unpaid = Recording::new(records.clone());
    let added = tokens.len();
    records.extend(tokens);
    (unpaid, Recording::new(records), added)
}

fn greatest(standing: &[StandingRow]) -> BTreeMap<(&str, &str), Severity> {
    let mut out = BTreeMap::new();
    for row in standing {
        let severity = out.entry((row.rule_id.as_str(), row.subject.as_str())).or_insert(row.severity);
        *severity = row.severity.max(*severity);
    }
    out
}

/// A bench with the cases of rules that read the token.
fn bench() -> Bench {
    let mut bench = Bench::new();
    let rules = bench.rules();
    let reads = |file: &CaseFile| {
        let id = file.path.file_stem().and_then(|id| id.to_str());
        let rule = rules.rules().iter().find(|rule| Some(rule.file.header.id.as_str()) == id);
        rule.is_some_and(|rule| rule.tables.contains(TableId::ExcusedMonths))
    };
    bench.stock.0.retain(|(_, file, _)| reads(file));
    bench.give_back(rules);
    bench
}

/// Nothing stands with the excused months that did not stand without them, and nothing stronger; how much was lowered or gone.
fn only_lowers(bench: &Bench, without: &Recording, with: &Recording, clocks: &[i64]) -> Result<usize, String> {
    let standing = [without, with].map(|recording| {
        let messages = recording.messages();
        let (rules, ran) = strict(bench.rules(), &messages.iter().collect::<Vec<_>>(), usize::MAX, clocks);
        bench.give_back(rules);
        ran.standing
    });
    let mut lowered = 0;
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
        lowered += without.iter().filter(|(about, was)| with.get(about).is_none_or(|severity| severity < was)).count();
    }
    Ok(lowered)
}

#[test]
fn an_excused_month_never_raises_an_alert_or_its_severity() {
    let bench = bench();
    let lowered = Cell::new(0);
    run(SETS, PERSONS, &bench, |draw| {
        let recording = undecided(&bench.stock.recording(draw));
        let (excused, tokens) = with_tokens(&recording, draw.shuffle);
        bench.count(0, tokens);
        lowered.set(lowered.get() + only_lowers(&bench, &recording, &excused, &clocks(&recording, draw))?);
        Ok(())
    });
    let [tokens, standing, _] = *bench.compared.borrow();
    println!("{tokens} tokens, {standing} alerts standing without them, {} lowered or gone with them", lowered.get());
    assert!(tokens > 100 && standing > 100 && lowered.get() > 20, "the tokens met nothing that they could excuse");
}

#[test]
fn nor_do_whole_months_of_leave_without_pay() {
    let bench = bench();
    let lowered = Cell::new(0);
    run(SETS, PERSONS, &bench, |draw| {
        let recording = undecided(&bench.stock.recording(draw));
        let (unpaid, excused, tokens) = on_leave(&recording, draw.shuffle);
        bench.count(0, tokens);
        lowered.set(lowered.get() + only_lowers(&bench, &unpaid, &excused, &clocks(&recording, draw))?);
        Ok(())
    });
    let [tokens, standing, _] = *bench.compared.borrow();
    println!(
        "{tokens} months of leave, {standing} alerts standing unexcused, {} lowered or gone excused",
        lowered.get()
    );
    assert!(tokens > 100 && standing > 100 && lowered.get() > 20, "no leave met anything that it could excuse");
}
