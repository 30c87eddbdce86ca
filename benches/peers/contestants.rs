//! Who takes part, with which command and which set of rules.

use std::path::{Path, PathBuf};

use crate::measure::Run;
use crate::{Options, Places};

pub const RULES: [&str; 5] = [
    "work-not-started",
    "salary-below-floor",
    "employer-mismatch",
    "permanent-permit-emigrated",
    "protected-home-travel",
];
/// One system with one set of rules.
pub struct Contestant {
    pub name: &'static str,
    pub peer: Option<&'static str>,
    pub rules: &'static str,
    pub command: Vec<String>,
    pub answers: PathBuf,
    pub runs: Vec<Run>,
    pub failure: Option<String>,
}

impl Contestant {
    /// Whether it has neither failed nor taken its time.
    pub fn runs_again(&self, patience: f64) -> bool {
        self.failure.is_none() && self.runs.iter().map(|run| run.wall_seconds).sum::<f64>() < patience
    }
}

/// Input, rules' directory and rules, as permitwatch's commands take them.
pub fn asked(places: &Places, rules: &str) -> Vec<String> {
    let directory = if rules == "full" { places.repository.join("queries") } else { places.reduced.clone() };
    let mut words = vec!["--input".to_owned(), text(&places.input), "--rules".to_owned(), text(&directory)];
    for rule in RULES {
        words.extend(["--rule".to_owned(), rule.to_owned()]);
    }
    words
}

pub fn text(path: &Path) -> String {
    path.display().to_string()
}

/// All contestants, in the order of the table.
pub fn contestants(options: &Options, places: &Places) -> Vec<Contestant> {
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
