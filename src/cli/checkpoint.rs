//! `permitwatch checkpoint`: what checkpoints there are, whether they are whole, and the records in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use crate::checkpoint::manifest::Manifest;
use crate::cli::counted;
use crate::config::Config;
use crate::pseudonyms::Pseudonyms;
use crate::terminal;
use crate::tools::checkpoints;

/// Look at the checkpoints from which shards go on. A copy of the directory is a backup; put back, it is restored.
#[derive(Debug, Args)]
pub struct CheckpointArgs {
    #[command(subcommand)]
    command: CheckpointCommand,
}

#[derive(Debug, Subcommand)]
enum CheckpointCommand {
    /// The generations of each shard, newest first.
    List(WhereArgs),
    Show(ShowArgs),
    /// Read every byte of every generation, and see whether a process with the configured key has written it. Ends with 1 if one cannot be
    /// used, and says why.
    Verify(WhereArgs),
    Export(ExportArgs),
}

#[derive(Debug, Args)]
struct WhereArgs {
    /// Configuration: the directory of checkpoints, and the key that they are sealed with [default without --dir: config/permitwatch.toml].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The directory, instead of the configuration's `checkpoint.dir`.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// How far a shard had read, with which rules, and what takes how much room.
#[derive(Debug, Args)]
struct ShowArgs {
    #[command(flatten)]
    at: WhereArgs,
    #[arg(long, value_name = "N")]
    shard: i32,
    /// Its number; without it the newest that can be read.
    #[arg(long, value_name = "N")]
    generation: Option<u64>,
    /// As the manifest has it.
    #[arg(long)]
    json: bool,
}

/// Write the records of the newest generations as Parquet, one file for each table, for `replay --mode batch` and other tools.
///
/// What is written is about persons: it is for its owner alone.
#[derive(Debug, Args)]
struct ExportArgs {
    #[command(flatten)]
    at: WhereArgs,
    /// Folder to write to; made if need be.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Only this shard; may be repeated.
    #[arg(long, value_name = "N")]
    shard: Vec<i32>,
}

const CONFIG: &str = "config/permitwatch.toml";

impl WhereArgs {
    /// None if the directory alone is named.
    fn config(&self) -> anyhow::Result<Option<Config>> {
        match (&self.config, &self.dir) {
            (None, Some(_)) => Ok(None),
            (named, _) => Ok(Some(Config::load(named.as_deref().unwrap_or(Path::new(CONFIG)))?)),
        }
    }

    fn root(&self) -> anyhow::Result<PathBuf> {
        let config = self.config()?;
        let dir = self.dir.clone().or_else(|| config?.checkpoint.dir);
        dir.context("name the directory: --dir, or checkpoint.dir")
    }

    /// The keys of the configuration. A directory may be looked at without one.
    fn keys(&self) -> anyhow::Result<Option<Pseudonyms>> {
        self.config()?.map_or(Ok(None), |config| Ok(config.alerts.pseudonyms()?))
    }
}

pub fn run(args: &CheckpointArgs) -> anyhow::Result<()> {
    match &args.command {
        CheckpointCommand::List(at) => list(at),
        CheckpointCommand::Show(args) => show(args),
        CheckpointCommand::Verify(at) => verify(at),
        CheckpointCommand::Export(args) => export(args),
    }
}

fn list(at: &WhereArgs) -> anyhow::Result<()> {
    let all = checkpoints::all(&at.root()?)?;
    terminal::print("shard  generation  taken at                     persons     records  standing     bytes  parts");
    for (shard, generations) in all {
        for generation in generations {
            let number = generation.number;
            terminal::print(&match generation.into_manifest() {
                Ok(own) => format!(
                    "{shard:5}  {:10}  {:27}  {:8}  {:10}  {:8}  {:>8}  {:5}",
                    own.generation,
                    own.taken_at,
                    own.persons,
                    own.records,
                    own.standing,
                    size(own.bytes()),
                    own.parts.len()
                ),
                Err(error) => format!("{shard:5}  {number:10}  {}", error.line()),
            });
        }
    }
    Ok(())
}

fn show(args: &ShowArgs) -> anyhow::Result<()> {
    let own = checkpoints::manifest(&args.at.root()?, args.shard, args.generation)?;
    if args.json {
        terminal::print(&serde_json::to_string_pretty(&own)?);
        return Ok(());
    }
    terminal::print(&page(&own));
    Ok(())
}

fn page(own: &Manifest) -> String {
    let mut out = format!(
        "shard {} of {}, generation {}, format {}\ntaken at {}, clock {}, by permitwatch {}\n{} persons, {} records, {} alerts stand, {} in {} parts\n",
        own.shard,
        own.partitions,
        own.generation,
        own.format,
        own.taken_at,
        own.clock,
        own.program,
        own.persons,
        own.records,
        own.standing,
        size(own.bytes()),
        own.parts.len()
    );
    out.push_str("\ngoes on from\n");
    for position in &own.read.positions {
        out.push_str(&format!("  {:10} {:40} offset {}\n", position.feed, position.topic, position.next));
    }
    if let Some(snapshot) = &own.read.snapshot {
        out.push_str(&format!("  with permit snapshot {snapshot}\n"));
    }
    let mut sizes: BTreeMap<String, u64> = BTreeMap::new();
    for block in own.parts.iter().flat_map(|part| &part.blocks) {
        let kind = format!("{:?}", block.kind).to_lowercase();
        *sizes.entry(format!("{kind} {}", block.table.as_deref().unwrap_or_default())).or_default() += block.bytes;
    }
    let mut sizes: Vec<(String, u64)> = sizes.into_iter().collect();
    sizes.sort_by_key(|(name, bytes)| (std::cmp::Reverse(*bytes), name.clone()));
    out.push_str("\nbytes by kind and table\n");
    for (name, bytes) in sizes {
        out.push_str(&format!("  {:32} {:>8}\n", name.trim_end(), size(bytes)));
    }
    let behind = own.rules.iter().filter(|rule| rule.is_behind).count();
    out.push_str(&format!("\nin force: {}", counted(own.rules.len(), "rule")));
    if behind > 0 {
        out.push_str(&format!(", {behind} of which were still being evaluated or had failed"));
    }
    out
}

fn verify(at: &WhereArgs) -> anyhow::Result<()> {
    let keys = at.keys()?;
    let (whole, damaged) = checkpoints::verify(&at.root()?, keys.as_ref())?;
    for error in &damaged {
        terminal::print(&error.line());
    }
    if keys.is_none() {
        terminal::print("seals were not checked: no key of pseudonyms is configured here (--config)");
    }
    terminal::print(&format!("whole: {}; damaged: {}", counted(whole, "generation"), damaged.len()));
    if !damaged.is_empty() {
        bail!("a start takes the newest that is whole");
    }
    Ok(())
}

fn export(args: &ExportArgs) -> anyhow::Result<()> {
    let exported = checkpoints::export(&args.at.root()?, &args.shard, &args.out)?;
    let out = args.out.display();
    terminal::print(&format!(
        "{} of {} written to {out}/parquet; look at them with `permitwatch replay --input {out} --mode batch`",
        counted(usize::try_from(exported.rows)?, "record"),
        counted(exported.shards, "shard")
    ));
    Ok(())
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{} kB", bytes / 1_000),
        10_000_000..10_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{} GB", bytes / 1_000_000_000),
    }
}
