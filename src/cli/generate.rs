//! `permitwatch generate`: a synthetic register population with planted breaches.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::bail;
use chrono::NaiveDate;
use clap::Args;

use crate::cli::counted;
use crate::generate::{Kind, MANIFEST, Options, Summary, default_until, generate, prepare, write};
use crate::terminal::say;

#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// Directory to write to; made if it is not there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Permit holders.
    #[arg(long, default_value_t = 2_000)]
    persons: usize,
    /// Years of history.
    #[arg(long, default_value_t = 3)]
    years: u32,
    /// The same seed gives the same feeds, byte for byte.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Overwrite a recording that is there.
    #[arg(long)]
    force: bool,
    /// Last day of the history.
    #[arg(long, value_name = "DATE", default_value_t = default_until())]
    until: NaiveDate,
}

pub fn run(args: &GenerateArgs) -> anyhow::Result<()> {
    let mut options = Options::new(args.persons, args.years, args.seed);
    options.until = args.until;
    options.check()?;
    if !args.force && args.out.join(MANIFEST).exists() {
        bail!("{} holds a recording; --force overwrites it", args.out.display());
    }
    prepare(&args.out)?;
    let dataset = generate(&options);
    let summary = write(&dataset, &args.out)?;
    print(&summary, &args.out);
    Ok(())
}

/// Prints messages by feed and fate, and the number of stories of each rule; the rest is in the manifest.
fn print(summary: &Summary, out: &Path) {
    let Summary { persons, years, seed, start, until, .. } = summary;
    say!(
        "{persons} permit holders, {start} to {until} ({}, seed {seed}), in {}",
        counted(*years as usize, "year"),
        out.display()
    );
    let fates: Vec<&str> = summary.fates.keys().copied().collect();
    let row = |name: &str, messages: usize, by_fate: &BTreeMap<&'static str, usize>| {
        let counts = fates.iter().map(|fate| format!("{:>12}", by_fate.get(fate).copied().unwrap_or_default()));
        say!("  {name:<12}{messages:>10}{}", counts.collect::<String>());
    };
    let heads: String = fates.iter().map(|fate| format!("{fate:>12}")).collect();
    say!("  {:<12}{:>10}{heads}", "feed", "messages");
    for (feed, counted) in &summary.feeds {
        row(feed, counted.messages, &counted.fates);
    }
    row("all", summary.feeds.values().map(|feed| feed.messages).sum(), &summary.fates);
    let planted = |kind: Kind| {
        let stories = summary.truth.values().filter_map(|kinds| kinds.get(kind.name()));
        stories.flat_map(BTreeMap::values).sum::<usize>()
    };
    let (breaches, traps) = (planted(Kind::Breach), planted(Kind::Trap));
    say!("planted: {breaches} breaches and {traps} traps for {}", counted(summary.truth.len(), "rule"));
    say!("how many of which story for which rule: manifest.json; whom they are about: truth.parquet");
}
