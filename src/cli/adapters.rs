//! `permitwatch adapters`: what an adapter's author has to know of the schema.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use crate::cli::{create, write_whole};
use crate::terminal::{self, say};
use crate::tools::adapters;

/// What an adapter may write: tables, columns, types, codes.
#[derive(Debug, Args)]
pub struct Adapters {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the part of config/ADAPTERS.md that follows from the schema, in Markdown.
    Reference(ReferenceArgs),
}

#[derive(Debug, Args)]
struct ReferenceArgs {
    /// Page to renew between its marks; without it the part goes to standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub fn run(args: &Adapters) -> anyhow::Result<()> {
    let Command::Reference(args) = &args.command;
    let Some(file) = &args.out else {
        terminal::print(&adapters::reference());
        return Ok(());
    };
    let page = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let Some(page) = adapters::renew(&page) else {
        bail!("{} has no place for it: two lines, {} and {}", file.display(), adapters::BEGIN, adapters::END);
    };
    write_whole(create(file)?, &page)?;
    say!("tables, columns and codes in {}", file.display());
    Ok(())
}
