//! Aim: of people who leave the population nothing is left, and those who come back are as if first known then: in strict order at every
//! clock what the plain query finds, whatever the cuts, and whether or not what does not count any more is erased; live order ends with the
//! same; so does a shard that goes on from a checkpoint. Of whom nothing counts nothing is in memory or on disk.
//! Method: the random persons of `property`, most of whose permits end early. Some come back, around the instant at which they leave: by an
//! extension, another permit, a version that was replaced long ago, a retraction; and much is told once more around the instant from which it counts.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use permitwatch::model::alert::{Alert, Status};
use permitwatch::model::record::{Message, Op, Record, Value};
use permitwatch::model::schema::TableId;
use permitwatch::model::time::{Day, KnownTime, MICROS_PER_DAY, format_micros};
use permitwatch::oracle::StandingRow;
use permitwatch::shard::{ErasureWork, Shard};
use permitwatch::tools::cases::Recording;
use permitwatch::tools::replay::standing_rows;

use crate::checkpoints::{Live, restore, write, writer};
use crate::drive::{Dice, SEED, batch, difference, log_bytes, plan, sorted, strict, strict_with, visibility};
use crate::property::{Bench, Draw, drawn, fnv, live, words};

const SETS: u32 = 4;
const PERSONS: usize = 60;
const HOUR: i64 = 3_600_000_000;

/// A recording of people who leave, and the instants at which something about that happens.
struct Told {
    recording: Recording,
    instants: Vec<i64>,
}

fn set_day(record: &mut Record, column: &str, day: Option<Day>) {
    let (at, _) = TableId::Permits.def().column(column).expect("a column");
    record.values[at] = day.map_or(Value::Null, |day| Value::Day(day.0));
}

fn leaving(bench: &Bench, draw: &Draw) -> Told {
    let mut of: BTreeMap<Box<str>, Vec<Record>> = BTreeMap::new();
    let (mut all, mut instants) = (Vec::new(), Vec::new());
    for record in bench.stock.recording(draw).records() {
        if record.table.is_person() {
            of.entry(record.subject.clone()).or_default().push(record.clone());
        } else {
            all.push(record.clone());
        }
    }
    for (subject, mut records) in of {
        let mut dice = Dice(draw.shuffle ^ fnv(subject.as_bytes()));
        let is_permit = |record: &Record| record.table == TableId::Permits && !record.values.is_empty();
        if dice.below(5) > 0 && records.iter().any(is_permit) {
            bend(&mut records, &mut instants, &mut dice);
        }
        all.extend(records);
    }
    all.sort_by_key(|record| record.known_time);
    Told { recording: Recording::new(all), instants }
}

/// Ends a person's permits, and perhaps brings the person back.
fn bend(records: &mut Vec<Record>, instants: &mut Vec<i64>, dice: &mut Dice) {
    let mut last = Day::FIRST;
    for record in records.iter_mut().filter(|record| record.table == TableId::Permits) {
        if record.values.is_empty() {
            last = last.max(record.known_time.day());
            continue;
        }
        let (from, _) = TableId::Permits.def().column("valid_from").expect("a column");
        let from = if let Value::Day(day) = record.values[from] { Day(day) } else { Day::FIRST };
        // A permit that ends before it begins is quarantined.
        let end = Day(record.known_time.day().0 + dice.below(500) as i32 - 200).max(from);
        set_day(record, "valid_to", Some(end));
        set_day(record, "ended_on", None);
        last = last.max(end).max(Day(record.known_time.day().0));
    }
    let left = last.add_months(visibility().aftercare_months).expect("a day").next().instant();
    instants.extend([left - 1, left, left + 1]);
    let permits: Vec<Record> = records
        .iter()
        .filter(|record| record.table == TableId::Permits && !record.values.is_empty())
        .cloned()
        .collect();
    for number in 0..dice.below(3) {
        let mut back = dice.pick(&permits).clone();
        let after = *dice.pick(&[-1, 0, 0, 1, HOUR, 30 * MICROS_PER_DAY, 300 * MICROS_PER_DAY]);
        back.known_time = KnownTime(left + after);
        let until = Day(back.known_time.day().0 + dice.below(900) as i32 - 300);
        set_day(&mut back, "valid_to", Some(until));
        match dice.below(6) {
            0 => back.version -= 1,
            1 => {
                back.version += 20;
                back.op = Op::Retract;
                back.values.clear();
            }
            2 | 3 => {
                back.version += 10 + number as i64;
                back.op = Op::Correct;
            }
            _ => {
                let (at, _) = TableId::Permits.def().column("permit_id").expect("a column");
                if let Value::Text(id) = &back.values[at] {
                    back.values[at] = Value::Text(format!("{id}:{number}").into());
                }
                back.record_key = format!("{}:{number}", back.record_key).into();
            }
        }
        let came = back.known_time.0;
        instants.extend([came, came + HOUR]);
        for _ in 0..dice.below(6) {
            let mut again = dice.pick(records).clone();
            let later = *dice.pick(&[0, HOUR / 2, HOUR - 1, HOUR, 2 * HOUR, 10 * MICROS_PER_DAY]);
            again.known_time = KnownTime(came + later);
            again.version += dice.below(2) as i64;
            if again.table != TableId::Permits {
                records.push(again);
            }
        }
        records.push(back);
    }
}

/// Some of the instants, midnights and the end.
fn clocks(told: &Told, dice: &mut Dice) -> Vec<i64> {
    let last = told.recording.records().iter().map(|record| record.known_time).max().expect("records");
    let mut clocks = vec![last.next_midnight().0, last.next_midnight().0 + 1_500 * MICROS_PER_DAY];
    for _ in 0..4 {
        clocks.push(*dice.pick(&told.instants));
    }
    clocks.push(KnownTime(*dice.pick(&told.instants)).next_midnight().0);
    clocks.sort_unstable();
    clocks.dedup();
    clocks
}

fn left(log: &[Alert]) -> usize {
    let left = log.iter().filter(|alert| alert.reason.as_deref() == Some("left_population"));
    left.inspect(|alert| assert_eq!(alert.status, Status::Retracted)).count()
}

/// The records of those of whom a difference speaks.
fn about(difference: &str, recording: &Recording) -> String {
    let mut said = String::new();
    let told = recording
        .records()
        .iter()
        .filter(|record| record.table.is_person() && difference.contains(&format!(" {} ", record.subject)));
    told.take(60).for_each(|record| said += &(words(record) + "\n"));
    said
}

#[test]
fn strict_order_has_standing_what_the_batch_query_finds_of_those_who_leave_and_come_back() {
    let bench = Bench::new();
    let (found, gone, persons, rows) = (Cell::new(0), Cell::new(0), Cell::new(0), Cell::new(0));
    for draw in drawn(SETS, PERSONS) {
        let told = leaving(&bench, &draw);
        let clocks = clocks(&told, &mut Dice(draw.shuffle));
        let messages = told.recording.messages();
        let all: Vec<&Message> = messages.iter().collect();
        let tables = told.recording.tables();
        let mut logs = Vec::new();
        for (cut, erases) in [(100_000, false), (7, false), (7, true), (100_000, true)] {
            let mut work = ErasureWork::default();
            let (rules, ran) = strict_with(bench.rules(), &all, cut, &clocks, |shard, at| {
                if erases {
                    // At once, and all of it.
                    (0..3).for_each(|_| shard.erase(at, 0));
                    let more = shard.take_erasure();
                    work.units += more.units;
                    work.rows += more.rows;
                }
            });
            bench.give_back(rules);
            persons.set(persons.get() + work.units);
            rows.set(rows.get() + work.rows);
            gone.set(gone.get() + left(&ran.log));
            for (clock, engine) in clocks.iter().zip(&ran.standing).filter(|_| cut > 7 && !erases) {
                let is_daily = |row: &StandingRow| {
                    let rule = bench.catalogue.rule(&row.rule_id);
                    clock % MICROS_PER_DAY != 0 && rule.is_some_and(|rule| rule.header.cadence.is_some())
                };
                let mut batch = batch(&bench.catalogue, &tables, *clock);
                let mut engine = engine.clone();
                batch.retain(|row| !is_daily(row));
                engine.retain(|row| !is_daily(row));
                found.set(found.get() + batch.len());
                let said = difference(&engine, &batch);
                assert!(
                    engine == batch,
                    "at {} engine (first), batch (second):\n{said}{}",
                    format_micros(*clock),
                    about(&said, &told.recording)
                );
            }
            logs.push(log_bytes(ran.log));
        }
        assert!(logs[0] == logs[1], "the log depends on the cut");
        assert!(logs[0] == logs[2] && logs[0] == logs[3], "the log depends on what is erased");
    }
    println!(
        "{} alerts standing, {} ended since their persons left; {} units and {} rows erased",
        found.get(),
        gone.get(),
        persons.get(),
        rows.get()
    );
    assert!(persons.get() > 100 && rows.get() > 1_000, "{} {}", persons.get(), rows.get());
    assert!(found.get() > 100 && gone.get() > 100, "{} {}", found.get(), gone.get());
}

#[test]
fn live_order_ends_with_what_stands_in_strict_order_of_those_who_leave() {
    let bench = Bench::new();
    let found = Cell::new(0);
    for draw in drawn(SETS, PERSONS) {
        let told = leaving(&bench, &draw);
        let last = told.recording.records().iter().map(|record| record.known_time).max().expect("records");
        let messages = told.recording.messages();
        for end in [last.next_midnight().0, last.next_midnight().0 + 400 * MICROS_PER_DAY] {
            let (rules, ran) = strict(bench.rules(), &messages.iter().collect::<Vec<_>>(), draw_cut(&draw), &[end]);
            let (rules, standing) = live(rules, &messages, end, draw.shuffle);
            bench.give_back(rules);
            found.set(found.get() + standing.len());
            let said = difference(&standing, &ran.standing[0]);
            let about = about(&said, &told.recording);
            assert!(standing == ran.standing[0], "live (first), strict (second):\n{said}{about}");
        }
    }
    println!("{} alerts standing", found.get());
    assert!(found.get() > 20, "{}", found.get());
}

fn draw_cut(draw: &Draw) -> usize {
    5 + (draw.shuffle % 40) as usize
}

#[test]
fn a_shard_that_goes_on_from_a_checkpoint_lets_the_same_persons_leave() {
    let bench = Bench::new();
    let draw = drawn(1, PERSONS).next().expect("a draw");
    let told = leaving(&bench, &draw);
    let messages = told.recording.messages();
    let all: Vec<&Message> = messages.iter().collect();
    let (mut straight, mut restarted) = (Live::new(bench.rules()), Live::new(plan(&bench.catalogue)));
    let dir = tempfile::tempdir().unwrap();
    let mut writing = writer(dir.path(), None);
    let mut dice = Dice(SEED);
    let mut rest = all.as_slice();
    let mut starts = 0;
    let end = all.last().unwrap().known_time.next_midnight().0 + 1_500 * MICROS_PER_DAY;
    loop {
        let cut = (20 + dice.below(200)).min(rest.len());
        let last = if cut == 0 { KnownTime(end) } else { rest[cut - 1].known_time };
        let (now, later) = rest.split_at(rest.partition_point(|message| message.known_time <= last));
        rest = later;
        straight.settle(now, last.0);
        restarted.settle(now, last.0);
        // What is erased, and when, is nobody's matter.
        restarted.shard.erase_live(i64::from(dice.below(40) as i32) * MICROS_PER_DAY);
        assert_eq!(restarted.log, straight.log, "after {starts} starts");
        // A version counts the records that are known of the unit, which erased ones no longer are.
        let unversioned = |shown: &[Record]| -> Vec<Record> {
            shown.iter().map(|record| Record { version: 0, ..record.clone() }).collect()
        };
        assert!(unversioned(&restarted.shown) == unversioned(&straight.shown), "after {starts} starts");
        if cut == 0 {
            break;
        }
        if dice.below(2) == 0 || rest.is_empty() {
            write(&mut writing, &mut restarted.shard);
            let (back, _, manifest) = restore(dir.path(), plan(&bench.catalogue));
            assert_eq!(back.leaving(), restarted.shard.leaving(), "who is yet to leave follows from the records");
            restarted.go_on(back);
            writing = writer(dir.path(), Some(manifest));
            starts += 1;
        }
    }
    assert_eq!(sorted(standing_rows(&restarted.shard)), sorted(standing_rows(&straight.shard)));
    println!("{starts} starts, {} alerts, {} ended since their persons left", straight.log.len(), left(&straight.log));
    assert!(starts >= 4 && left(&straight.log) > 3, "{starts} {}", left(&straight.log));
}

#[test]
fn nothing_is_left_of_who_has_left_in_memory_or_on_disk() {
    let bench = Bench::new();
    let draw = drawn(1, PERSONS).next().expect("a draw");
    let told = leaving(&bench, &draw);
    let messages = told.recording.messages();
    let all: Vec<&Message> = messages.iter().collect();
    let end = all.last().unwrap().known_time.next_midnight().0;
    let mut live = Live::new(bench.rules());
    live.settle(&all, end);
    let dir = tempfile::tempdir().unwrap();
    let mut writing = writer(dir.path(), None);
    write(&mut writing, &mut live.shard);
    let subjects = |shard: &Shard| -> BTreeSet<String> {
        let named = shard.history().persons().map(|(_, person)| person.subject.to_string());
        named.filter(|subject| !subject.is_empty()).collect()
    };
    let before = subjects(&live.shard);
    assert!(before.iter().all(|subject| is_in_names(dir.path(), subject)), "the test finds what is there");
    let planted: Vec<&str> = before.iter().map(String::as_str).filter(|subject| subject.starts_with('p')).collect();
    let text = |subject: &str| format!("{subject}:p1");
    assert!(planted.iter().any(|subject| holds(dir.path(), &text(subject))), "as the text of a permit, too");

    // Years later, of nobody who has a permit that ends.
    live.settle(&[], end + 4_000 * MICROS_PER_DAY);
    let bytes = live.shard.history().shared_bytes();
    live.shard.erase_live(0);
    while live.shard.struck() > 0 {
        live.shard.erase_live(0);
    }
    let after = subjects(&live.shard);
    let gone: Vec<&String> = before.iter().filter(|subject| !after.contains(*subject)).collect();
    assert!(gone.len() > PERSONS / 2, "{} of {}", gone.len(), before.len());
    // `keep` generations, of which the newest is a whole one.
    (0..4).for_each(|_| {
        live.shard.touch_some(1);
        write(&mut writing, &mut live.shard);
    });
    // `anchors` names the holder and the permit, and is about the anchor.
    let anchors = told.recording.records().iter().filter(|record| record.table == TableId::Anchors);
    let anchored: BTreeSet<String> = anchors.map(|record| format!("{:?}", record.values)).collect();
    for subject in gone.iter().filter(|subject| !anchored.iter().any(|values| values.contains(subject.as_str()))) {
        assert!(!is_in_names(dir.path(), subject), "{subject} is on disk");
        if let Some(place) = place_of(dir.path(), &text(subject)) {
            panic!("{subject} is on disk: {place}");
        }
        assert_eq!(live.shard.history().person_no(subject), None);
    }
    let less = live.shard.history().shared_bytes();
    println!("{} of {} gone; {bytes} bytes of rows, then {less}", gone.len(), before.len());
    assert!(less < bytes, "{less} of {bytes}");
    // What is left is whole.
    let (back, ..) = restore(dir.path(), plan(&bench.catalogue));
    assert_eq!(subjects(&back), after);
    assert_eq!(sorted(standing_rows(&back)), sorted(standing_rows(&live.shard)));
}

/// Whether some file of the directory has the bytes of a text.
fn holds(dir: &Path, text: &str) -> bool {
    files(dir).iter().any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
}

/// What stands around a text that some file has.
fn place_of(dir: &Path, text: &str) -> Option<String> {
    let is_there = |window: &[u8]| window == text.as_bytes();
    let around = |bytes: &[u8], at: usize| {
        String::from_utf8_lossy(&bytes[at.saturating_sub(200)..(at + 200).min(bytes.len())]).into_owned()
    };
    files(dir).iter().find_map(|bytes| bytes.windows(text.len()).position(is_there).map(|at| around(bytes, at)))
}

/// The same for a name, which its length stands before.
fn is_in_names(dir: &Path, subject: &str) -> bool {
    holds(dir, &format!("{}{subject}", char::from(subject.len() as u8)))
}

fn files(dir: &Path) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => out.extend(files(&entry.path())),
            false => out.push(std::fs::read(entry.path()).unwrap()),
        }
    }
    out
}
