//! `permitwatch audit verify`, and what a command records before it shows what stands behind a pseudonym.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use crate::config::Config;
use crate::pseudonyms::Pseudonyms;
use crate::terminal::{self, note};
use crate::tools::audit::{self, Look};

/// The record of who has looked behind pseudonyms.
#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    Verify(VerifyArgs),
}

/// Check that no entry has been changed, removed or inserted, and print the number and the seal of the last.
///
/// Entries cut off at the end show only against a number and seal that were noted elsewhere: each look prints its own.
#[derive(Debug, Args)]
struct VerifyArgs {
    /// Configuration: the log and the keys of its seals.
    #[arg(long, value_name = "FILE", default_value = "config/permitwatch.toml")]
    config: PathBuf,
    /// The log, instead of the configuration's `audit.file`.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

pub fn run(args: &AuditArgs) -> anyhow::Result<()> {
    let AuditCommand::Verify(args) = &args.command;
    let config = Config::load(&args.config)?;
    let file = args.file.as_ref().or(config.audit.file.as_ref()).context("name the log: --file, or audit.file")?;
    let head = audit::verify(file, &keys(&config)?)?;
    if head.number == 0 {
        bail!(
            "{}: the log has no entry, so that nothing holds: none was ever made, or all have been cut off",
            file.display()
        );
    }
    terminal::print(&format!(
        "{}: {} entries hold, the first of {}; seal of the last: {}",
        file.display(),
        head.number,
        head.since,
        head.seal
    ));
    Ok(())
}

/// The configured keys.
pub fn keys(config: &Config) -> anyhow::Result<Pseudonyms> {
    config
        .alerts
        .pseudonyms()?
        .context("alerts.key_file or alerts.key_env must name the key that alerts are published under")
}

/// Records a look where the configuration says so; to be called before anything is shown. Without `audit.file` nothing is recorded,
/// unless it is `required`.
pub fn look(
    config: &Config,
    command: &str,
    reason: Option<&str>,
    about: Vec<String>,
    required: bool,
) -> anyhow::Result<()> {
    let Some(file) = &config.audit.file else {
        if required {
            bail!("audit.file must name the log that records who turns pseudonyms back, and why");
        }
        return Ok(());
    };
    let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
    let reason =
        reason.context("--reason is needed: audit.file is configured, and each look is recorded with its reason")?;
    let head = audit::record(file, &keys(config)?, Look { command, reason, about })?;
    let begins = if head.number == 1 { ", which begins the log" } else { "" };
    note!("recorded as entry {} of {}{begins}, seal {}", head.number, file.display(), head.seal);
    Ok(())
}
