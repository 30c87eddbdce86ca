//! Aim: whatever the registers say in whatever order, the engine in strict order has standing what the plain query finds;
//! its log does not depend on cuts or partitions; live order ends with the same.
//! Method: persons are drawn from the rules' own cases, two at a time now and then, and twisted: late, corrected,
//! retracted, sent twice, sent in the wrong order, moved by a day or a krona. `PERMITWATCH_PROPERTY_SETS` draws more, `PERMITWATCH_PROPERTY_SHRINK` makes a set that fails smaller.

use std::cell::RefCell;

use permitwatch::catalogue::Catalogue;
use permitwatch::model::alert::Alert;
use permitwatch::model::clock::Spoken;
use permitwatch::model::partition::partition_of;
use permitwatch::model::purpose::Purpose;
use permitwatch::model::record::{Message, Offset, Op, Record, Value};
use permitwatch::model::schema::{ColumnType, Feed, TableId};
use permitwatch::model::time::{KnownTime, MICROS_PER_DAY, format_micros};
use permitwatch::oracle::StandingRow;
use permitwatch::rules::RuleSet;
use permitwatch::shard::{Order, Pass, Shard};
use permitwatch::tools::cases::{Case, CaseFile, Recording};
use permitwatch::tools::replay::standing_rows;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::drive::{
    Dice, SEED, batch, case_file, catalogue, difference, lagging_batch, log_bytes, plan, records_of, shard, sorted,
    strict, visibility,
};

/// Sets drawn, unless the environment says otherwise: few and large, for a batch query costs the same for one person as for many.
const SETS: u32 = 8;

/// A person: one case, perhaps a second one laid over it (see [`Stock::case`]), and what is done to the records.
#[derive(Clone, Debug)]
struct Plot {
    first: u64,
    second: Option<u64>,
    twists: Vec<Twist>,
}

#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Drop,
    /// Told again, the same version.
    Repeat,
    Retract,
    /// A new version with one value of another record of its table.
    Correct,
    /// A version older than the one at hand, with another value.
    Stale,
    /// Retracted, then told again.
    Revive,
    Late,
    /// Another day in one of its dates.
    OtherDay,
    /// Another amount.
    OtherAmount,
    /// True or registered long before or after it is known.
    OddTimes,
    /// Disclosed for another purpose.
    OtherPurpose,
}

#[derive(Clone, Copy, Debug)]
pub struct Twist {
    pub kind: Kind,
    pub at: u16,
    pub other: u16,
    pub days: i64,
    pub minutes: i64,
}

/// A set of persons, what cuts it, and when it is looked at.
#[derive(Clone, Debug)]
pub struct Draw {
    plots: Vec<Plot>,
    cut: usize,
    clock: u16,
    pub shuffle: u64,
}

fn draws(persons: usize) -> impl Strategy<Value = Draw> {
    use Kind::*;
    let kind = prop::sample::select(vec![
        Drop,
        Repeat,
        Retract,
        Correct,
        Stale,
        Revive,
        Late,
        OtherDay,
        OtherAmount,
        OddTimes,
        OtherPurpose,
    ]);
    let days = prop_oneof![3 => 0..3i64, 3 => 0..70i64, 1 => 0..900i64];
    let minutes = prop_oneof![2 => Just(0i64), 1 => 0..1440i64];
    let twist = (kind, any::<u16>(), any::<u16>(), days, minutes).prop_map(|(kind, at, other, days, minutes)| Twist {
        kind,
        at,
        other,
        days,
        minutes,
    });
    let second = prop_oneof![3 => Just(None), 1 => any::<u64>().prop_map(Some)];
    let plot = (any::<u64>(), second, prop::collection::vec(twist, 0..6));
    let plot = plot.prop_map(|(first, second, twists)| Plot { first, second, twists });
    (prop::collection::vec(plot, persons / 2..=persons), 1..60usize, any::<u16>(), any::<u64>())
        .prop_map(|(plots, cut, clock, shuffle)| Draw { plots, cut, clock, shuffle })
}

/// All cases of all rules, each with a hash of its name.
pub struct Stock(pub Vec<(u64, CaseFile, Case)>);

/// FNV-1a: the same on every machine and in every version of the compiler.
pub fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

impl Stock {
    fn read(catalogue: &Catalogue) -> Stock {
        let files = catalogue.rules.iter().map(|rule| (&rule.header.id, case_file(&rule.header.id)));
        let cases = files.flat_map(|(rule, file)| {
            let named = |case: &Case| fnv(format!("{rule} {}", case.name).as_bytes());
            file.case.clone().into_iter().map(|case| (named(&case), file.clone(), case)).collect::<Vec<_>>()
        });
        Stock(cases.collect())
    }

    /// The case that ranks first by the draw and its name, so that a case more or fewer leaves all others' persons as they are (rendezvous
    /// hashing).
    fn case(&self, drawn: u64) -> (&CaseFile, &Case) {
        let (_, file, case) =
            self.0.iter().max_by_key(|(name, ..)| Dice(drawn ^ name).next()).expect("there are cases");
        (file, case)
    }

    pub fn recording(&self, draw: &Draw) -> Recording {
        let mut out: Vec<(u64, Record)> = Vec::new();
        for (number, plot) in draw.plots.iter().enumerate() {
            let mut dice = Dice(draw.shuffle ^ plot.first);
            let mut records = self.person(plot, &person_name(number));
            plot.twists.iter().for_each(|twist| bend(&mut records, *twist));
            out.extend(records.into_iter().map(|record| (dice.next(), record)));
        }
        // Terms are everybody's: one of each version is enough.
        let mut seen = std::collections::BTreeSet::new();
        out.retain(|(_, record)| {
            record.table != TableId::Terms || seen.insert((record.record_key.clone(), record.version))
        });
        // Of what is known at one instant the order of arrival is anyone's guess.
        out.sort_by_key(|(order, record)| (record.known_time, *order));
        Recording::new(out.into_iter().map(|(_, record)| record).collect())
    }

    fn person(&self, plot: &Plot, name: &str) -> Vec<Record> {
        let (file, case) = self.case(plot.first);
        let mut records = records_of(file, case, name);
        if let Some(second) = plot.second {
            let (file, case) = self.case(second);
            let other = format!("{name}/");
            let over = records_of(file, case, &other);
            records.extend(over.into_iter().map(|mut record| {
                for value in record.values.iter_mut().filter(|value| **value == Value::Text(other.as_str().into())) {
                    *value = Value::Text(name.into());
                }
                if record.table.is_person() {
                    if *record.subject == *other {
                        record.subject = name.into();
                    }
                    record.record_key = format!("second:{}", record.record_key).into();
                }
                record
            }));
        }
        records
    }
}

pub fn bend(records: &mut Vec<Record>, twist: Twist) {
    if records.is_empty() {
        return;
    }
    let at = twist.at as usize % records.len();
    if records[at].table == TableId::Terms {
        return;
    }
    let later = twist.days * MICROS_PER_DAY + twist.minutes * 60_000_000;
    let mut copy = records[at].clone();
    copy.known_time.0 += later;
    copy.registered_at = copy.known_time.0;
    match twist.kind {
        Kind::Drop => drop(records.remove(at)),
        Kind::Repeat => records.push(copy),
        Kind::Retract => {
            copy.version += 1;
            copy.op = Op::Retract;
            copy.values.clear();
            records.push(copy);
        }
        // A correction of what was retracted would say nothing: a message without its values is set aside, and tables of such rows are refused.
        Kind::Correct | Kind::Stale if copy.values.is_empty() => {}
        Kind::Correct | Kind::Stale => {
            copy.version += if matches!(twist.kind, Kind::Correct) { 1 } else { -1 };
            copy.op = Op::Correct;
            let same = |record: &&Record| record.table == copy.table && record.values.len() == copy.values.len();
            let same: Vec<&Record> = records.iter().filter(same).collect();
            let donor = same.get(twist.other as usize % same.len().max(1));
            if let Some(donor) = donor {
                let column = (twist.other / 7) as usize % copy.values.len();
                let ty = copy.table.def().columns[column].ty;
                // A permit has one holder: the id of another person's is none of one's own.
                let is_anothers = ty == ColumnType::Permit && donor.subject != copy.subject;
                let is_identifier = ty.is_tagged() && !copy.table.is_person();
                if !is_identifier
                    && !is_anothers
                    && (donor.values[column] != Value::Null || !copy.table.def().columns[column].required)
                {
                    copy.values[column] = donor.values[column].clone();
                }
            }
            move_day(&mut copy, twist.other, twist.days % 5 - 2);
            records.push(copy);
        }
        Kind::Revive => {
            let mut gone = copy.clone();
            gone.version += 1;
            gone.op = Op::Retract;
            gone.values.clear();
            copy.version += 2;
            copy.known_time.0 += later;
            records.extend([gone, copy]);
        }
        Kind::Late => {
            records[at].known_time.0 += later;
        }
        Kind::OtherDay => move_day(&mut records[at], twist.other, twist.days - 20),
        Kind::OtherAmount => {
            for value in &mut records[at].values {
                if let Value::Int(amount) = value {
                    *amount += i64::from(twist.other % 4_001) - 2_000;
                }
            }
        }
        Kind::OtherPurpose => records[at].purpose = Purpose::NAMES[twist.other as usize % Purpose::NAMES.len()].into(),
        Kind::OddTimes => {
            let records = &mut records[at];
            let by = (twist.days - 100) * MICROS_PER_DAY;
            if twist.other.is_multiple_of(2) { records.event_time.0 += by } else { records.registered_at += by }
        }
    }
}

/// Moves one of the record's days, never a month of the calendar.
fn move_day(record: &mut Record, which: u16, by: i64) {
    let columns = record.table.def().columns;
    let days: Vec<usize> = (0..record.values.len())
        .filter(|at| columns[*at].name != "month" && matches!(record.values[*at], Value::Day(_)))
        .collect();
    if let Some(&at) = days.get(which as usize % days.len().max(1))
        && let Value::Day(day) = &mut record.values[at]
    {
        *day += by as i32;
    }
}

/// Clocks to look at: a moment or a day at which something may happen, and the end.
pub fn clocks(recording: &Recording, draw: &Draw) -> Vec<i64> {
    let known: Vec<i64> = recording.records().iter().map(|record| record.known_time.0).collect();
    let Some(&last) = known.last() else { return vec![0] };
    let at = draw.clock;
    let near = known[at as usize % known.len()];
    let days = i64::from(at / 7 % 200) - 20;
    let first = if at.is_multiple_of(3) { near } else { (near / MICROS_PER_DAY + days) * MICROS_PER_DAY };
    let mut clocks = vec![first];
    // A midnight: what a rule with a cadence sees is then what everybody sees, in either order.
    clocks.push(KnownTime(last).next_midnight().0 + i64::from(draw.cut as u32) * MICROS_PER_DAY);
    clocks.sort_unstable();
    clocks.dedup();
    clocks
}

/// Feeds one after the other in any order that a live merge may take, with settlings anywhere; then every clock at the end.
pub fn live(rules: RuleSet, messages: &[Message], end: i64, seed: u64) -> (RuleSet, Vec<StandingRow>) {
    let mut dice = Dice(seed);
    let lead = visibility().permit_lead;
    let mut lanes: Vec<Vec<&Message>> = vec![Vec::new(); Feed::COUNT];
    messages.iter().for_each(|message| lanes[message.feed.index()].push(message));
    let mut next = [0; Feed::COUNT];
    let mut shard = shard(Order::Live, rules);
    loop {
        let head = |feed: Feed| lanes[feed.index()].get(next[feed.index()]).copied();
        let permits = head(Feed::Permits).map_or(i64::MAX, |message| message.known_time.0);
        let free = |feed: &Feed| {
            let needs_permits = !matches!(feed, Feed::Permits | Feed::Reference);
            head(*feed).is_some_and(|message| !needs_permits || message.known_time.0 - lead < permits)
        };
        let open: Vec<Feed> = Feed::ALL.into_iter().filter(free).collect();
        if open.is_empty() {
            break;
        }
        let feed = *dice.pick(&open);
        for _ in 0..=dice.below(5) {
            let head = lanes[feed.index()].get(next[feed.index()]).copied();
            let Some(message) = head else { break };
            let waits = !matches!(feed, Feed::Permits | Feed::Reference) && message.known_time.0 - lead >= permits;
            if waits {
                break;
            }
            shard.take(message);
            next[feed.index()] += 1;
        }
        if dice.below(4) == 0 {
            settle_all(&mut shard);
        }
    }
    for feed in Feed::SOURCES {
        shard.take(&clock(feed, end));
    }
    settle_all(&mut shard);
    for feed in [Feed::Links, Feed::Derived] {
        shard.advance_clock(feed, KnownTime(end));
    }
    settle_all(&mut shard);
    let standing = sorted(standing_rows(&shard));
    (shard.into_rule_set(), standing)
}

/// Settles, and carries over what units show one another, until nobody has more to show.
fn settle_all(shard: &mut Shard) {
    loop {
        shard.settle_live();
        let records = shard.take_outgoing();
        if records.is_empty() {
            return;
        }
        shard.take_linked(&records);
    }
}

fn clock(feed: Feed, known: i64) -> Message {
    Message {
        feed,
        partition: 0,
        offset: Offset(i64::MAX),
        known_time: KnownTime(known),
        key: None,
        payload: None,
        claimed_time: None,
        sent_at: None,
    }
}

pub struct Bench {
    pub catalogue: Catalogue,
    pub stock: Stock,
    rules: RefCell<Option<RuleSet>>,
    /// What was compared, so that a test that compares nothing is noticed.
    pub compared: RefCell<[usize; 3]>,
}

impl Bench {
    pub fn new() -> Bench {
        let catalogue = catalogue();
        let stock = Stock::read(&catalogue);
        let rules = RefCell::new(Some(plan(&catalogue)));
        Bench { catalogue, stock, rules, compared: RefCell::default() }
    }

    pub fn rules(&self) -> RuleSet {
        self.rules.borrow_mut().take().unwrap_or_else(|| plan(&self.catalogue))
    }

    pub fn give_back(&self, rules: RuleSet) {
        *self.rules.borrow_mut() = Some(rules);
    }

    pub fn count(&self, what: usize, by: usize) {
        self.compared.borrow_mut()[what] += by;
    }
}

/// How person `number` of a set is called.
fn person_name(number: usize) -> String {
    format!("p{number:02}")
}

fn number(variable: &str) -> Option<u32> {
    std::env::var(variable).ok().and_then(|number| number.parse().ok())
}

/// Runs a property over sets of persons, the same ones each time.
pub fn run(sets: u32, persons: usize, bench: &Bench, property: impl Fn(&Draw) -> Result<(), String>) {
    let more = number("PERMITWATCH_PROPERTY_SETS");
    // A set is not shrunk unless asked for: each try takes seconds, and the persons of whom the failure speaks are told apart anyway.
    let shrink = number("PERMITWATCH_PROPERTY_SHRINK").unwrap_or(0);
    let config = Config {
        cases: more.unwrap_or(sets),
        max_shrink_iters: shrink,
        failure_persistence: None,
        ..Config::default()
    };
    let seed: Vec<u8> = SEED.to_le_bytes().into_iter().cycle().take(32).collect();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let outcome = runner.run(&draws(persons), |draw| property(&draw).map_err(TestCaseError::fail));
    if let Err(proptest::test_runner::TestError::Fail(reason, draw)) = outcome {
        let reason = reason.to_string();
        let all = (0..draw.plots.len()).all(|number| !reason.contains(&person_name(number)));
        let concerned = |name: &str| all || reason.contains(name);
        let names = draw.plots.iter().enumerate().filter(|(number, _)| concerned(&person_name(*number)));
        let names = names.map(|(number, plot)| {
            let second = plot.second.map(|second| format!(" + {:?}", bench.stock.case(second).1.name));
            let first = &bench.stock.case(plot.first).1.name;
            format!("  {} {first:?}{} {:?}\n", person_name(number), second.unwrap_or_default(), plot.twists)
        });
        let names: String = names.collect();
        let recording = bench.stock.recording(&draw);
        let own = |record: &&Record| {
            let name = record.subject.split([':', '/']).next().unwrap_or_default();
            !record.table.is_person() || concerned(name)
        };
        let records: String = recording.records().iter().filter(own).map(|record| words(record) + "\n").collect();
        panic!("{reason}\npersons:\n{names}cut {} clock {}\nrecords:\n{records}", draw.cut, draw.clock);
    } else {
        outcome.unwrap();
    }
}

/// Sets of persons, the same ones each time, for a property that a smaller set would take too long to show.
pub fn drawn(sets: u32, persons: usize) -> impl Iterator<Item = Draw> {
    let more = number("PERMITWATCH_PROPERTY_SETS");
    let seed: Vec<u8> = SEED.to_le_bytes().into_iter().cycle().take(32).collect();
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let draws = draws(persons);
    (0..more.unwrap_or(sets)).map(move |_| draws.new_tree(&mut runner).expect("draws are total").current())
}

pub fn words(record: &Record) -> String {
    let columns = record.table.def().columns.iter().zip(&record.values);
    let values = columns.filter(|(_, value)| **value != Value::Null).map(|(column, value)| match value {
        Value::Day(day) => format!(" {}={}", column.name, permitwatch::model::time::Day(*day)),
        other => format!(" {}={other:?}", column.name),
    });
    format!(
        "  {} {} {} {} v{} {} event {} registered {}{}",
        KnownTime(record.known_time.0),
        record.table.name(),
        record.subject,
        record.record_key,
        record.version,
        record.op.name(),
        format_micros(record.event_time.0),
        format_micros(record.registered_at),
        values.collect::<String>()
    )
}

#[test]
fn strict_order_has_standing_what_the_batch_query_finds() {
    let bench = Bench::new();
    run(SETS, 80, &bench, |draw| {
        let recording = bench.stock.recording(draw);
        let clocks = clocks(&recording, draw);
        let messages = recording.messages();
        let (rules, ran) = strict(bench.rules(), &messages.iter().collect::<Vec<_>>(), draw.cut, &clocks);
        bench.give_back(rules);
        if ran.fates.total() != messages.len() as u64 {
            return Err(format!("{} messages, {} fates", messages.len(), ran.fates.total()));
        }
        if let Some(error) = ran.quarantined.iter().find(|bad| bad.reason.name() == "rule_error") {
            return Err(format!("a rule failed: {}", error.detail));
        }
        let tables = recording.tables();
        for (clock, engine) in clocks.iter().zip(&ran.standing) {
            let mut batch = batch(&bench.catalogue, &tables, *clock);
            let mut engine = engine.clone();
            if clock % MICROS_PER_DAY != 0 {
                // Rules with a cadence are where they were at midnight: tests/engine/cadence.rs.
                let is_daily = |row: &StandingRow| {
                    let rule = bench.catalogue.rule(&row.rule_id);
                    rule.is_some_and(|rule| rule.header.cadence.is_some())
                };
                batch.retain(|row| !is_daily(row));
                engine.retain(|row| !is_daily(row));
            }
            bench.count(0, 1);
            bench.count(1, batch.len());
            if engine != batch {
                let difference = difference(&engine, &batch);
                return Err(format!("at {} engine (first), batch (second):\n{difference}", format_micros(*clock)));
            }
        }
        bench.count(2, ran.log.len());
        Ok(())
    });
    let [queries, standing, transitions] = *bench.compared.borrow();
    println!("{queries} batch queries, {standing} alerts standing, {transitions} transitions");
    assert!(standing > 100, "only {standing} alerts stood: the histories do not breach anything");
}

/// The feeds reach the end, but for one or two that cannot be held up by the merge: those reach a moment or a day before.
fn lags(recording: &Recording, end: i64, dice: &mut Dice) -> Spoken {
    let known: Vec<i64> = recording.records().iter().map(|record| record.known_time.0).collect();
    let mut reached = Spoken([KnownTime(end); Feed::COUNT]);
    for _ in 0..=dice.below(2) {
        let feed = *dice.pick(&[Feed::Population, Feed::Border, Feed::Payments, Feed::Studies, Feed::Notices]);
        let near = *dice.pick(&known);
        let midnight = KnownTime(near).next_midnight().0 + dice.below(400) as i64 * MICROS_PER_DAY;
        let lag = *dice.pick(&[near, near - 1, midnight, midnight - 1]);
        reached.0[feed.index()] = KnownTime(lag.min(end));
    }
    reached
}

#[test]
fn what_waits_for_a_feed_that_lags_is_the_same_in_the_batch_query() {
    let bench = Bench::new();
    run(SETS, 60, &bench, |draw| {
        let mut dice = Dice(draw.shuffle ^ 7);
        let whole = bench.stock.recording(draw);
        let end = *clocks(&whole, draw).last().expect("an end");
        let reached = lags(&whole, end, &mut dice);
        let is_carried = |record: &&Record| record.known_time <= reached.of(record.table.def().feed);
        let recording = Recording::new(whole.records().iter().filter(is_carried).cloned().collect());
        let mut shard = shard(Order::Strict, bench.rules());
        shard.set_spoken(reached);
        for messages in recording.messages().chunks(draw.cut * 5) {
            messages.iter().for_each(|message| shard.take(message));
        }
        shard.settle(KnownTime(end));
        let engine = sorted(standing_rows(&shard));
        let waiting: usize = shard.waiting().iter().sum();
        bench.give_back(shard.into_rule_set());
        let found = lagging_batch(&bench.catalogue, &recording.tables(), end, reached);
        bench.count(0, found.standing.len());
        bench.count(1, waiting);
        let asked: usize = found.waiting.values().map(|(_, units)| units).sum();
        if engine != found.standing || waiting != asked {
            let difference = difference(&engine, &found.standing);
            return Err(format!(
                "{reached:?}, engine (first, {waiting} wait), batch (second, {asked} wait):\n{difference}"
            ));
        }
        Ok(())
    });
    let [standing, waiting, _] = *bench.compared.borrow();
    println!("{standing} alerts standing, {waiting} units wait");
    assert!(standing > 100 && waiting > 100, "{standing} {waiting}");
}

#[test]
fn the_log_depends_on_no_cut_and_no_partition() {
    let bench = Bench::new();
    let planned: RefCell<Vec<RuleSet>> = RefCell::new((0..8).map(|_| plan(&bench.catalogue)).collect());
    run(SETS, 24, &bench, |draw| {
        let recording = bench.stock.recording(draw);
        let end = clocks(&recording, draw).last().copied().into_iter().collect::<Vec<_>>();
        let messages = recording.messages();
        let all: Vec<&Message> = messages.iter().collect();
        let mut logs: Vec<(String, Vec<u8>)> = Vec::new();
        for cut in [100_000, 1, 7] {
            let (rules, ran) = strict(bench.rules(), &all, cut, &end);
            bench.give_back(rules);
            bench.count(0, ran.log.len());
            logs.push((format!("cut {cut}"), log_bytes(ran.log)));
        }
        for partitions in [2, 8] {
            let log = end.first().map(|end| spread(&planned, &messages, partitions, KnownTime(*end)));
            logs.push((format!("{partitions} partitions"), log_bytes(log.unwrap_or_default())));
        }
        for (what, log) in &logs[1..] {
            if *log != logs[0].1 {
                return Err(format!("{what}: {}", first_difference(&logs[0].1, log)));
            }
        }
        Ok(())
    });
    println!("{} transitions", bench.compared.borrow()[0]);
}

/// The messages through as many shards, which show one another what they have to show.
pub fn spread(planned: &RefCell<Vec<RuleSet>>, messages: &[Message], partitions: i32, end: KnownTime) -> Vec<Alert> {
    let mut shards: Vec<Shard> = Vec::new();
    for partition in 0..partitions {
        let rules = planned.borrow_mut().pop().expect("as many sets as shards");
        let mut shard = shard(Order::Strict, rules);
        let own = messages.iter().filter(|message| belongs(message, partition, partitions));
        own.filter(|message| message.known_time <= end).for_each(|message| shard.take(message));
        shards.push(shard);
    }
    shards.iter_mut().for_each(|shard| shard.let_leave(end));
    for feed in [Feed::Links, Feed::Derived] {
        shards.iter_mut().for_each(|shard| shard.link(feed));
        exchange(&mut shards);
    }
    let mut log = Vec::new();
    for pass in [Pass::Persons, Pass::Others] {
        log.extend(shards.iter_mut().flat_map(|shard| shard.settle_pass(end, pass)).map(|emitted| emitted.alert));
        exchange(&mut shards);
    }
    planned.borrow_mut().extend(shards.into_iter().map(Shard::into_rule_set));
    log
}

fn exchange(shards: &mut [Shard]) {
    let partitions = shards.len() as i32;
    let records: Vec<_> = shards.iter_mut().flat_map(Shard::take_outgoing).collect();
    for record in records {
        let to = partition_of(record.subject.as_bytes(), partitions) as usize;
        shards[to].take_linked(&[record]);
    }
}

fn belongs(message: &Message, partition: i32, partitions: i32) -> bool {
    message.feed == Feed::Reference
        || message.key.as_deref().is_none_or(|key| partition_of(key, partitions) == partition)
}

fn first_difference(one: &[u8], other: &[u8]) -> String {
    let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>();
    let (one, other) = (lines(one), lines(other));
    let at = one.iter().zip(&other).position(|(a, b)| a != b).unwrap_or(one.len().min(other.len()));
    format!("line {at} of {} and {}\n  {:?}\n  {:?}", one.len(), other.len(), one.get(at), other.get(at))
}

#[test]
fn live_order_ends_with_what_stands_in_strict_order() {
    let bench = Bench::new();
    run(SETS * 2, 40, &bench, |draw| {
        let recording = bench.stock.recording(draw);
        let end = *clocks(&recording, draw).last().expect("an end");
        let messages = recording.messages();
        let (rules, ran) = strict(bench.rules(), &messages.iter().collect::<Vec<_>>(), draw.cut, &[end]);
        let wanted = &ran.standing[0];
        let (rules, standing) = live(rules, &messages, end, draw.shuffle);
        bench.give_back(rules);
        bench.count(0, wanted.len());
        if standing != *wanted {
            return Err(format!("live (first), strict (second):\n{}", difference(&standing, wanted)));
        }
        Ok(())
    });
    println!("{} alerts standing", bench.compared.borrow()[0]);
}

/// A record too late for the kept history marks the alerts that stand when it comes, not those that a deadline raises later
/// in the same piece.
#[test]
fn a_late_record_marks_what_stands_at_its_moment() {
    let bench = Bench::new();
    let file = case_file("work-not-started");
    let named = |part: &str| file.case.iter().find(|case| case.name.contains(part)).expect("a case");
    let mut records = records_of(&file, named("no salary: weak"), "p");
    let paid = records_of(&file, named("salary from the second month"), "p");
    let paid = paid.into_iter().find(|record| record.table == TableId::Payments).expect("a payment");
    let day = |text| permitwatch::model::time::parse_day(text).expect("a day").instant();
    for known in ["2026-02-27", "2026-07-20"] {
        let mut late = paid.clone();
        late.record_key = format!("old:{known}").into();
        late.event_time.0 = day("2020-01-01");
        late.known_time.0 = day(known);
        late.registered_at = day(known);
        records.push(late);
    }
    let messages = Recording::new(records).messages();
    let all: Vec<&Message> = messages.iter().collect();
    let logs = [1, 100_000].map(|cut| {
        let (rules, ran) = strict(bench.rules(), &all, cut, &[day("2026-12-01")]);
        bench.give_back(rules);
        assert_eq!(ran.quarantined.len(), 2);
        let marked: Vec<String> = ran
            .log
            .iter()
            .filter(|alert| alert.rule_id == "work-not-started" && alert.reason.as_deref() == Some("late_record"))
            .map(|alert| alert.as_of[..10].to_owned())
            .collect();
        assert_eq!(marked, ["2026-07-20"], "cut {cut}");
        log_bytes(ran.log)
    });
    assert!(logs[0] == logs[1], "{}", first_difference(&logs[0], &logs[1]));
}
