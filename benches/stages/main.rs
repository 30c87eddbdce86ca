//! Micro-benchmarks of the stages: decode by table, gather by table, each rule's plan, the detector's diff, timers.
//!
//! All on the ladder's population. `cargo bench --bench stages -- rule/salary` runs those whose names contain the text. Rules are
//! timed without gathering their rows and without the views that they share, which have lines of their own (`views`).

#[expect(dead_code, reason = "shared with the ladder, which uses all of it")]
#[path = "../ladder/population.rs"]
mod population;
#[path = "../ladder/rekey.rs"]
mod rekey;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use permitwatch::decode::decode;
use permitwatch::detector::{Cause, Detector, RuleRef, Span};
use permitwatch::encode::encode;
use permitwatch::history::PersonNo;
use permitwatch::model::record::Message;
use permitwatch::model::schema::TableId;
use permitwatch::model::sets::{RuleBits, RuleNo};
use permitwatch::model::time::{KnownTime, MICROS_PER_DAY};
use permitwatch::rules::{CancellerSet, Hit, Request, RuleSet};
use permitwatch::shard::Shard;
use permitwatch::units::{Demand, Unit, gather};

use population::{Original, catalogue};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HOLDERS: u32 = 500;
const MONTHS: u32 = 12;
/// Units of one call: what a busy shard settles together.
const UNITS: usize = 256;
/// Persons who have a timer, where timers are measured.
const TIMERS: [u32; 2] = [10_000, 1_000_000];

fn main() -> anyhow::Result<()> {
    let catalogue = catalogue()?;
    let original = Original::new(HOLDERS, MONTHS, &catalogue)?;
    let shard = original.shard(1, 0, 1, RuleSet::plan(&catalogue)?)?;
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .configure_from_args();
    decode_tables(&mut criterion, &original);
    gather_tables(&mut criterion, &shard, &original);
    rules(&mut criterion, &shard, &original);
    diff(&mut criterion, &shard, &original);
    timers(&mut criterion, &original);
    criterion.final_summary();
    Ok(())
}

/// One payload of each table after another.
fn decode_tables(criterion: &mut Criterion, original: &Original) {
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(1));
    for table in TableId::ALL.into_iter().filter(|table| !table.is_link()) {
        let of_subjects = original.subjects.iter().flat_map(|subject| &subject.records);
        let records = of_subjects.chain(&original.reference).filter(|record| record.table == table).take(64);
        let messages: Vec<Message> = records
            .map(|record| {
                let (key, feed) = (record.subject.as_bytes().into(), table.def().feed);
                population::message(feed, record.known_time.0, key, encode(record).into())
            })
            .collect();
        let mut next = messages.iter().cycle();
        if messages.is_empty() {
            continue;
        }
        group.bench_function(table.name(), |bencher| {
            bencher.iter(|| next.next().map(|message| black_box(decode(message, 65_536))));
        });
    }
}

/// The first persons of the population, in the middle of it.
fn units(shard: &Shard, original: &Original) -> Vec<Unit> {
    let persons = shard.history().persons().filter(|(_, person)| person.is_person());
    persons.take(UNITS).map(|(person, _)| Unit { person, as_of: original.start }).collect()
}

fn gather_tables(criterion: &mut Criterion, shard: &Shard, original: &Original) {
    let units = units(shard, original);
    let mut group = criterion.benchmark_group("gather");
    for (table, history) in TableId::ALL.into_iter().flat_map(|table| [(table, false), (table, true)]) {
        let columns = vec![true; table.def().rule_columns(history).len()];
        let demand = Demand::new(table, history, &columns);
        let content = gather(shard.history(), &units, &demand, None, |_| true);
        if content.rows == 0 {
            continue;
        }
        group.throughput(Throughput::Elements(content.rows as u64));
        let name = if history { format!("{}_history", table.name()) } else { table.name().to_owned() };
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(gather(shard.history(), &units, &demand, None, |_| true)));
        });
    }
}

/// Times a rule as the engine counts it itself: its plan and the reading of its rows.
fn rules(criterion: &mut Criterion, shard: &Shard, original: &Original) {
    let units = units(shard, original);
    let rules = shard.rule_set();
    let run = |which: RuleBits| {
        rules.evaluate(shard.history(), &units, &vec![Request { rules: which, links: false }; units.len()])
    };
    let mut group = criterion.benchmark_group("rule");
    group.throughput(Throughput::Elements(units.len() as u64));
    for (at, rule) in rules.rules().iter().enumerate() {
        custom(&mut group, &rule.file.header.id, |_| run(RuleBits::of(at)).rule_micros[at]);
    }
    group.finish();
    let mut group = criterion.benchmark_group("views");
    group.throughput(Throughput::Elements(units.len() as u64));
    let all = RuleBits::first(rules.rules().len());
    custom(&mut group, "gather and views of all rules", |_| run(all.clone()).gather_micros);
    group.bench_function("cancellers and corroborations", |bencher| {
        bencher.iter(|| black_box(rules.evaluate_shared(shard.history(), &units)));
    });
}

/// A measurement whose time the measured thing says itself.
fn custom(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, micros: impl Fn(u64) -> u64) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|times| Duration::from_micros((0..times).map(&micros).sum()));
    });
}

/// What the detector does with the rows of a unit: for the first time, and when nothing has changed.
fn diff(criterion: &mut Criterion, shard: &Shard, original: &Original) {
    let clock = original.start;
    let found: Vec<(PersonNo, usize, &[Hit])> = original
        .subjects
        .iter()
        .filter_map(|subject| Some((shard.history().person_no(&subject.id)?, subject)))
        .flat_map(|(person, subject)| subject.hits.iter().map(move |(rule, hits)| (person, *rule, &hits[..])))
        .collect();
    let mut group = criterion.benchmark_group("detector");
    group.throughput(Throughput::Elements(found.len() as u64));
    let empty = || Detector::new(shard.rules().len());
    let settle = |detector: &mut Detector, out: &mut Vec<_>| {
        let cause = Cause { as_of: clock, corrected: false, recomputed: false, has_left: false };
        let now = Span { until: clock, absence: clock };
        for (person, rule, hits) in &found {
            let of = &shard.rules()[*rule];
            let rule = RuleRef {
                number: RuleNo::at(*rule),
                id: &of.file.header.id,
                outlet: of.outlet(),
                cancellers: of.cancellers,
                content: &|_| 0,
            };
            detector.settle(*person, rule, hits, cause, now, out);
        }
    };
    group.bench_function("rows settled for the first time", |bencher| {
        bencher.iter_batched_ref(empty, |detector| settle(detector, &mut Vec::new()), BatchSize::LargeInput);
    });
    let mut settled = empty();
    settle(&mut settled, &mut Vec::new());
    group.bench_function("rows settled again, nothing changed", |bencher| {
        bencher.iter(|| settle(&mut settled, &mut Vec::new()));
    });
}

/// Timers of many persons: set anew, and the few that are due found.
fn timers(criterion: &mut Criterion, original: &Original) {
    let found = original.subjects.iter().flat_map(|subject| &subject.hits).find_map(|(_, hits)| hits.first());
    let Some(found) = found else { return };
    let mut group = criterion.benchmark_group("timers");
    for persons in TIMERS {
        let mut detector = Detector::new(1);
        let rule = RuleRef {
            number: RuleNo::at(0),
            id: "bench",
            outlet: permitwatch::model::stage::Outlet::Officers,
            cancellers: CancellerSet::default(),
            content: &|_| 0,
        };
        let cause = Cause { as_of: KnownTime(0), corrected: false, recomputed: false, has_left: false };
        let now = Span { until: KnownTime(0), absence: KnownTime(0) };
        let mut set = |person: u32, day: i64| {
            let mut hit = found.clone();
            (hit.alert_at, hit.due_at, hit.cleared_at) = (KnownTime(day * MICROS_PER_DAY), None, None);
            detector.settle(PersonNo(person), rule, &[hit], cause, now, &mut Vec::new());
        };
        (0..persons).for_each(|person| set(person, 1 + i64::from(person) * 7_919 % 365));
        group.throughput(Throughput::Elements(1));
        let mut turn = 0;
        group.bench_function(format!("set anew among {persons}"), |bencher| {
            bencher.iter(|| {
                turn += 1;
                set(turn * 7_919 % persons, 1 + i64::from(turn) % 365);
            });
        });
        group.bench_function(format!("none due of {persons}"), |bencher| {
            bencher.iter(|| black_box(detector.due(KnownTime(0), |_| KnownTime(0))));
        });
    }
}
