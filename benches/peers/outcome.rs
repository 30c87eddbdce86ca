//! What came out: answers held against permitwatch's batch answer, medians, the table.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::contestants::{Contestant, asked};
use crate::measure::Run;
use crate::{Options, Places, quiet};

/// Rule, permit, alert key.
pub type Answer = (String, String, String);

/// permitwatch's batch answer: the plain query over the files, without the engine.
pub fn reference(options: &Options, places: &Places, rules: &str) -> Result<BTreeSet<Answer>> {
    let out = places.home.join(format!("answers-{rules}-batch"));
    quiet(
        Command::new(&options.permitwatch)
            .arg("replay")
            .args(asked(places, rules))
            .args(["--mode", "batch", "--out"])
            .arg(&out),
    )?;
    read_answers(&out)
}

/// Lines of JSON (permitwatch) or of rule, permit and key between tabs (the peers).
fn read_answers(file: &Path) -> Result<BTreeSet<Answer>> {
    let content = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    content
        .lines()
        .map(|line| {
            if line.starts_with('{') {
                let value: Value = serde_json::from_str(line)?;
                let field = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
                return Ok((field("rule_id"), field("subject"), field("alert_key")));
            }
            let mut parts = line.split('\t').map(str::to_owned);
            let mut next = || parts.next().context("an answer with fewer than three parts");
            Ok((next()?, next()?, next()?))
        })
        .collect()
}

/// One contestant's line of the report.
pub fn row(contestant: &Contestant, places: &Places, references: &[(&str, BTreeSet<Answer>)]) -> Value {
    let head = json!({"name": contestant.name, "rules": contestant.rules});
    if let Some(why) = &contestant.failure {
        return json!({"name": contestant.name, "rules": contestant.rules, "failed": why});
    }
    let mut row = head;
    let median = |of: fn(&Run) -> f64| {
        let mut values: Vec<f64> = contestant.runs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let (wall, cpu) = (median(|run| run.wall_seconds), median(|run| run.cpu_seconds));
    row["wall_seconds"] = json!(wall);
    row["cpu_seconds"] = json!(cpu);
    row["records_per_second"] = json!((places.messages as f64 / wall).round());
    row["records_per_cpu_second"] = json!((places.messages as f64 / cpu).round());
    row["peak_mib"] = json!(median(|run| run.peak_kib as f64 / 1024.0).round());
    row["all_wall_seconds"] = json!(contestant.runs.iter().map(|run| run.wall_seconds).collect::<Vec<_>>());
    row["said"] = contestant.runs.last().map_or(Value::Null, |run| run.said.clone());
    let expected = references.iter().find(|(rules, _)| *rules == contestant.rules).map(|(_, answers)| answers);
    match (read_answers(&contestant.answers), expected) {
        (Ok(found), Some(expected)) => {
            row["answers"] = json!(found.len());
            row["missing"] = json!(expected.difference(&found).collect::<Vec<_>>());
            row["extra"] = json!(found.difference(expected).collect::<Vec<_>>());
        }
        (Err(error), _) => row["answers"] = json!(format!("{error:#}")),
        _ => {}
    }
    row
}

pub fn show(report: &Value) {
    println!(
        "{} holders, {} years, {} records, medians of up to {} runs, load average before: {}",
        report["persons"],
        report["years"],
        report["messages"],
        report["runs"],
        report["load_average_before"].as_str().unwrap_or("")
    );
    let head =
        ["rules", "system", "wall s", "CPU s", "records/s", "per CPU-s", "peak MiB", "answers", "missing", "extra"];
    println!("{}", line(&head.map(str::to_owned)));
    for row in report["throughput"].as_array().into_iter().flatten() {
        let name = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        if let Some(why) = row["failed"].as_str() {
            println!("{:8} {:27} FAILED: {why}", name("rules"), name("name"));
            continue;
        }
        let number = |key: &str, digits: usize| format!("{:.digits$}", row[key].as_f64().unwrap_or(f64::NAN));
        let count = |key: &str| row[key].as_array().map_or_else(|| "?".to_owned(), |rows| rows.len().to_string());
        println!(
            "{}",
            line(&[
                name("rules"),
                name("name"),
                number("wall_seconds", 2),
                number("cpu_seconds", 2),
                number("records_per_second", 0),
                number("records_per_cpu_second", 0),
                number("peak_mib", 0),
                number("answers", 0),
                count("missing"),
                count("extra"),
            ])
        );
    }
    for entry in report["latency"].as_array().into_iter().flatten() {
        println!("latency, {}: {}", entry["name"].as_str().unwrap_or_default(), entry.get("result").unwrap_or(entry));
    }
    for entry in report["missing"].as_array().into_iter().flatten() {
        println!("not installed: {entry}");
    }
}

fn line(cells: &[String; 10]) -> String {
    let widths = [8, 27, 9, 9, 11, 11, 9, 8, 8, 6];
    let mut out = String::new();
    for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
        out.push_str(&if at < 2 { format!("{cell:width$} ") } else { format!("{cell:>width$}") });
    }
    out
}
