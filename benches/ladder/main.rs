//! The ladder: what each stage of the engine costs, from a bare consumer to published alerts. See `benches/README.md`.
//!
//! Each part runs in a process of its own, so that none finds the memory that another has left. Tables go to stdout,
//! progress to stderr, figures to `target/ladder.json`.

mod allocation;
#[path = "../../tests/broker/mod.rs"]
mod apache;
mod broker;
mod checkpoint;
mod climb;
mod goals;
mod latency;
mod population;
mod rekey;
mod report;
mod rungs;
mod sinks;
mod startup;
mod state;
mod stream;
mod through_kafka;
mod world;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::{Parser, ValueEnum};
use serde_json::{Map, Value, json};

#[global_allocator]
static ALLOCATOR: allocation::Counting = allocation::Counting;

#[derive(Debug, Parser)]
struct Arguments {
    /// Under a minute, to see that everything works.
    #[arg(long)]
    quick: bool,
    /// The whole matrix: takes hours and much memory.
    #[arg(long, conflicts_with = "quick")]
    full: bool,
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',')]
    part: Vec<Part>,
    /// Leave out larger populations: for a machine that is small or shared.
    #[arg(long, value_name = "HOLDERS", default_value_t = u32::MAX)]
    max_holders: u32,
    /// Shards of the part about checkpoints.
    #[arg(long, value_name = "N", default_value_t = 2)]
    shards: i32,
    /// Measure through these brokers.
    #[arg(long, value_name = "HOST:PORT")]
    brokers: Option<String>,
    /// Measure only latency, and only at these rates (messages a second).
    #[arg(long, value_name = "RATE", value_delimiter = ',')]
    rate: Vec<u32>,
    /// Run one part in this process and write its figures there.
    #[arg(long, hide = true)]
    into: Option<PathBuf>,
    /// Cargo says so.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Rungs from memory and through Kafka, and latency.
    Climb,
    /// What the state weighs.
    State,
    /// Starting from a snapshot.
    Start,
    /// Writing checkpoints, and going on from one.
    Checkpoint,
    /// Of the first part what comes from memory, or what goes through Kafka, alone: only where they are asked for.
    Memory,
    Live,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    Quick,
    Default,
    Full,
}

impl Part {
    const ALL: [Part; 6] = [Part::Climb, Part::State, Part::Start, Part::Checkpoint, Part::Memory, Part::Live];

    fn name(self) -> &'static str {
        match self {
            Part::Climb => "climb",
            Part::State => "state",
            Part::Start => "start",
            Part::Checkpoint => "checkpoint",
            Part::Memory => "memory",
            Part::Live => "live",
        }
    }

    fn run(self, arguments: &Arguments) -> anyhow::Result<Value> {
        let catalogue = Arc::new(population::catalogue()?);
        let quick = arguments.quick;
        match self {
            Part::Climb => climb::climb(arguments, &catalogue),
            Part::Memory => climb::memory(arguments, &catalogue),
            Part::Live => climb::live(arguments, &catalogue),
            Part::State => {
                let national = if quick { 10_000 } else { 750_000 };
                state::weigh(national.min(arguments.max_holders), 24, &catalogue)
            }
            Part::Checkpoint => {
                let holders = if quick { 10_000 } else { 1_000_000 };
                checkpoint::measure(holders.min(arguments.max_holders), 24, arguments.shards, &catalogue)
            }
            Part::Start => {
                let permits = if quick { 50_000 } else { 1_000_000 };
                startup::measure(permits.min(arguments.max_holders as usize), &catalogue)
            }
        }
    }
}

impl Arguments {
    fn scale(&self) -> Scale {
        match (self.quick, self.full) {
            (true, _) => Scale::Quick,
            (_, true) => Scale::Full,
            _ => Scale::Default,
        }
    }
}

fn main() -> anyhow::Result<()> {
    permitwatch::allocator::tune();
    let arguments = Arguments::parse();
    if let (Some(into), [part]) = (&arguments.into, &arguments.part[..]) {
        let figures = part.run(&arguments)?;
        std::fs::write(into, serde_json::to_vec(&figures)?)?;
        return Ok(());
    }
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    std::fs::create_dir_all(&target)?;
    let began = Instant::now();
    let mut out = Map::new();
    out.insert("machine".into(), machine());
    let of_another = [Part::Memory, Part::Live];
    let is_wanted =
        |part: &Part| arguments.part.contains(part) || arguments.part.is_empty() && !of_another.contains(part);
    for part in Part::ALL.into_iter().filter(is_wanted) {
        let into = target.join(format!("ladder-{}.json", part.name()));
        let mut child = Command::new(std::env::current_exe()?);
        child.args(["--part", part.name(), "--into"]).arg(&into);
        child.args(arguments.quick.then_some("--quick")).args(arguments.full.then_some("--full"));
        child.args(["--max-holders", &arguments.max_holders.to_string(), "--shards", &arguments.shards.to_string()]);
        child.args(arguments.rate.iter().flat_map(|rate| ["--rate".to_owned(), rate.to_string()]));
        child.args(arguments.brokers.iter().flat_map(|brokers| ["--brokers", brokers]));
        if !child.status()?.success() {
            bail!("part {} failed", part.name());
        }
        let figures = std::fs::read(&into).with_context(|| format!("no figures of part {}", part.name()))?;
        out.insert(part.name().into(), serde_json::from_slice(&figures)?);
        std::fs::remove_file(&into)?;
    }
    out.insert("seconds".into(), json!(began.elapsed().as_secs_f64()));
    let mut out = Value::from(out);
    let goals = goals::print(&out);
    out["goals"] = goals;
    let file = target.join("ladder.json");
    std::fs::write(&file, serde_json::to_vec_pretty(&out)?)?;
    println!("\n{:.0} s; figures in {}", began.elapsed().as_secs_f64(), file.display());
    Ok(())
}

/// What it ran on, and how busy that was.
fn machine() -> Value {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let model = read("/proc/cpuinfo")
        .lines()
        .find_map(|line| Some(line.strip_prefix("model name")?.trim_start_matches(['\t', ':', ' ']).to_owned()));
    let load = read("/proc/loadavg");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{cores} cores, {}; load when it began: {}", model.as_deref().unwrap_or("unknown"), load.trim());
    json!({ "cores": cores, "model": model, "load": load.trim(), "version": env!("CARGO_PKG_VERSION") })
}
