//! `permitwatch check`: are the rules fit to run?

use clap::Args;

use crate::cli::{RulesArgs, plan_rules};

#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    rules: RulesArgs,
}

pub fn run(args: &CheckArgs) -> anyhow::Result<()> {
    let started = std::time::Instant::now();
    let catalogue = args.rules.load()?;
    let rules = plan_rules(&catalogue)?;
    for rule in rules.rules() {
        let header = &rule.file.header;
        let feeds: Vec<&str> = rule.tables.feeds().iter().map(|feed| feed.name()).collect();
        println!(
            "ok  {:<4} {:<26} {:<8} {}  reads {}",
            header.number,
            header.id,
            header.legal_gate,
            rule.fingerprint,
            feeds.join(", ")
        );
    }
    println!(
        "{} rules, {} views, {} thresholds checked in {} ms",
        catalogue.rules.len(),
        catalogue.views.len(),
        catalogue.thresholds.len(),
        started.elapsed().as_millis()
    );
    Ok(())
}
