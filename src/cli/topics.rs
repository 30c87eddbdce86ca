//! `permitwatch topics`: the topics that an installation needs, and making those that are missing.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand};

use crate::cli::counted;
use crate::config::Config;
use crate::kafka::topics::{self, Difference, Plan, Setting};
use crate::terminal;

/// The topics that an installation needs.
#[derive(Debug, Args)]
pub struct TopicsArgs {
    #[command(subcommand)]
    command: TopicsCommand,
}

#[derive(Debug, Subcommand)]
enum TopicsCommand {
    Create(CreateArgs),
}

/// Make the topics that are missing: feeds, the two internal ones, alerts and quarantine, each with the settings that it needs.
///
/// Without --apply nothing is made: it is said what would be. What exists is never changed; it is said in what it differs, and the
/// command ends with 1 if something does. It may be repeated at any time.
#[derive(Debug, Args)]
struct CreateArgs {
    /// Configuration: brokers, topic names.
    #[arg(long, value_name = "FILE", required_unless_present = "brokers")]
    config: Option<PathBuf>,
    /// Brokers, instead of the configuration's.
    #[arg(long, value_name = "HOST:PORT")]
    brokers: Option<String>,
    /// Partitions of each topic, and so shards, for good; without it as many as the topics that exist have.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=1024))]
    partitions: Option<i32>,
    /// Copies of each partition; without it three, or as many as there are brokers.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=9))]
    copies: Option<i32>,
    /// Make them.
    #[arg(long)]
    apply: bool,
}

pub fn run(args: &TopicsArgs) -> anyhow::Result<()> {
    let TopicsCommand::Create(args) = &args.command;
    let mut config = args.config.as_deref().map(Config::load).transpose()?.unwrap_or_default();
    if let Some(brokers) = &args.brokers {
        config.kafka.brokers.clone_from(brokers);
    }
    let plan = topics::plan(&config.kafka, args.partitions, args.copies)?;
    terminal::print(report(&plan, args.apply).trim_end());
    if args.apply {
        let made = topics::create(&config.kafka, &plan)?;
        terminal::print(&format!("{} made", counted(made.len(), "topic")));
    } else if !plan.missing.is_empty() {
        terminal::print("nothing has been made; --apply does");
    }
    let differing = plan.existing.iter().filter(|(_, differences)| !differences.is_empty()).count();
    if differing > 0 {
        bail!("{} already there and not as needed; what exists is not changed", counted(differing, "topic"));
    }
    Ok(())
}

fn report(plan: &Plan, apply: bool) -> String {
    let mut text = String::new();
    for (topic, differences) in &plan.existing {
        text.push_str(&topic.name);
        text.push_str(if differences.is_empty() { ": is as it should be\n" } else { ": differs\n" });
        for Difference { setting, found, wanted, why } in differences {
            text.push_str(&format!("  {setting} is {found}, needs {wanted}: {why}\n"));
        }
    }
    let verb = if apply { "is made" } else { "is missing; would be made" };
    for topic in &plan.missing {
        let Plan { partitions, copies, .. } = plan;
        let (partitions, copies) = (i64::from(*partitions) as usize, i64::from(*copies) as usize);
        let copies = if copies == 1 { "one copy".to_owned() } else { format!("{copies} copies") };
        text.push_str(&format!("{}: {verb} with {}, {copies}\n", topic.name, counted(partitions, "partition")));
        for Setting { name, value, .. } in &topic.settings {
            text.push_str(&format!("  {name}={value}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::KafkaConfig;

    #[test]
    fn what_differs_and_what_is_missing_is_said() {
        let mut wanted = topics::wanted(&KafkaConfig::default());
        let (alerts, permits) = (wanted.swap_remove(9), wanted.swap_remove(0));
        let difference =
            Difference { setting: "partitions", found: "3".into(), wanted: "2".into(), why: "a count is for good" };
        let plan =
            Plan { partitions: 2, copies: 1, missing: vec![permits], existing: vec![(alerts, vec![difference])] };
        let text = report(&plan, false);
        assert!(
            text.starts_with("permitwatch.alerts: differs\n  partitions is 3, needs 2: a count is for good\n"),
            "{text}"
        );
        let missing =
            "permitwatch.permits: is missing; would be made with 2 partitions, one copy\n  cleanup.policy=delete\n";
        assert!(text.contains(missing), "{text}");
    }
}
