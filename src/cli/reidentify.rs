//! `permitwatch reidentify`: turns tokens, and alerts as published, back into what they stand for.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use crate::cli::audit;
use crate::config::Config;
use crate::pseudonyms::{Kind, Pseudonyms, PublishedAlert};
use crate::terminal;

/// Turn tokens, or alerts as they stand on the topic, back into what they stand for. Each look is recorded (`audit.file`).
///
/// A token gives one line: what kind of thing it stands for, a tab, the thing. An alert gives the alert as `permitwatch replay` writes
/// it: one JSON object a line, with subject, episode and records by name. The pseudonym of a person cannot be turned back: the holder of
/// the permit is found in the agency's own register.
#[derive(Debug, Args)]
pub struct ReidentifyArgs {
    /// Configuration: the keys, and the log that records the look.
    #[arg(long, value_name = "FILE", default_value = "config/permitwatch.toml")]
    config: PathBuf,
    /// Why: the number of the case, for example.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Alerts as published, one JSON object a line; `-` is the standard input.
    #[arg(long, value_name = "FILE")]
    alerts: Option<PathBuf>,
    /// Tokens: an alert's subject, alert_key, or the record_key of one of its records.
    #[arg(value_name = "TOKEN", required_unless_present = "alerts")]
    tokens: Vec<String>,
}

pub fn run(args: &ReidentifyArgs) -> anyhow::Result<()> {
    let config = Config::load(&args.config)?;
    let keys = audit::keys(&config)?;
    let (mut about, mut found) = (Vec::new(), Vec::new());
    for token in &args.tokens {
        about.push(token.clone());
        found.push(opened(&keys, token)?);
    }
    for (at, line) in args.alerts.as_deref().map(lines).transpose()?.unwrap_or_default().lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let wrong = |what: &str| format!("line {}: {what}", at + 1);
        let alert: PublishedAlert =
            serde_json::from_str(line).with_context(|| wrong("this is no alert as it stands on the topic"))?;
        about.push(alert.id().to_owned());
        let alert =
            keys.reidentify(alert).with_context(|| wrong("it was published under a key that is not configured"))?;
        found.push(serde_json::to_string(&alert)?);
    }
    if found.is_empty() {
        bail!("there is no alert in it");
    }
    audit::look(&config, "reidentify", Some(&args.reason), about, true)?;
    terminal::print(&found.join("\n"));
    Ok(())
}

fn opened(keys: &Pseudonyms, token: &str) -> anyhow::Result<String> {
    let opened = Kind::ALL.into_iter().find_map(|kind| Some((kind, keys.open(kind, token)?)));
    let (kind, text) = opened.with_context(|| format!("{token:?} is no token of a key that is configured"))?;
    Ok(format!("{}\t{text}", kind.name()))
}

fn lines(file: &Path) -> anyhow::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read the standard input")?;
        return Ok(text);
    }
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}
