//! `permitwatch doctor`: is a live cluster what the engine needs, and are the feeds what an adapter should write?

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use crate::cli::counted;
use crate::config::Config;
use crate::model::clock;
use crate::terminal;
use crate::tools::doctor::{Finding, Level, examine};

/// Check a live cluster: partition counts, partitioner, timestamps, clock messages, retention, a sample of the records.
///
/// Reads a bounded sample and writes nothing. Exits with 1 if something would make the engine err or lose something;
/// warnings leave it at 0.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Configuration: brokers, topic names, feeds.
    #[arg(long, value_name = "FILE", required_unless_present = "brokers")]
    config: Option<PathBuf>,
    /// Brokers to ask, instead of the configuration's.
    #[arg(long, value_name = "HOST:PORT")]
    brokers: Option<String>,
}

pub fn run(args: &DoctorArgs) -> anyhow::Result<()> {
    let mut config = args.config.as_deref().map(Config::load).transpose()?.unwrap_or_default();
    if let Some(brokers) = &args.brokers {
        config.kafka.brokers.clone_from(brokers);
    }
    let findings = examine(&config, clock::wall());
    terminal::print(report(&findings).trim_end());
    let failed = findings.iter().filter(|finding| finding.level == Level::Fail).count();
    if failed > 0 {
        bail!("{} to mend before the detector can rely on this cluster", counted(failed, "finding"));
    }
    Ok(())
}

/// By topic, the cluster first; within a topic the worst findings first.
fn report(findings: &[Finding]) -> String {
    let mut by_topic: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        by_topic.entry(&finding.topic).or_default().push(finding);
    }
    let mut text = String::new();
    for (topic, mut findings) in by_topic {
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
        text.push_str(if topic.is_empty() { "cluster" } else { topic });
        text.push('\n');
        for finding in findings {
            text.push_str(&format!("  {:<4}  {}\n", finding.level.name(), finding.message));
            if !finding.hint.is_empty() {
                text.push_str(&format!("        -> {}\n", finding.hint));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_stand_by_topic_the_worst_first() {
        let finding = |level, topic: &str, message: &str, hint: &str| Finding {
            level,
            topic: topic.into(),
            message: message.into(),
            hint: hint.into(),
        };
        let findings = [
            finding(Level::Ok, "b", "fine", ""),
            finding(Level::Fail, "b", "broken", "mend it"),
            finding(Level::Ok, "", "reached", ""),
        ];
        let expected = "cluster\n  ok    reached\nb\n  fail  broken\n        -> mend it\n  ok    fine\n";
        assert_eq!(report(&findings), expected);
    }
}
