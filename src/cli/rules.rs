//! `permitwatch rules`: lists the rules, and describes one or all.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::cli::{Inputs, RulesArgs, counted, plan_rules, write_whole};
use crate::model::clock;
use crate::model::time::{Day, KnownTime, parse_day};
use crate::terminal::{self, say};
use crate::tools::check::coverage::Coverage;
use crate::tools::check::reference;

/// List the rules, show one, or write the page of all.
#[derive(Debug, Args)]
pub struct Rules {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One line a rule: number, id, title, classes, gate, stage, severity.
    List(RulesArgs),
    /// All there is to know about a rule.
    Show(ShowArgs),
    /// Write the page of all rules, in Markdown.
    Reference(ReferenceArgs),
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// Id or number, such as work-not-started or R01.
    id: String,
    #[command(flatten)]
    rules: RulesArgs,
    /// Day for which thresholds are shown; today without it.
    #[arg(long, value_name = "DATE", value_parser = day)]
    on: Option<Day>,
    /// Print the query plan as well.
    #[arg(long)]
    plan: bool,
}

#[derive(Debug, Args)]
struct ReferenceArgs {
    #[command(flatten)]
    rules: RulesArgs,
    /// File to write; standard output without it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

fn day(text: &str) -> Result<Day, String> {
    parse_day(text).ok_or_else(|| "write YYYY-MM-DD".into())
}

pub fn run(args: &Rules) -> anyhow::Result<()> {
    match &args.command {
        Command::List(rules) => list(rules),
        Command::Show(args) => show(args),
        Command::Reference(args) => write(args),
    }
}

fn list(rules: &RulesArgs) -> anyhow::Result<()> {
    for rule in rules.load()?.rules {
        let header = rule.header;
        let classes = match header.permit_classes.as_slice() {
            many if many.len() > 4 => format!("{} classes", many.len()),
            few => few.join(" "),
        };
        say!(
            "{:<4} {:<28} {:<8} {:<6} {:<7} {classes:<44} {}",
            header.number,
            header.id,
            header.legal_gate,
            header.stage,
            header.severity.name(),
            header.title.en
        );
    }
    Ok(())
}

fn show(args: &ShowArgs) -> anyhow::Result<()> {
    let catalogue = args.rules.load()?;
    let rules = plan_rules(&catalogue)?;
    let id = &catalogue.named(&args.id)?.header.id;
    let rule = rules.rules().iter().find(|rule| rule.file.header.id == *id).context("the rule has no plan")?;
    let on = args.on.unwrap_or_else(|| KnownTime(clock::wall().0).day());
    terminal::print(&reference::show(&catalogue, rule, on));
    if args.plan {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let plan = runtime.block_on(reference::plan(&catalogue, &rule.file)).context("cannot plan the rule")?;
        say!("\n{plan}");
    }
    Ok(())
}

fn write(args: &ReferenceArgs) -> anyhow::Result<()> {
    let [out] = Inputs::default().rules(&args.rules.rules).create([args.out.as_deref()])?;
    let catalogue = args.rules.load()?;
    let rules = plan_rules(&catalogue)?;
    let coverage = Coverage::load(&args.rules.rules).ok();
    let page = reference::page(&catalogue, coverage.as_ref(), &rules);
    match args.out.as_deref().zip(out) {
        Some((file, out)) => {
            write_whole(out, &page)?;
            say!("{} in {}", counted(rules.rules().len(), "rule"), file.display());
        }
        None => terminal::print(&page),
    }
    Ok(())
}
