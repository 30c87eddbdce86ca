//! Aim: what stands once all has been read follows from what the records say, never from the order in which they came: versions
//! of a record, records of a person, copies of a version with the same or another content, a whole history at one instant. In
//! every table, by engine and by batch query.
//! Method: the random persons of `property`, with several versions of every third record, some told twice. Two kinds of order:
//! a history that comes within one day (forwards, backwards, shuffled, at one instant), and versions that change places with one
//! another at the times at which their record was heard of, as far as no decision on a permit lies between. What is compared is
//! what stands, not since when. Whoever leaves the population does so by the day on which permits became known, which stays.

use std::collections::{BTreeMap, BTreeSet};

use permitwatch::model::record::{Message, Record, Value};
use permitwatch::model::schema::{Feed, TableId};
use permitwatch::model::time::{Day, KnownTime, MICROS_PER_DAY, format_micros};
use permitwatch::oracle::StandingRow;
use permitwatch::tools::cases::Recording;

use crate::drive::{Dice, Ran, batch, strict, visibility};
use crate::property::{Bench, Draw, Kind, Twist, bend, drawn, fnv, words};

const SETS: u32 = 4;
const PERSONS: usize = 60;
const MINUTE: i64 = 60_000_000;

/// The persons of a draw, with more versions of their records, some of them twice.
fn with_versions(bench: &Bench, draw: &Draw) -> Vec<Record> {
    let mut groups: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    for record in bench.stock.recording(draw).records() {
        let is_name = |c: &char| *c == 'p' || c.is_ascii_digit();
        let name =
            if record.table.is_person() { record.subject.chars().take_while(is_name).collect() } else { "-".into() };
        groups.entry(name).or_default().push(record.clone());
    }
    for (name, records) in &mut groups {
        let mut dice = Dice(draw.shuffle ^ fnv(name.as_bytes()));
        for at in 0..records.len() {
            if records[at].values.is_empty() {
                continue;
            }
            if matches!(records[at].table, TableId::EmployerMonths | TableId::Anchors) {
                // Few cases have one.
                let (other, days) = (dice.next() as u16, dice.below(70) as i64);
                bend(records, Twist { kind: Kind::Correct, at: at as u16, other, days, minutes: 1 });
            }
            if dice.below(3) > 0 {
                continue;
            }
            for _ in 0..=dice.below(3) {
                let kind =
                    *dice.pick(&[Kind::Correct, Kind::Correct, Kind::Stale, Kind::Retract, Kind::Revive, Kind::Repeat]);
                let (other, days, minutes) = (dice.next() as u16, dice.below(70) as i64, dice.below(1_440) as i64);
                let before = records.len();
                bend(records, Twist { kind, at: at as u16, other, days, minutes });
                if let (Kind::Correct | Kind::Stale, true) = (kind, records.len() > before && dice.below(3) == 0) {
                    // A copy of the version at hand, saying something else.
                    let version = records[at].version;
                    records.last_mut().expect("it was pushed").version = version;
                }
            }
        }
    }
    let mut records: Vec<Record> = groups.into_values().flatten().collect();
    // True and registered before it was heard of, at whatever time of its record that will be.
    let mut first_known: BTreeMap<(TableId, Box<str>, Box<str>), i64> = BTreeMap::new();
    let key = |record: &Record| (record.table, record.subject.clone(), record.record_key.clone());
    for record in &records {
        let first = first_known.entry(key(record)).or_insert(i64::MAX);
        *first = record.known_time.0.min(*first);
    }
    for record in &mut records {
        let first = first_known[&key(record)];
        (record.registered_at, record.event_time.0) = (record.registered_at.min(first), record.event_time.0.min(first));
    }
    records
}

/// The main person of those who belong together.
fn group(subject: &str) -> &str {
    let end = subject.find(|c: char| c != 'p' && !c.is_ascii_digit());
    &subject[..end.unwrap_or(subject.len())]
}

/// All of it within one day, the permits feed two hours before the rest, in the order in which `order` ranks the records.
fn within_a_day(records: &[Record], order: &mut dyn FnMut(&Record) -> (i64, u64), spread: bool) -> Recording {
    let latest = |record: &Record| record.known_time.0.max(record.event_time.0).max(record.registered_at);
    let from = KnownTime(records.iter().map(latest).max().unwrap_or_default()).next_midnight().0;
    let mut ranked: Vec<((i64, u64), Record)> = records.iter().map(|record| (order(record), record.clone())).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    let step = 60 * MINUTE / (ranked.len() as i64 + 1);
    let place = |(at, (_, record)): (usize, ((i64, u64), Record))| {
        let is_first = matches!(record.table.def().feed, Feed::Permits | Feed::Reference);
        let hour = if is_first { 60 * MINUTE } else { 180 * MINUTE };
        let known = from + hour + if spread { at as i64 * step } else { 0 };
        Record { known_time: KnownTime(known), ..record }
    };
    Recording::new(ranked.into_iter().enumerate().map(place).collect())
}

/// The versions of each record at one another's times, as far as the same decisions had been taken and the person was in the
/// population; those of permits stay, since they decide who is.
fn at_anothers_times(records: &[Record], dice: &mut Dice) -> Recording {
    let (decided, _) = TableId::Permits.def().column("decided_on").expect("a column");
    let mut decisions: BTreeSet<i64> = BTreeSet::new();
    let mut bounds: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    for record in records.iter().filter(|record| record.table == TableId::Permits) {
        if let Some(Value::Day(day)) = record.values.get(decided) {
            decisions.extend([i64::from(*day), i64::from(*day) + 1]);
        }
        bounds.entry(&record.subject).or_default().extend(population_bounds(record));
    }
    type Group<'a> = (TableId, &'a str, &'a str, usize, usize);
    let mut groups: BTreeMap<Group<'_>, Vec<usize>> = BTreeMap::new();
    for (at, record) in records.iter().enumerate().filter(|(_, record)| record.table != TableId::Permits) {
        let epoch = decisions.range(..=record.known_time.0.div_euclid(MICROS_PER_DAY)).count();
        let of_subject = bounds.get(&*record.subject);
        let scope = of_subject.map_or(0, |bounds| bounds.range(..=record.known_time.0).count());
        groups.entry((record.table, &record.subject, &record.record_key, epoch, scope)).or_default().push(at);
    }
    let mut out = records.to_vec();
    for places in groups.values() {
        let mut times: Vec<KnownTime> = places.iter().map(|at| records[*at].known_time).collect();
        for at in (1..times.len()).rev() {
            times.swap(at, dice.below(at + 1));
        }
        places.iter().zip(times).for_each(|(at, time)| out[*at].known_time = time);
    }
    Recording::new(out)
}

/// When a version of a permit may bring its holder into the population, or let the holder out of it.
fn population_bounds(permit: &Record) -> Vec<i64> {
    let visibility = visibility();
    let ends = ["valid_to", "ended_on"].map(|name| {
        let (at, _) = TableId::Permits.def().column(name).expect("a column");
        match permit.values.get(at) {
            Some(Value::Day(day)) => Some(Day(*day)),
            _ if permit.values.is_empty() => Some(permit.known_time.day()),
            _ => None,
        }
    });
    let out = |end: Day| Some(Day(end.add_months(visibility.aftercare_months)?.0 + 1).instant());
    let out = ends.into_iter().flatten().filter_map(out);
    let known = permit.known_time;
    out.chain([known.0, known.0 + visibility.permit_lead, known.day().next().instant()]).collect()
}

/// What stands, without since when.
fn stands(rows: &[StandingRow]) -> BTreeSet<(String, String, String, String, &'static str)> {
    let row = |row: &StandingRow| {
        // It is stronger if an indication stood before the declarations came: that is a question of when.
        let severity = if row.rule_id == "declarations-backfilled" { "any" } else { row.severity.name() };
        (row.rule_id.clone(), row.person.clone(), row.subject.clone(), row.alert_key.clone(), severity)
    };
    rows.iter().map(row).collect()
}

fn ends(recording: &Recording) -> Vec<i64> {
    let last = recording.records().iter().map(|record| record.known_time).max().unwrap_or(KnownTime(0));
    [1, 40, 200].map(|days| last.next_midnight().0 + days * MICROS_PER_DAY).into()
}

fn engine(bench: &Bench, recording: &Recording, clocks: &[i64]) -> Ran {
    let messages = recording.messages();
    let (rules, ran) = strict(bench.rules(), &messages.iter().collect::<Vec<&Message>>(), usize::MAX, clocks);
    bench.give_back(rules);
    ran
}

/// Says what one order has that another has not, and the records of a person of whom it is said.
fn compare(wrong: &mut Vec<String>, what: &str, clock: i64, [one, other]: [&[StandingRow]; 2], records: &[Record]) {
    let (one, other) = (stands(one), stands(other));
    if one == other || wrong.len() > 7 {
        return;
    }
    let mut said = String::new();
    let differ: Vec<_> = one.symmetric_difference(&other).collect();
    for row in differ.iter().take(40) {
        said += &format!("  {} {row:?}\n", if one.contains(row) { "only first:" } else { "only second:" });
    }
    if let Some((_, person, ..)) = differ.first() {
        let about = records.iter().filter(|record| *record.subject == **person || person.starts_with("employer="));
        said += &about.take(60).map(|record| words(record) + "\n").collect::<String>();
    }
    wrong.push(format!("{what}, at {}: {} rows differ\n{said}", format_micros(clock), differ.len()));
}

/// Counts records with several versions, and copies, by table.
fn count(records: &[Record], seen: &mut [[usize; 3]; TableId::COUNT]) {
    let mut keys: BTreeMap<_, Vec<&Record>> = BTreeMap::new();
    for record in records {
        keys.entry((record.table, &record.subject, &record.record_key)).or_default().push(record);
    }
    for ((table, ..), versions) in keys {
        let distinct: BTreeSet<i64> = versions.iter().map(|record| record.version).collect();
        let seen = &mut seen[table.index()];
        seen[0] += 1;
        seen[1] += usize::from(distinct.len() > 1);
        seen[2] += versions.len() - distinct.len();
    }
}

#[test]
fn a_history_that_comes_at_once_stands_as_it_does_in_any_other_order() {
    let bench = Bench::new();
    let seen = std::cell::RefCell::new([[0; 3]; TableId::COUNT]);
    let mut wrong = Vec::new();
    for draw in &drawn(SETS, PERSONS).collect::<Vec<_>>() {
        let records = with_versions(&bench, draw);
        count(&records, &mut seen.borrow_mut());
        let mut dice = Dice(draw.shuffle);
        let version = |record: &Record| (record.version, 0);
        let forwards = within_a_day(&records, &mut |record| version(record), true);
        let clocks = ends(&forwards);
        let wanted = engine(&bench, &forwards, &clocks).standing;
        wanted.iter().for_each(|rows| bench.count(0, rows.len()));
        let mut orders = vec![("backwards", within_a_day(&records, &mut |record| (-record.version, 1), true))];
        for what in ["shuffled", "shuffled again"] {
            orders.push((what, within_a_day(&records, &mut |_| (0, dice.next()), true)));
        }
        orders.push(("at one instant", within_a_day(&records, &mut |_| (0, dice.next()), false)));
        for (what, recording) in &orders {
            let standing = engine(&bench, recording, &clocks).standing;
            for ((clock, rows), wanted) in clocks.iter().zip(&standing).zip(&wanted) {
                compare(&mut wrong, &format!("{what} (first), forwards (second)"), *clock, [rows, wanted], &records);
                bench.count(1, 1);
            }
        }
        for (what, recording) in orders.iter().skip(1).step_by(2) {
            let rows = batch(&bench.catalogue, &recording.tables(), clocks[0]);
            compare(
                &mut wrong,
                &format!("batch, {what} (first), engine, forwards (second)"),
                clocks[0],
                [&rows, &wanted[0]],
                &records,
            );
            bench.count(2, 1);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{:<22}{:>9}{:>19}{:>8}", "table", "records", "several versions", "copies");
    for (table, [records, several, copies]) in TableId::ALL.into_iter().zip(*seen.borrow()) {
        if table.is_link() {
            continue;
        }
        println!("{:<22}{records:>9}{several:>19}{copies:>8}", table.name());
        // Terms are everybody's, and stay as they are.
        assert!(table == TableId::Terms || several > 0, "{}: {several} records with several versions", table.name());
    }
    let [standing, orders, batches] = *bench.compared.borrow();
    println!("{standing} alerts standing, compared with {orders} other orders and {batches} batch queries");
    assert!(standing > 100, "only {standing} alerts stood");
}

#[test]
fn versions_that_change_places_leave_the_same_standing() {
    let bench = Bench::new();
    let skipped = std::cell::Cell::new(0);
    let mut wrong = Vec::new();
    for draw in &drawn(SETS, PERSONS).collect::<Vec<_>>() {
        let records = with_versions(&bench, draw);
        let told = Recording::new(records.clone());
        let clocks = ends(&told);
        let wanted = engine(&bench, &told, &clocks);
        wanted.standing.iter().for_each(|rows| bench.count(0, rows.len()));
        let mut dice = Dice(draw.shuffle);
        for number in 0..4 {
            let recording = at_anothers_times(&records, &mut dice);
            let ran = engine(&bench, &recording, &clocks);
            if number == 0 {
                let rows = batch(&bench.catalogue, &recording.tables(), clocks[0]);
                compare(&mut wrong, "batch (first), engine (second)", clocks[0], [&rows, &ran.standing[0]], &records);
                bench.count(2, 1);
            }
            // Another order, another scope: what is not read is by what the permits feed had said.
            let others: BTreeSet<&str> = ran
                .rows
                .iter()
                .filter(|(of, rows)| wanted.rows.get(*of) != Some(rows))
                .map(|(of, _)| group(of))
                .collect();
            skipped.set(skipped.get() + others.len());
            let compared = |rows: &[StandingRow]| -> Vec<StandingRow> {
                let is_one = |row: &&StandingRow| {
                    if row.person.contains('=') { others.is_empty() } else { !others.contains(group(&row.person)) }
                };
                rows.iter().filter(is_one).cloned().collect()
            };
            for ((clock, rows), wanted) in clocks.iter().zip(&ran.standing).zip(&wanted.standing) {
                let (rows, wanted) = (compared(rows), compared(wanted));
                compare(&mut wrong, "changed places (first), as told (second)", *clock, [&rows, &wanted], &records);
                bench.count(1, rows.len());
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let [standing, compared, batches] = *bench.compared.borrow();
    println!(
        "{standing} alerts standing, {compared} compared in other orders, {batches} batch queries; {} persons of another scope",
        skipped.get()
    );
    assert!(standing > 100 && compared > standing, "{standing} alerts, {compared} compared");
}
