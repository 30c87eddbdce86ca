//! permitwatch beside other systems, on the same recorded feeds: `cargo bench --bench peers -- [options]`.
//!
//! Method: installs each peer from the registries (`benches/peers/<name>/install.sh`), generates the feeds once, runs every
//! contestant in turns and takes medians, holds its answers against permitwatch's batch answer, then runs the
//! streaming peers at a fixed rate for their latency. What each is asked, and what it cannot say: `benches/peers/README.md`. A
//! peer that cannot be installed or fails is reported as such. Prints a table, writes `target/peers.json`.

#[path = "peers/contestants.rs"]
mod contestants;
#[path = "peers/measure.rs"]
mod measure;
#[path = "peers/outcome.rs"]
mod outcome;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use contestants::{Contestant, RULES, asked, contestants};
use measure::run;
use outcome::{reference, row, show};

const PEERS: [&str; 4] = ["duckdb", "datafusion", "flink", "differential"];
/// What the rules' directory must hold besides rules and views.
const FIXED: [&str; 7] =
    ["standing.sql", "tables.sql", "duckdb.sql", "parameters.csv", "gateways.toml", "coverage.toml", "views"];

/// What a user may choose.
struct Options {
    persons: u64,
    years: u64,
    runs: usize,
    /// Records a second of the latency runs, and how many records they last.
    rate: u64,
    paced: u64,
    /// Who has run for so many seconds in all is not run again.
    patience: f64,
    /// `full`, `reduced`, or both.
    rules: Vec<&'static str>,
    /// Peers to leave in; all without it.
    only: Vec<String>,
    permitwatch: PathBuf,
}

/// Where things are.
struct Places {
    repository: PathBuf,
    home: PathBuf,
    input: PathBuf,
    reduced: PathBuf,
    as_of: String,
    messages: u64,
}

fn main() -> Result<()> {
    let options = options()?;
    let repository = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let home = match std::env::var_os("PERMITWATCH_PEERS") {
        Some(home) => PathBuf::from(home),
        None => PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cache/permitwatch/peers"),
    };
    std::fs::create_dir_all(&home)?;
    let installed: Vec<(&str, Result<String, String>)> = PEERS
        .into_iter()
        .filter(|peer| options.only.is_empty() || options.only.iter().any(|only| only == peer))
        .map(|peer| (peer, install(&repository, &home, peer)))
        .collect();
    for (peer, outcome) in &installed {
        match outcome {
            Ok(version) => eprintln!("{peer}: {version}"),
            Err(reason) => eprintln!("{peer}: NOT INSTALLED: {reason}"),
        }
    }
    let places = prepare(&options, repository, home)?;
    let mut contestants = contestants(&options, &places);
    contestants.retain(|contestant| {
        contestant.peer.is_none_or(|peer| installed.iter().any(|(name, outcome)| *name == peer && outcome.is_ok()))
    });
    let load_before = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    for round in 1..=options.runs {
        for contestant in contestants.iter_mut().filter(|contestant| contestant.runs_again(options.patience)) {
            eprintln!("round {round}: {} ({} rules)", contestant.name, contestant.rules);
            match run(&contestant.command) {
                Ok(run) => contestant.runs.push(run),
                Err(error) => contestant.failure = Some(format!("{error:#}")),
            }
        }
    }
    let latencies = if options.rate > 0 { paced(&options, &contestants) } else { Vec::new() };
    let references =
        [("full", reference(&options, &places, "full")?), ("reduced", reference(&options, &places, "reduced")?)];
    let rows: Vec<Value> = contestants.iter().map(|contestant| row(contestant, &places, &references)).collect();
    let missing: Vec<Value> = installed
        .iter()
        .filter_map(|(peer, outcome)| outcome.as_ref().err().map(|why| json!({"peer": peer, "not_installed": why})))
        .collect();
    let report = json!({
        "persons": options.persons, "years": options.years, "messages": places.messages, "as_of": places.as_of,
        "runs": options.runs, "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "load_average_before": load_before.trim(), "rules": RULES, "throughput": rows, "latency": latencies, "missing": missing,
    });
    show(&report);
    let target = places.repository.join("target");
    std::fs::create_dir_all(&target)?;
    std::fs::write(target.join("peers.json"), serde_json::to_string_pretty(&report)?)?;
    eprintln!("written to target/peers.json");
    Ok(())
}

fn options() -> Result<Options> {
    let mut options = Options {
        persons: 4000,
        years: 3,
        runs: 3,
        rate: 1000,
        paced: 20_000,
        patience: 60.0,
        rules: vec!["full", "reduced"],
        only: Vec::new(),
        permitwatch: std::env::var_os("PERMITWATCH")
            .map_or_else(|| env!("CARGO_BIN_EXE_permitwatch").into(), PathBuf::from),
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} needs a value"));
        match word.as_str() {
            "--bench" => {}
            "--persons" => options.persons = value()?.parse()?,
            "--years" => options.years = value()?.parse()?,
            "--runs" => options.runs = value()?.parse()?,
            "--rate" => options.rate = value()?.parse()?,
            "--paced" => options.paced = value()?.parse()?,
            "--patience" => options.patience = value()?.parse()?,
            "--rules" => {
                let asked = value()?;
                options.rules.retain(|rules| *rules == asked);
            }
            "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
            other => bail!(
                "unknown option {other}: --persons N, --years N, --runs N, --rate N (0: no latency runs), --paced N, --patience SECONDS, --rules full|reduced, --only a,b"
            ),
        }
    }
    Ok(options)
}

/// Runs the peer's script; what it says of its version, or why it failed.
fn install(repository: &Path, home: &Path, peer: &str) -> Result<String, String> {
    let script = repository.join("benches/peers").join(peer).join("install.sh");
    let output = Command::new("bash").arg(&script).arg(home.join(peer)).output().map_err(|error| error.to_string())?;
    let last = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().lines().last().unwrap_or("").to_owned();
    if output.status.success() { Ok(last(&output.stdout)) } else { Err(last(&output.stderr)) }
}

/// Generates the feeds, puts the reduced rules beside the fixed files, and prints both batch scripts.
fn prepare(options: &Options, repository: PathBuf, home: PathBuf) -> Result<Places> {
    let input = home.join(format!("input-{}-{}", options.persons, options.years));
    if !input.join("manifest.json").exists() {
        let (persons, years) = (options.persons.to_string(), options.years.to_string());
        quiet(
            Command::new(&options.permitwatch)
                .args(["generate", "--persons", &persons, "--years", &years, "--out"])
                .arg(&input),
        )?;
    }
    let manifest: Value = serde_json::from_str(&std::fs::read_to_string(input.join("manifest.json"))?)?;
    let feeds = manifest["feeds"].as_object().context("manifest.json names no feeds")?;
    let messages = feeds.values().filter_map(|feed| feed["messages"].as_u64()).sum();
    let as_of = manifest["until"].as_str().context("manifest.json has no \"until\"")?.to_owned();
    let reduced = home.join("rules");
    if reduced.exists() {
        std::fs::remove_dir_all(&reduced)?;
    }
    std::fs::create_dir_all(reduced.join("links"))?;
    let ours = repository.join("benches/peers/rules");
    for name in FIXED {
        let from = if name == "views" { ours.join(name) } else { repository.join("queries").join(name) };
        copy(&from, &reduced.join(name))?;
    }
    for rule in RULES {
        copy(&ours.join(format!("{rule}.sql")), &reduced.join(format!("{rule}.sql")))?;
    }
    let places = Places { repository, home, input, reduced, as_of, messages };
    for rules in ["full", "reduced"] {
        let mut command = Command::new(&options.permitwatch);
        command.arg("sql").args(asked(&places, rules));
        let output = command.output()?;
        ensure!(output.status.success(), "permitwatch sql: {}", String::from_utf8_lossy(&output.stderr));
        std::fs::write(places.home.join(format!("{rules}.sql")), output.stdout)?;
    }
    Ok(places)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_dir() {
        std::fs::create_dir_all(to)?;
        for entry in std::fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
    } else {
        std::fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    }
    Ok(())
}

fn quiet(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    ensure!(output.status.success(), "{:?}: {}", command.get_program(), String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// The reduced rules at a fixed rate, for those peers that take records as they come.
fn paced(options: &Options, contestants: &[Contestant]) -> Vec<Value> {
    let pace = [options.rate.to_string(), options.paced.to_string()];
    let streaming =
        contestants.iter().filter(|contestant| contestant.rules == "reduced" && contestant.failure.is_none());
    streaming
        .filter_map(|contestant| {
            let mut words = contestant.command.clone();
            match contestant.peer {
                Some("flink" | "differential") => words.extend(pace.clone()),
                Some("datafusion") => {
                    words.extend(["--rate".to_owned(), pace[0].clone(), "--paced".to_owned(), pace[1].clone()]);
                }
                _ => return None,
            }
            eprintln!("latency: {}", contestant.name);
            Some(match run(&words) {
                Ok(run) => json!({"name": contestant.name, "result": run.said}),
                Err(error) => json!({"name": contestant.name, "failed": format!("{error:#}")}),
            })
        })
        .collect()
}
