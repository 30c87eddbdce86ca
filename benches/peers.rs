//! permitwatch beside other systems, on the same recorded feeds: `cargo bench --bench peers -- [options]`.
//!
//! Method: installs each peer from the registries (`benches/peers/<name>/install.sh`), generates the feeds once, runs every
//! contestant in turns and takes medians, holds its answers against permitwatch's batch answer, then runs the
//! streaming peers at a fixed rate for their latency. What each is asked, and what it cannot say: `benches/peers/README.md`. A
//! peer that cannot be installed or fails is reported as such. Prints a table, writes `target/peers.json`.

#[path = "peers/measure.rs"]
mod measure;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use measure::{Run, run};

const RULES: [&str; 5] = [
    "work-not-started",
    "salary-below-floor",
    "employer-mismatch",
    "permanent-permit-emigrated",
    "protected-home-travel",
];
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

/// One system with one set of rules.
struct Contestant {
    name: &'static str,
    peer: Option<&'static str>,
    rules: &'static str,
    command: Vec<String>,
    answers: PathBuf,
    runs: Vec<Run>,
    failure: Option<String>,
}

impl Contestant {
    fn runs_again(&self, patience: f64) -> bool {
        self.failure.is_none() && self.runs.iter().map(|run| run.wall_seconds).sum::<f64>() < patience
    }
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

/// Input, rules' directory and rules, as permitwatch's commands take them.
fn asked(places: &Places, rules: &str) -> Vec<String> {
    let directory = if rules == "full" { places.repository.join("queries") } else { places.reduced.clone() };
    let mut words = vec!["--input".to_owned(), text(&places.input), "--rules".to_owned(), text(&directory)];
    for rule in RULES {
        words.extend(["--rule".to_owned(), rule.to_owned()]);
    }
    words
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn contestants(options: &Options, places: &Places) -> Vec<Contestant> {
    let mut all = Vec::new();
    for &rules in &options.rules {
        let answers = |name: &str| places.home.join(format!("answers-{rules}-{name}"));
        let mut add = |name, peer, command: Vec<String>, answers| {
            all.push(Contestant { name, peer, rules, command, answers, runs: Vec::new(), failure: None });
        };
        let standing = answers("permitwatch");
        let mut words = vec![text(&options.permitwatch), "replay".to_owned()];
        words.extend(asked(places, rules));
        words.extend(["--mode", "timeline", "--partitions", "2", "--standing"].map(str::to_owned));
        words.push(text(&standing));
        add("permitwatch", None, words, standing);
        let sql = text(&places.home.join(format!("{rules}.sql")));
        let out = answers("duckdb");
        let words = vec![python(places, "duckdb"), ours(places, "duckdb/run.py"), sql.clone(), text(&out)];
        add("DuckDB, one batch", Some("duckdb"), words, out);
        let out = answers("datafusion");
        let mut words = vec![python(places, "datafusion"), ours(places, "datafusion/run.py"), sql];
        words.extend([text(&places.input.join("parquet")), text(&out)]);
        add("DataFusion per micro-batch", Some("datafusion"), words, out);
        if rules == "reduced" {
            let out = answers("flink");
            add("Flink SQL", Some("flink"), flink(places, &out), out);
            for (name, workers) in [("differential dataflow, 2", "2"), ("differential dataflow, 1", "1")] {
                let out = answers(&format!("differential-{workers}"));
                add(name, Some("differential"), differential(places, &out, workers), out);
            }
        }
    }
    all
}

fn python(places: &Places, peer: &str) -> String {
    text(&places.home.join(peer).join("bin/python"))
}

fn ours(places: &Places, file: &str) -> String {
    text(&places.repository.join("benches/peers").join(file))
}

fn flink(places: &Places, answers: &Path) -> Vec<String> {
    let home = text(&places.home.join("flink"));
    vec![
        "bash".to_owned(),
        ours(places, "flink/run.sh"),
        home,
        text(&places.input),
        places.as_of.clone(),
        text(answers),
    ]
}

fn differential(places: &Places, answers: &Path, workers: &str) -> Vec<String> {
    let binary = text(&places.home.join("differential/peer-differential"));
    let mut words = vec![binary, text(&places.input), places.as_of.clone(), text(answers)];
    words.extend([workers, "20000"].map(str::to_owned));
    words
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

type Answer = (String, String, String);

/// permitwatch's batch answer: the plain query over the files, without the engine.
fn reference(options: &Options, places: &Places, rules: &str) -> Result<BTreeSet<Answer>> {
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

fn row(contestant: &Contestant, places: &Places, references: &[(&str, BTreeSet<Answer>)]) -> Value {
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

fn show(report: &Value) {
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
