//! `permitwatch generate`: a synthetic register population with planted breaches.

use std::path::PathBuf;

use anyhow::Context;
use chrono::NaiveDate;
use clap::Args;

use crate::generate::{Options, default_until, generate, write};

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
    /// Last day of the history.
    #[arg(long, value_name = "DATE", default_value_t = default_until())]
    until: NaiveDate,
}

pub fn run(args: &GenerateArgs) -> anyhow::Result<()> {
    let mut options = Options::new(args.persons, args.years, args.seed);
    options.until = args.until;
    options.check()?;
    let dataset = generate(&options);
    let summary = write(&dataset, &args.out).with_context(|| format!("cannot write {}", args.out.display()))?;
    println!("{summary:#?}");
    Ok(())
}
