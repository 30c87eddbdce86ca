//! `permitwatch check`: are the rules fit to run? All problems of all files, each with its place and what to do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::catalogue::Catalogue;
use crate::catalogue::file::Date;
use crate::catalogue::reads::Definitions;
use crate::cli::{RulesArgs, counted};
use crate::config::Config;
use crate::pipeline::reload::exceptions;
use crate::proofs::approved::{Approvals, Unapproved};
use crate::rules::planned::PlannedRule;
use crate::terminal::{self, say};
use crate::tools::check::{Examined, examine_with};

#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    rules: RulesArgs,
    /// Print which permit class has which rules.
    #[arg(long)]
    coverage: bool,
    /// Configuration whose exceptions from safeguards and approvals hold.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// text for people, json for editors and CI
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

pub fn run(args: &CheckArgs) -> anyhow::Result<()> {
    let started = std::time::Instant::now();
    let set: BTreeMap<String, i64> = args.rules.set.iter().cloned().collect();
    let config = args.config.as_deref().map(Config::load).transpose()?.unwrap_or_default();
    let exceptions = exceptions(&config.rules);
    let directory = args.rules.directory()?;
    let examined = examine_with(directory.path(), &set, &args.rules.only, &exceptions);
    let planned: &[PlannedRule] = examined.rules.as_ref().map_or(&[], |rules| rules.rules());
    let sound = |rule: &&PlannedRule| {
        let file = format!("{}.sql", rule.file.header.id);
        examined.problems.iter().all(|problem| problem.file != file)
    };
    let rules: Vec<&PlannedRule> = planned.iter().filter(sound).collect();
    if let (Some(catalogue), true) = (&examined.catalogue, examined.problems.is_empty()) {
        args.rules.only.iter().try_for_each(|name| catalogue.named(name).map(|_| ()))?;
    }
    let approvals = Approvals::read(config.rules.approved.as_deref(), directory.path())?;
    let unapproved = examined.catalogue.as_ref().map_or_else(Vec::new, |catalogue| approvals.missing(catalogue));
    match args.format {
        Format::Json => print_json(&examined, &rules, &unapproved),
        Format::Text => print_text(args, &examined, &rules, &unapproved, started.elapsed().as_millis()),
    }
    if examined.problems.is_empty() {
        return Ok(());
    }
    let files: BTreeSet<&str> = examined.problems.iter().map(|problem| problem.file.as_str()).collect();
    bail!("{} in {}", counted(examined.problems.len(), "problem"), counted(files.len(), "file"));
}

fn print_text(args: &CheckArgs, examined: &Examined, rules: &[&PlannedRule], unapproved: &[Unapproved], millis: u128) {
    let dir = args.rules.rules.display().to_string();
    for problem in &examined.problems {
        say!("{}", problem.render(dir.trim_end_matches('/')));
    }
    if let (true, Some(coverage), Some(catalogue)) = (args.coverage, &examined.coverage, &examined.catalogue) {
        terminal::print(&coverage.matrix(catalogue));
        return;
    }
    let definitions = examined.catalogue.as_ref().map(Catalogue::definitions);
    for rule in rules {
        let header = &rule.file.header;
        say!(
            "ok  {:<4} {:<28} {:<8} {:<16} {}  reads {}",
            header.number,
            header.id,
            header.legal_gate,
            header.purpose,
            fingerprint(examined, rule),
            read_by(examined, definitions.as_ref(), rule).join(", ")
        );
    }
    let Some(catalogue) = &examined.catalogue else { return };
    let what = format!(
        "{}, {}, {}",
        counted(rules.len(), "rule"),
        counted(catalogue.views.len(), "view"),
        counted(catalogue.thresholds.len(), "threshold")
    );
    if !examined.problems.is_empty() {
        match rules.len() {
            0 => say!("no rule is accepted ({millis} ms)"),
            1 => say!("1 rule is accepted; what is named above is refused ({millis} ms)"),
            many => say!("{many} rules are accepted; what is named above is refused ({millis} ms)"),
        }
        return;
    }
    say!("{what} in {millis} ms. Of each rule it is proved that");
    for line in PROVED {
        say!("  - {line}");
    }
    if !unapproved.is_empty() {
        say!("Not the program's own, so a live run asks that somebody has approved them (rules.approved):");
        for Unapproved { file, sha256 } in unapproved {
            say!("  {sha256}  {file}");
        }
    }
}

/// What has been proved of a plan that is accepted.
const PROVED: [&str; 7] = [
    "rows of two persons never meet: every join, group and window carries an identifier of the person",
    "it reads the listed tables and calls the listed functions, nothing else: no file, network, clock, chance or recursion",
    "the order of its windows cannot tie, so that two runs give the same rows",
    "every absence that it asserts has a due_at, and alert_at does not rest on known_time",
    "its columns have the types of an alert, its finding names columns that are there, and none shows what may not be shown",
    "every source that it reads has a gateway for each class that the alert's permit can have, and for its purpose, or it is closed",
    "nothing sensitive is selected by or shown, whatever it is called: each column is followed to the register's own",
];

/// The fingerprint that alerts carry, whichever rules are being checked.
fn fingerprint<'a>(examined: &'a Examined, rule: &'a PlannedRule) -> &'a str {
    examined.fingerprints.get(&rule.file.header.id).unwrap_or(&rule.fingerprint)
}

/// Tables (with the kinds that a gateway distinguishes) that the rule's own text and its views read.
fn read_by(examined: &Examined, definitions: Option<&Definitions<'_>>, rule: &PlannedRule) -> Vec<String> {
    let Some((catalogue, definitions)) = examined.catalogue.as_ref().zip(definitions) else { return Vec::new() };
    let needed = catalogue.gateways.needed(&rule.file, definitions);
    let names: BTreeSet<String> = needed.into_iter().map(|needed| needed.what).collect();
    names.into_iter().collect()
}

fn print_json(examined: &Examined, rules: &[&PlannedRule], unapproved: &[Unapproved]) {
    let definitions = examined.catalogue.as_ref().map(Catalogue::definitions);
    let rules: Vec<_> = rules
        .iter()
        .map(|rule| {
            let header = &rule.file.header;
            json!({
                "id": header.id,
                "number": header.number,
                "legal_gate": header.legal_gate,
                "purpose": header.purpose,
                "stage": header.stage,
                "stage_since": header.stage_since.as_ref().and_then(Date::day).map(|day| day.to_string()),
                "fingerprint": fingerprint(examined, rule),
                "reads": read_by(examined, definitions.as_ref(), rule),
            })
        })
        .collect();
    let unapproved: Vec<_> =
        unapproved.iter().map(|text| json!({ "file": text.file, "sha256": text.sha256 })).collect();
    let report = json!({
        "ok": examined.problems.is_empty(),
        "problems": examined.problems,
        "rules": rules,
        "unapproved": unapproved,
    });
    say!("{report:#}");
}
