//! Which ladders are climbed: from memory in rounds over all settings, then through Kafka, then at steady rates.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use permitwatch::catalogue::Catalogue;
use serde_json::{Map, Value, json};

use crate::broker::Broker;
use crate::latency::{self, From, Point, point};
use crate::population::{ORIGINAL, Original};
use crate::report::{Results, Rounds, Weights, print_curves, print_ladder, print_weights};
use crate::rungs::Rung;
use crate::through_kafka::Filled;
use crate::world::{Setting, World};
use crate::{Arguments, Scale};

/// The setting that goes through Kafka and whose latency is measured.
const MAIN: Setting = Setting { holders: 10_000, months: 12, in_scope_pct: 7 };
/// The rate that the issue names beside the shares of the highest, where the highest is above it.
const NAMED_RATE: f64 = 10_000.0;
const SHARES: [f64; 4] = [10.0, 50.0, 80.0, 100.0];

/// How much is measured.
struct Extent {
    settings: Vec<Setting>,
    rounds: usize,
    budget: Duration,
    /// Messages put into Kafka for each round.
    messages: usize,
    shares: Vec<f64>,
    seconds: f64,
}

impl Extent {
    fn of(scale: Scale) -> Extent {
        let of = |holders, months, in_scope_pct| Setting { holders, months, in_scope_pct };
        let millis = Duration::from_millis;
        match scale {
            Scale::Quick => Extent {
                settings: vec![MAIN],
                rounds: 1,
                budget: millis(250),
                messages: 40_000,
                shares: vec![50.0],
                seconds: 2.0,
            },
            Scale::Default => Extent {
                settings: vec![
                    MAIN,
                    of(10_000, 12, 100),
                    of(10_000, 12, 1),
                    of(10_000, 1, 100),
                    of(10_000, 60, 7),
                    of(100_000, 1, 100),
                    of(100_000, 12, 7),
                    of(1_000_000, 1, 100),
                    of(1_000_000, 1, 7),
                ],
                rounds: 3,
                budget: millis(1_000),
                messages: 400_000,
                shares: SHARES.to_vec(),
                seconds: 4.0,
            },
            Scale::Full => {
                let mut settings = Vec::new();
                for (holders, months) in
                    [10_000, 100_000, 1_000_000].into_iter().flat_map(|h| [1, 12, 60].map(|m| (h, m)))
                {
                    settings.extend([1, 7, 100].map(|pct| of(holders, months, pct)));
                }
                Extent {
                    settings,
                    rounds: 5,
                    budget: millis(1_500),
                    messages: 2_000_000,
                    shares: SHARES.to_vec(),
                    seconds: 15.0,
                }
            }
        }
    }
}

pub fn climb(arguments: &Arguments, catalogue: &Arc<Catalogue>) -> anyhow::Result<Value> {
    let (mut world, mut out) = climb_from_memory(arguments, catalogue)?;
    world.rebuild()?;
    through_broker(arguments, &mut world, &Extent::of(arguments.scale()), &mut out)?;
    Ok(out.into())
}

/// What comes from memory, alone.
pub fn memory(arguments: &Arguments, catalogue: &Arc<Catalogue>) -> anyhow::Result<Value> {
    if !arguments.rate.is_empty() {
        let mut world = main_world(catalogue)?;
        let points = at_given_rates(&mut world, From::Memory, arguments, &Extent::of(arguments.scale()))?;
        return Ok(json!({ "latency_from_memory": latency::print("Latency from memory", &points) }));
    }
    Ok(climb_from_memory(arguments, catalogue)?.1.into())
}

/// All settings from memory, and the latency of the main one, whose world is given back.
fn climb_from_memory(arguments: &Arguments, catalogue: &Arc<Catalogue>) -> anyhow::Result<(World, Map<String, Value>)> {
    let mut originals = Originals::new();
    let mut extent = Extent::of(arguments.scale());
    extent.settings.retain(|setting| setting.holders <= arguments.max_holders);
    let mut results = Results::new();
    let mut weights = Weights::new();
    // A whole matrix does not fit into memory: its populations come one after the other, the default's stand side by side.
    let groups: Vec<Vec<Setting>> = if arguments.full {
        extent
            .settings
            .chunk_by(|a, b| (a.holders, a.months) == (b.holders, b.months))
            .map(<[Setting]>::to_vec)
            .collect()
    } else {
        vec![extent.settings.clone()]
    };
    for group in groups {
        let worlds = build(&group, &mut originals, catalogue)?;
        weights.extend(worlds.iter().map(|(setting, world)| (*setting, world.weight())));
        from_memory(&group, &extent, worlds, &mut results)?;
    }
    let mut out = Map::new();
    out.insert("from_memory".into(), print_ladder("From memory", &results));
    out.insert("curves".into(), print_curves(&results));
    out.insert("weights".into(), print_weights(&weights));
    let original = originals.get(MAIN.months, catalogue)?;
    out.insert("input".into(), json!({ "mix_pct": original.mix(), "original_holders": ORIGINAL }));
    let mut world = World::new(&original, MAIN.holders, catalogue)?;
    let highest = held(&mut world, From::Memory, highest(&results), &extent)?;
    out.insert("highest_held_from_memory".into(), json!(highest));
    let points = at_rates(&mut world, From::Memory, highest, &extent)?;
    out.insert("latency_from_memory".into(), latency::print("Latency from memory", &points));
    Ok((world, out))
}

/// What goes through Kafka, alone.
pub fn live(arguments: &Arguments, catalogue: &Arc<Catalogue>) -> anyhow::Result<Value> {
    let extent = Extent::of(arguments.scale());
    let mut out = Map::new();
    let mut world = main_world(catalogue)?;
    through_broker(arguments, &mut world, &extent, &mut out)?;
    Ok(out.into())
}

/// The main setting's, where nothing else is measured.
fn main_world(catalogue: &Arc<Catalogue>) -> anyhow::Result<World> {
    World::new(&Originals::new().get(MAIN.months, catalogue)?, MAIN.holders, catalogue)
}

fn through_broker(
    arguments: &Arguments,
    world: &mut World,
    extent: &Extent,
    out: &mut Map<String, Value>,
) -> anyhow::Result<()> {
    let broker = Broker::start(arguments.brokers.as_deref())?;
    out.insert("broker".into(), json!(broker.name()));
    let points = if arguments.rate.is_empty() {
        let results = through_kafka(&broker, world, extent)?;
        out.insert("through_kafka".into(), print_ladder(&format!("Through Kafka ({})", broker.name()), &results));
        world.rebuild()?;
        let highest = held(world, From::Kafka(&broker), highest(&results), extent)?;
        out.insert("highest_held_through_kafka".into(), json!(highest));
        at_rates(world, From::Kafka(&broker), highest, extent)?
    } else {
        at_given_rates(world, From::Kafka(&broker), arguments, extent)?
    };
    out.insert("latency_through_kafka".into(), print_latency(&broker, &points));
    let quiet = Broker::Embedded;
    if broker.name() != quiet.name() {
        // A broker that takes a core of two by itself says little about the engine's latency.
        let points = if arguments.rate.is_empty() {
            vec![point(world, From::Kafka(&quiet), MAIN.in_scope_pct, (0.0, NAMED_RATE), extent.seconds)?]
        } else {
            at_given_rates(world, From::Kafka(&quiet), arguments, extent)?
        };
        out.insert("latency_through_embedded".into(), print_latency(&quiet, &points));
    }
    Ok(())
}

fn print_latency(broker: &Broker, points: &[Point]) -> Value {
    latency::print(&format!("Latency through Kafka ({})", broker.name()), points)
}

/// The highest rate that can be held as messages come, which is what is done of a load that is too high: batches are smaller then
/// than where all messages wait already, and of Kafka's messages writer and broker share the machine.
fn held(world: &mut World, from: From<'_>, waiting: f64, extent: &Extent) -> anyhow::Result<f64> {
    let load = point(world, from, MAIN.in_scope_pct, (100.0, waiting), extent.seconds)?;
    eprintln!("held as they come: {:.0} records/s of {waiting:.0}", load.reached);
    Ok(load.reached.min(waiting))
}

fn highest(results: &Results) -> f64 {
    results.get(&(MAIN, Rung::Publish)).map_or(0.0, |rounds| rounds.figures().per_second)
}

/// Generated populations by the months of their history.
struct Originals(BTreeMap<u32, Arc<Original>>);

impl Originals {
    fn new() -> Originals {
        Originals(BTreeMap::new())
    }

    fn get(&mut self, months: u32, catalogue: &Catalogue) -> anyhow::Result<Arc<Original>> {
        if let Some(original) = self.0.get(&months) {
            return Ok(Arc::clone(original));
        }
        let original = Arc::new(Original::new(ORIGINAL, months, catalogue)?);
        self.0.insert(months, Arc::clone(&original));
        Ok(original)
    }
}

/// Populations by holders and months.
type Worlds = BTreeMap<(u32, u32), World>;

fn build(settings: &[Setting], originals: &mut Originals, catalogue: &Arc<Catalogue>) -> anyhow::Result<Worlds> {
    let mut worlds = Worlds::new();
    for Setting { holders, months, .. } in settings {
        if worlds.contains_key(&(*holders, *months)) {
            continue;
        }
        let original = originals.get(*months, catalogue)?;
        if !fits(original.history_rows() as u64 * u64::from(crate::world::copies(*holders))) {
            eprintln!("left out: {holders} holders with {months} months do not fit into this machine's memory");
            continue;
        }
        let began = Instant::now();
        let world = World::new(&original, *holders, catalogue)?;
        eprintln!("built {holders} holders with {months} months in {:.1} s", began.elapsed().as_secs_f64());
        worlds.insert((*holders, *months), world);
    }
    Ok(worlds)
}

fn from_memory(settings: &[Setting], extent: &Extent, mut worlds: Worlds, results: &mut Results) -> anyhow::Result<()> {
    for round in 1..=extent.rounds {
        for setting in settings {
            let Some(world) = worlds.get_mut(&(setting.holders, setting.months)) else { continue };
            for rung in Rung::ALL {
                let samples = world.climb(rung, setting.in_scope_pct, extent.budget)?;
                results.entry((*setting, rung)).or_default().0.push(samples);
            }
        }
        eprintln!("from memory: round {round} of {}", extent.rounds);
    }
    Ok(())
}

/// Whether so many rows (at some 800 bytes of resident memory, index and timers included) leave a quarter of it free.
pub fn fits(rows: u64) -> bool {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let available = line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024;
    rows * 800 < available / 4 * 3
}

fn through_kafka(broker: &Broker, world: &mut World, extent: &Extent) -> anyhow::Result<Results> {
    let mut results: BTreeMap<(Setting, Rung), Rounds> = BTreeMap::new();
    let filled = Filled::new(broker, world, "ladder", extent.messages, MAIN.in_scope_pct)?;
    for round in 1..=extent.rounds {
        for rung in Rung::ALL {
            let samples = filled.climb(world, rung, extent.budget * 4)?;
            results.entry((MAIN, rung)).or_default().0.push(samples);
        }
        eprintln!("through Kafka: round {round} of {}", extent.rounds);
    }
    Ok(results)
}

fn at_given_rates(
    world: &mut World,
    from: From<'_>,
    arguments: &Arguments,
    extent: &Extent,
) -> anyhow::Result<Vec<Point>> {
    let rates = arguments.rate.iter().map(|rate| (0.0, f64::from(*rate)));
    rates.map(|rate| point(world, from, MAIN.in_scope_pct, rate, extent.seconds)).collect()
}

fn at_rates(world: &mut World, from: From<'_>, highest: f64, extent: &Extent) -> anyhow::Result<Vec<Point>> {
    let mut rates: Vec<(f64, f64)> = extent.shares.iter().map(|share| (*share, highest * share / 100.0)).collect();
    if highest > NAMED_RATE {
        rates.push((100.0 * NAMED_RATE / highest, NAMED_RATE));
    }
    rates.sort_by(|a, b| a.1.total_cmp(&b.1));
    rates.into_iter().map(|rate| point(world, from, MAIN.in_scope_pct, rate, extent.seconds)).collect()
}
